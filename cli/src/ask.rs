//! Questions. Without a terminal nobody is asked, and the flag that answers is named.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;

use crate::env::Env;
use crate::error::CliError;
use crate::term::Term;

/// How often a person may answer a question.
const TRIES: usize = 3;

/// Asks the person.
#[derive(Clone, Debug)]
pub struct Ask {
    mode: Mode,
    yes: bool,
}

#[derive(Clone, Debug)]
enum Mode {
    Terminal,
    Nobody,
    Scripted(Arc<Mutex<VecDeque<String>>>),
}

impl Ask {
    /// Asks on the terminal, if there is one and asking is allowed.
    pub fn on(term: &Term, env: &Env, no_input: bool, yes: bool) -> Self {
        let refused = no_input || env.has("TODCTL_NO_INPUT") || env.has("CI");
        let mode = if term.stdin_tty && term.stderr_tty && !refused {
            Mode::Terminal
        } else {
            Mode::Nobody
        };
        Self { mode, yes }
    }

    /// Answers with these, for tests.
    pub fn scripted(answers: &[&str]) -> Self {
        let answers = answers.iter().map(|&answer| answer.to_owned()).collect();
        Self {
            mode: Mode::Scripted(Arc::new(Mutex::new(answers))),
            yes: false,
        }
    }

    /// Nobody to ask, for tests; `yes` is what `--yes` says.
    pub fn nobody(yes: bool) -> Self {
        Self {
            mode: Mode::Nobody,
            yes,
        }
    }

    /// Whether there is somebody to ask.
    pub fn can(&self) -> bool {
        !matches!(self.mode, Mode::Nobody)
    }

    /// Whether `--yes` was given.
    pub fn yes(&self) -> bool {
        self.yes
    }

    /// A line of text. `flag` is what answers without a terminal.
    pub fn line(&self, question: &str, flag: &str) -> Result<String, CliError> {
        match &self.mode {
            Mode::Nobody => Err(needs(question, flag)),
            Mode::Scripted(answers) => next(answers, question, flag),
            Mode::Terminal => {
                let mut stderr = io::stderr().lock();
                write!(stderr, "{question} ")?;
                stderr.flush()?;
                let mut line = String::new();
                if io::stdin().lock().read_line(&mut line)? == 0 {
                    return Err(CliError::Declined("no answer".to_owned()));
                }
                Ok(line.trim().to_owned())
            }
        }
    }

    /// A secret, without echo.
    pub fn secret(&self, question: &str, flag: &str) -> Result<SecretString, CliError> {
        match &self.mode {
            Mode::Nobody => Err(needs(question, flag)),
            Mode::Scripted(answers) => next(answers, question, flag).map(Into::into),
            Mode::Terminal => Ok(rpassword::prompt_password(format!("{question} "))?.into()),
        }
    }

    /// Asks again when a person's answer cannot be used, and says why it cannot.
    pub fn until<T>(&self, ask: impl Fn() -> Result<T, CliError>) -> Result<T, CliError> {
        for _ in 1..TRIES {
            match ask() {
                Err(error @ CliError::Usage { .. }) if self.has_more() => {
                    let mut stderr = io::stderr().lock();
                    writeln!(stderr, "{}", error.report().message)?;
                }
                answer => return answer,
            }
        }
        ask()
    }

    fn has_more(&self) -> bool {
        match &self.mode {
            Mode::Terminal => true,
            Mode::Nobody => false,
            Mode::Scripted(answers) => {
                let answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                !answers.is_empty()
            }
        }
    }

    /// Yes or no; `--yes` says yes.
    pub fn confirm(&self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        let answer = self.line(&format!("{question} [y/N]"), "--yes")?;
        match answer.to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::Declined("nothing was done".to_owned())),
        }
    }

    /// A question that is answered by typing `word`; `flag` answers it without a terminal.
    pub fn type_word(&self, question: &str, word: &str, flag: &str) -> Result<(), CliError> {
        if self.line(question, flag)? == word {
            Ok(())
        } else {
            Err(CliError::Declined(
                "that is not it; nothing was done".to_owned(),
            ))
        }
    }
}

fn needs(question: &str, flag: &str) -> CliError {
    CliError::NeedsAnswer {
        question: question
            .trim_end_matches("[y/N]")
            .trim_end_matches([' ', ':'])
            .to_owned(),
        flag: flag.to_owned(),
    }
}

fn next(answers: &Mutex<VecDeque<String>>, question: &str, flag: &str) -> Result<String, CliError> {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    answers.pop_front().ok_or_else(|| needs(question, flag))
}
