//! Enrolling, signing in and signing out.

use secrecy::SecretString;
use tod_proto::api::account::{
    ChangePassword, ChangePasswordBody, Delete, DeleteBody, DeletionReceipt, Enrol, EnrolBody, Me,
    Proof, RefreshBody, SignOut, SrpFinish, SrpFinishBody, SrpFinished, SrpStart, SrpStartBody,
    Verifier,
};
use tod_proto::page::Empty;

use crate::auth::Grant;
use crate::call::Client;
use crate::error::Error;
use crate::secret_key::SecretKey;
use crate::srp::{Answer, Credentials, account};

/// Who enrols, and with what.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The setup token or the invitation.
    pub token: SecretString,
    /// The e-mail address.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The name of the first tenant, with a setup token.
    pub tenant: Option<String>,
}

/// How far a sign-in has come.
#[derive(Clone, Debug)]
pub enum Begun {
    /// The person is signed in.
    SignedIn(Box<Me>),
    /// They have to give a code.
    SecondStep(SecondStep),
}

/// A sign-in that waits for a code.
#[derive(Clone, Debug)]
pub struct SecondStep {
    pub(crate) ticket: SecretString,
}

impl Client {
    /// Enrols a person. The server gets a verifier, never the password or the Secret Key.
    pub async fn enrol(
        &self,
        who: Enrolment,
        password: &SecretString,
        secret_key: &SecretKey,
    ) -> Result<Me, Error> {
        use secrecy::ExposeSecret as _;

        let verifier: Verifier =
            derive(&who.email, password, secret_key, |who| who.verifier()).await?;
        let body = EnrolBody {
            token: who.token.expose_secret().to_owned(),
            email: account(&who.email),
            name: who.name,
            tenant: who.tenant,
            verifier,
        };
        self.call(Enrol, Empty {}, Empty {}, body).await
    }

    /// Signs in and takes up the session. `label` is what the person's list of sessions shows. Who
    /// has a second step is refused with [`Error::SecondStep`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
        label: &str,
    ) -> Result<Me, Error> {
        match self
            .begin_sign_in(email, password, secret_key, label)
            .await?
        {
            Begun::SignedIn(me) => Ok(*me),
            Begun::SecondStep(_) => Err(Error::SecondStep),
        }
    }

    /// The same, where somebody can be asked for a code: [`Client::second_step`] takes it.
    pub async fn begin_sign_in(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
        label: &str,
    ) -> Result<Begun, Error> {
        let (answer, proof) = self.prove(email, password, secret_key).await?;
        let body = SrpFinishBody {
            handshake: proof.handshake,
            client_public: proof.client_public,
            client_proof: proof.client_proof,
            label: label.to_owned(),
        };
        match self.call(SrpFinish, Empty {}, Empty {}, body).await? {
            SrpFinished::Session(session) => {
                answer.check(&session.server_proof)?;
                self.auth.adopt(session.tokens).await?;
                Ok(Begun::SignedIn(Box::new(session.me)))
            }
            SrpFinished::SecondStep(step) => {
                // Nobody is asked for a code on behalf of an impostor.
                answer.check(&step.server_proof)?;
                Ok(Begun::SecondStep(SecondStep {
                    ticket: step.ticket.into(),
                }))
            }
        }
    }

    /// Changes the password, the Secret Key or both, by a proof of the old ones. Returns how many
    /// other sessions have ended.
    pub async fn change_password(
        &self,
        email: &str,
        old: (&SecretString, &SecretKey),
        new: (&SecretString, &SecretKey),
    ) -> Result<u64, Error> {
        let verifier: Verifier = derive(email, new.0, new.1, |who| who.verifier()).await?;
        let (answer, proof) = self.prove(email, old.0, old.1).await?;
        let body = ChangePasswordBody { proof, verifier };
        let changed = self.call(ChangePassword, Empty {}, Empty {}, body).await?;
        answer.check(&changed.server_proof)?;
        Ok(changed.sessions_ended)
    }

    /// Deletes the account that is signed in here.
    pub async fn delete_account(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
    ) -> Result<DeletionReceipt, Error> {
        let (answer, proof) = self.prove(email, password, secret_key).await?;
        let body = DeleteBody { proof };
        let receipt = self.call(Delete, Empty {}, Empty {}, body).await?;
        answer.check(&receipt.server_proof)?;
        Ok(receipt)
    }

    /// Begins a handshake and answers it, for something else than a session.
    pub(crate) async fn prove(
        &self,
        email: &str,
        password: &SecretString,
        secret_key: &SecretKey,
    ) -> Result<(Answer, Proof), Error> {
        let email = account(email);
        let body = SrpStartBody {
            email: email.clone(),
        };
        let challenge = self.call(SrpStart, Empty {}, Empty {}, body).await?;
        let handshake = challenge.handshake.clone();
        let answer: Answer = derive(&email, password, secret_key, move |who| {
            who.answer(&challenge)
        })
        .await?;
        let proof = Proof {
            handshake,
            client_public: answer.client_public.clone(),
            client_proof: answer.client_proof.clone(),
        };
        Ok((answer, proof))
    }

    /// Forgets the session here, then ends it at the server.
    ///
    /// Returns whether there was one. If the server cannot be reached it is forgotten all the
    /// same, and the error says so.
    pub async fn sign_out(&self) -> Result<bool, Error> {
        let Some(grant) = self.auth.forget().await? else {
            return Ok(false);
        };
        let refresh_token = grant.tokens.refresh_token;
        let body = RefreshBody { refresh_token };
        match self.call(SignOut, Empty {}, Empty {}, body).await {
            // Refused: it had ended already.
            Ok(Empty {}) | Err(Error::Refused(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The session as it is kept here, without asking the server.
    pub async fn grant(&self) -> Result<Option<Grant>, Error> {
        self.auth.grant().await
    }
}

/// Runs a derivation on a thread of its own: it takes a quarter of a second.
async fn derive<T: Send + 'static>(
    email: &str,
    password: &SecretString,
    secret_key: &SecretKey,
    act: impl FnOnce(Credentials<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (email, password, secret_key) = (email.to_owned(), password.clone(), secret_key.clone());
    let task = tokio::task::spawn_blocking(move || {
        act(Credentials {
            email: &email,
            password: &password,
            secret_key: &secret_key,
        })
    });
    task.await.map_err(Error::malformed)?
}
