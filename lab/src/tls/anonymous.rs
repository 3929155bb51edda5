//! TLS without certificate: anonymous Diffie-Hellman, which is all that a new device offers.
//!
//! The one place where the lab uses OpenSSL, because nothing else speaks this any more. It is
//! unauthenticated: whoever is in between reads and changes everything.

use std::pin::Pin;
use std::sync::OnceLock;

use anyhow::Context as _;
use openssl::dh::Dh;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVersion};
use tokio_openssl::SslStream;

use crate::gate::Gated;

/// What RouterOS offers then; OpenSSL has forbidden it at every higher level of security.
const CIPHERS: &str = "ADH:@SECLEVEL=0";

/// Shakes hands with a client.
pub(super) async fn accept(stream: Gated) -> anyhow::Result<SslStream<Gated>> {
    let ssl = Ssl::new(context()?).context("cannot begin a handshake")?;
    let mut stream = SslStream::new(ssl, stream).context("cannot begin a handshake")?;
    Pin::new(&mut stream)
        .accept()
        .await
        .context("a client does not finish its handshake")?;
    Ok(stream)
}

fn context() -> anyhow::Result<&'static SslContext> {
    static CONTEXT: OnceLock<SslContext> = OnceLock::new();
    if let Some(context) = CONTEXT.get() {
        return Ok(context);
    }
    let made = make().context("cannot offer TLS without certificate")?;
    Ok(CONTEXT.get_or_init(|| made))
}

fn make() -> Result<SslContext, openssl::error::ErrorStack> {
    let mut builder = SslContext::builder(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_cipher_list(CIPHERS)?;
    let group = Dh::get_2048_256()?;
    builder.set_tmp_dh(&group)?;
    Ok(builder.build())
}
