//! Signing in: the machine of both schemes.

use std::fmt;

use md5::{Digest as _, Md5};

use crate::command::Command;
use crate::error::{Category, Trap};
use crate::reply::{Kind, ReplyRef};
use crate::text;

/// Which schemes of signing in may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// One step, as since 6.43. Nothing else is tried.
    #[default]
    Plain,
    /// One step, then the challenge of older versions if the device asks for it.
    ///
    /// By then it has seen the password, so this is for devices known to be old.
    PlainThenChallenge,
    /// The challenge of versions before 6.43 only; the password is never sent.
    Challenge,
}

/// Who signs in.
#[derive(Clone)]
pub struct Credentials {
    name: Vec<u8>,
    password: Vec<u8>,
    scheme: Scheme,
}

impl Credentials {
    /// An account that signs in with [`Scheme::Plain`].
    pub fn new(name: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            password: password.into(),
            scheme: Scheme::default(),
        }
    }

    /// Uses another scheme.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &text::lossy(&self.name))
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Why signing in did not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The device refused.
    #[error("login refused")]
    Refused(#[source] Trap),
    /// The device wants the scheme of versions before 6.43, which was not allowed.
    #[error("the device only knows the login of versions before 6.43")]
    OldScheme,
    /// The device's challenge is not 16 bytes in hexadecimal.
    #[error("malformed login challenge")]
    BadChallenge,
    /// The device closed the conversation. The text is foreign: escape it.
    #[error("the device ended the session while signing in")]
    Fatal(String),
    /// The device did not answer in time.
    #[error("no answer to the login")]
    TimedOut,
}

/// What follows from a reply to `/login`.
#[derive(Debug)]
pub(crate) enum Step {
    /// Wait for more.
    Wait,
    /// Send this.
    Send(Command),
    /// Signed in.
    Done,
    /// Not signed in.
    Failed(LoginError),
}

/// Signing in, as a machine of replies and commands.
#[derive(Debug)]
pub(crate) struct Login {
    credentials: Credentials,
    may_answer: bool,
}

impl Login {
    /// Starts; the command is to be sent without a tag.
    pub(crate) fn start(credentials: Credentials) -> (Self, Command) {
        let command = match credentials.scheme {
            Scheme::Plain | Scheme::PlainThenChallenge => Command::new("/login")
                .attribute("name", &credentials.name)
                .attribute("password", &credentials.password),
            Scheme::Challenge => Command::new("/login"),
        };
        let may_answer = credentials.scheme != Scheme::Plain;
        let login = Self {
            credentials,
            may_answer,
        };
        (login, command)
    }

    pub(crate) fn on(&mut self, reply: &ReplyRef<'_>) -> Step {
        match reply.kind {
            Kind::Done => match reply.row.raw("ret") {
                None => Step::Done,
                Some(challenge) => self.answer(challenge),
            },
            Kind::Trap => Step::Failed(LoginError::Refused(Trap::new(
                reply.row.raw("category").and_then(Category::parse),
                reply.row.raw("message").unwrap_or_default(),
            ))),
            Kind::Fatal => Step::Failed(LoginError::Fatal(
                text::lossy(reply.bare.unwrap_or_default()).into_owned(),
            )),
            Kind::Re | Kind::Empty | Kind::Other => Step::Wait,
        }
    }

    fn answer(&mut self, challenge: &[u8]) -> Step {
        if !std::mem::take(&mut self.may_answer) {
            return Step::Failed(LoginError::OldScheme);
        }
        let Some(challenge) = unhex(challenge) else {
            return Step::Failed(LoginError::BadChallenge);
        };
        Step::Send(
            Command::new("/login")
                .attribute("name", &self.credentials.name)
                .attribute(
                    "response",
                    challenge_response(&self.credentials.password, &challenge),
                ),
        )
    }
}

/// The answer to a challenge: `00` and the MD5 of a zero byte, the password and the challenge.
pub fn challenge_response(password: &[u8], challenge: &[u8; 16]) -> String {
    let mut hash = Md5::new();
    hash.update([0]);
    hash.update(password);
    hash.update(challenge);
    let mut response = String::from("00");
    for byte in hash.finalize() {
        response.push(hex_digit(byte >> 4));
        response.push(hex_digit(byte & 0xF));
    }
    response
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

fn unhex(text: &[u8]) -> Option<[u8; 16]> {
    let text = std::str::from_utf8(text).ok().filter(|t| t.len() == 32)?;
    let mut bytes = [0; 16];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(i * 2..i * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::ReplyTag;
    use crate::row::Row;

    fn answered(login: &mut Login, ret: &str) -> Step {
        let row = Row::new().with("ret", ret);
        login.on(&ReplyRef {
            kind: Kind::Done,
            tag: ReplyTag::Absent,
            row: row.view(),
            bare: None,
        })
    }

    #[test]
    fn a_challenge_is_not_answered_unless_that_was_allowed() {
        let (mut login, _) = Login::start(Credentials::new("admin", "x"));
        let step = answered(&mut login, "ebddd18303a54111e2dea05a92ab46b4");
        assert!(matches!(step, Step::Failed(LoginError::OldScheme)));
    }

    #[test]
    fn a_challenge_is_answered_once() {
        let credentials = Credentials::new("admin", "secret").with_scheme(Scheme::Challenge);
        let (mut login, first) = Login::start(credentials);
        assert_eq!(first.words().count(), 1);

        let challenge = "ebddd18303a54111e2dea05a92ab46b4";
        let Step::Send(second) = answered(&mut login, challenge) else {
            panic!("no answer");
        };
        let response = second.words().last().unwrap().to_vec();
        assert_eq!(
            response,
            b"=response=007319531c22b6b85e160d6ac355c1df2e".to_vec()
        );
        assert!(matches!(
            answered(&mut login, challenge),
            Step::Failed(LoginError::OldScheme)
        ));
    }

    #[test]
    fn a_challenge_that_is_not_one_is_refused() {
        let credentials = Credentials::new("admin", "x").with_scheme(Scheme::PlainThenChallenge);
        let (mut login, _) = Login::start(credentials);
        let step = answered(&mut login, "+bddd18303a54111e2dea05a92ab46bé");
        assert!(matches!(step, Step::Failed(LoginError::BadChallenge)));
    }
}
