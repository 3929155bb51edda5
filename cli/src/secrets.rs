//! Secrets come from a prompt, a file or stdin, never from the command line.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use tod_client::secret_key::SecretKey;
use zeroize::Zeroizing;

use crate::ask::Ask;
use crate::cx::Cx;
use crate::error::{CliError, file};
use crate::kit;

/// No secret of ours is longer; an Emergency Kit as PDF has 40 KB.
const MAX_SECRET: u64 = 1 << 20;

/// Where a password comes from.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PasswordArgs {
    /// Read the password from stdin
    #[arg(long, help_heading = "Secrets")]
    pub password_stdin: bool,
    /// Read the password from this file
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Secrets",
        conflicts_with = "password_stdin"
    )]
    pub password_file: Option<PathBuf>,
    /// Read the password from this variable of the environment
    #[arg(long, value_name = "NAME", help_heading = "Secrets",
        conflicts_with_all = ["password_stdin", "password_file"])]
    pub from_env: Option<String>,
    /// It is there to say that it is not there
    #[arg(long, hide = true, num_args = 0..=1, value_name = "NOT_HERE")]
    pub password: Option<Option<String>>,
}

/// Where a Secret Key comes from.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SecretKeyArgs {
    /// Read the Secret Key from stdin
    #[arg(long, help_heading = "Secrets", conflicts_with = "password_stdin")]
    pub secret_key_stdin: bool,
    /// Read the Secret Key from this file, such as an Emergency Kit
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    pub secret_key_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// The password, if a flag says where it is.
    pub fn given(&self, cx: &Cx) -> Result<Option<SecretString>, CliError> {
        if self.password.is_some() {
            return Err(CliError::Usage {
                message: "there is no --password: everyone on this machine could read it in the \
                          list of processes, and the shell would write it to its history"
                    .to_owned(),
                hint: Some(
                    "use --password-stdin, --password-file FILE or --from-env NAME".to_owned(),
                ),
            });
        }
        if self.password_stdin {
            return stdin().map(Some);
        }
        if let Some(path) = &self.password_file {
            return from_file(path).map(Some);
        }
        let Some(name) = &self.from_env else {
            return Ok(None);
        };
        let value = cx.env.text(name);
        let missing = || CliError::usage(format!("the environment has no {name}"));
        Ok(Some(value.ok_or_else(missing)?.into()))
    }

    /// The password; asks for it if no flag says where it is.
    pub fn get(&self, cx: &Cx, question: &str) -> Result<SecretString, CliError> {
        match self.given(cx)? {
            Some(password) => Ok(password),
            None => cx
                .ask
                .secret(question, "--password-stdin or --password-file"),
        }
    }

    /// A new password; asks for it twice.
    pub fn choose(&self, cx: &Cx) -> Result<SecretString, CliError> {
        if let Some(password) = self.given(cx)? {
            return long_enough(password);
        }
        let flag = "--password-stdin or --password-file";
        cx.ask.until(|| {
            let one = cx.ask.secret("Choose a password:", flag)?;
            let one = long_enough(one)?;
            same_again(&cx.ask, one, flag)
        })
    }
}

impl SecretKeyArgs {
    /// The Secret Key, if a flag says where it is.
    pub fn given(&self) -> Result<Option<SecretKey>, CliError> {
        let path = match &self.secret_key_file {
            _ if self.secret_key_stdin => Path::new("-"),
            Some(path) => path,
            None => return Ok(None),
        };
        let found = kit::read(&bytes_from(path)?, path)?;
        Ok(Some(found.secret_key().clone()))
    }
}

/// Reads a Secret Key as it was typed.
pub fn key_of(text: &str) -> Result<SecretKey, CliError> {
    text.parse().map_err(|error| CliError::Usage {
        message: format!("{error}"),
        hint: Some("it is in your Emergency Kit, and looks like A3-7KQ2MN-…".to_owned()),
    })
}

/// Takes a new password that is not too short.
pub fn long_enough(password: SecretString) -> Result<SecretString, CliError> {
    use secrecy::ExposeSecret as _;

    if password.expose_secret().trim().chars().count() < 10 {
        return Err(CliError::usage("a password has at least 10 characters"));
    }
    Ok(password)
}

/// Takes a secret that was typed twice alike.
pub fn same_again(ask: &Ask, one: SecretString, flag: &str) -> Result<SecretString, CliError> {
    use secrecy::ExposeSecret as _;

    let two = ask.secret("The same again:", flag)?;
    if one.expose_secret() == two.expose_secret() {
        Ok(one)
    } else {
        Err(CliError::usage("the two differ"))
    }
}

/// A secret from stdin.
pub fn stdin() -> Result<SecretString, CliError> {
    from_file(Path::new("-"))
}

/// A secret from a file; `-` is stdin.
pub fn from_file(path: &Path) -> Result<SecretString, CliError> {
    let name = name_of(path);
    let bytes = bytes_from(path)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| CliError::usage(format!("{name} holds something that is no text")))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(CliError::usage(format!("{name} holds no secret")));
    }
    Ok(secret.into())
}

/// What a file with a secret holds; `-` is stdin.
pub fn bytes_from(path: &Path) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let name = name_of(path);
    let mut bytes = Zeroizing::new(Vec::new());
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(file(&name))?)
    };
    let read = source.take(MAX_SECRET + 1).read_to_end(&mut bytes);
    if read.map_err(file(&name))? as u64 > MAX_SECRET {
        return Err(CliError::usage(format!("{name} is too long for a secret")));
    }
    Ok(bytes)
}

fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}
