//! Where clients come in, as whoever started `todd` is told.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where clients come in.
#[derive(Clone, Debug)]
pub struct Door {
    /// The address that is listened on.
    pub address: SocketAddr,
    /// SHA-256 of the certificate in hex; nothing when TLS is not spoken.
    pub fingerprint: Option<String>,
    /// Where the token for the first sign-in lies, while nobody is enrolled.
    pub setup_token: PathBuf,
}

impl Door {
    /// Says where, to whoever started us.
    pub(crate) fn describe(&self) -> String {
        let Some(pin) = &self.fingerprint else {
            return format!("listening on http://{}", self.address);
        };
        let text = format!(
            "listening on https://{}\ncertificate sha256 {pin}",
            self.address
        );
        if !self.setup_token.exists() {
            return text;
        }
        let (address, token) = (self.address, self.setup_token.display());
        format!(
            "{text}\nnobody is enrolled yet; on this machine:\n  todctl setup --server \
             https://{address} --trust-server {pin} --token-file {token}"
        )
    }
}
