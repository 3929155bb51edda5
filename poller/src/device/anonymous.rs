//! TLS without a certificate: what `api-ssl` speaks until it is given one.
//!
//! **Nobody is authenticated.** Whoever is in between can read the password and change every answer;
//! only who merely listens is kept out. So it is used for devices whose record says so and for no
//! others, and nothing is pinned by it. This is the only file that knows OpenSSL: rustls has, for
//! good reason, no anonymous suites.

use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::error::LinkError;

/// Anonymous suites and no others: a device that has a certificate does not come to a session that
/// would not look at it. OpenSSL offers them only at its lowest level of security.
const SUITES: &str = "ADH:AECDH:!eNULL:!EXPORT:!RC4:!DES:@SECLEVEL=0";

/// Encrypts a connection to nobody in particular.
pub(super) async fn connect(stream: TcpStream) -> Result<SslStream<TcpStream>, LinkError> {
    let session = session().map_err(|error| failed(&error))?;
    let mut stream = SslStream::new(session, stream).map_err(|error| failed(&error))?;
    Pin::new(&mut stream)
        .connect()
        .await
        .map_err(|error| LinkError::Anonymous(error.to_string()))?;
    Ok(stream)
}

fn session() -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_verify(SslVerifyMode::NONE);
    context.set_cipher_list(SUITES)?;
    // There are no anonymous suites in TLS 1.3; version 6 of RouterOS may know nothing newer than 1.0.
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    context.set_max_proto_version(Some(SslVersion::TLS1_2))?;
    Ssl::new(&context.build())
}

fn failed(error: &ErrorStack) -> LinkError {
    LinkError::Anonymous(error.to_string())
}
