//! The second step of sign-in: what an authenticator is told, and what it answers.

use secrecy::{ExposeSecret as _, SecretString};
use tod_proto::api::account::Me;
use tod_proto::api::totp::{
    Begin, BeginBody, Disable, DisableBody, Enable, EnableBody, Finish, FinishBody,
};
use tod_proto::page::Empty;

use crate::call::Client;
use crate::error::Error;
use crate::secret_key::SecretKey;
use crate::sign_in::SecondStep;

/// What an authenticator reads from a QR code. `server` tells accounts on several servers apart.
/// What every authenticator takes for granted is left out (SHA-1, six digits, thirty seconds), so
/// that the code is small.
pub fn uri(secret: &SecretString, email: &str, server: &str) -> SecretString {
    let issuer = escaped(&format!("tod {}", host(server)));
    let text = format!(
        "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}",
        escaped(email),
        secret.expose_secret(),
    );
    text.into()
}

fn host(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let end = rest.find('/').unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

/// Percent-encoding: a blank is `%20`, as authenticators want it, and a colon would end the issuer.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out + char::from(byte).to_string().as_str()
        } else {
            format!("{out}%{byte:02X}")
        }
    })
}

impl Client {
    /// Finishes a sign-in with a code, and takes up the session. A wrong code may be followed by
    /// another one.
    pub async fn second_step(&self, step: &SecondStep, code: &SecretString) -> Result<Me, Error> {
        let body = FinishBody {
            ticket: step.ticket.expose_secret().to_owned(),
            code: code.expose_secret().to_owned(),
        };
        let signed_in = self.call(Finish, Empty {}, Empty {}, body).await?;
        self.auth.adopt(signed_in.tokens).await?;
        Ok(signed_in.me)
    }

    /// Has the server make a secret for an authenticator: base 32, for [`uri`].
    pub async fn begin_totp(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
    ) -> Result<SecretString, Error> {
        let (answer, proof) = self.prove(email, password, secret_key).await?;
        let body = BeginBody { proof };
        let new = self.call(Begin, Empty {}, Empty {}, body).await?;
        answer.check(&new.server_proof)?;
        Ok(new.secret.into())
    }

    /// Puts the second step in use. Returns the recovery codes.
    pub async fn enable_totp(&self, code: &SecretString) -> Result<Vec<String>, Error> {
        let body = EnableBody {
            code: code.expose_secret().to_owned(),
        };
        Ok(self.call(Enable, Empty {}, Empty {}, body).await?.codes)
    }

    /// Takes the second step away.
    pub async fn disable_totp(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
        code: &SecretString,
    ) -> Result<(), Error> {
        let (answer, proof) = self.prove(email, password, secret_key).await?;
        let body = DisableBody {
            proof,
            code: code.expose_secret().to_owned(),
        };
        let done = self.call(Disable, Empty {}, Empty {}, body).await?;
        answer.check(&done.server_proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authenticator_is_told_whose_code_it_is_and_where() {
        let text = uri(
            &"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into(),
            "ana+tod@example.org",
            "https://tod.example:8443/",
        );
        assert_eq!(
            text.expose_secret(),
            "otpauth://totp/tod%20tod.example%3A8443:ana%2Btod%40example.org\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=tod%20tod.example%3A8443"
        );
    }
}
