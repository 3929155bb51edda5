//! `todctl completion`

use clap::ValueEnum;
use clap_complete::env::Shells;

use crate::cx::Cx;
use crate::error::CliError;

/// Print a script that completes commands in a shell
///
/// The script asks `todctl` itself, so names of devices complete too: from a file that
/// `todctl device list` leaves behind, never from the network.
#[derive(Debug, clap::Args)]
#[command(after_help = "Install:
  bash   echo 'source <(todctl completion bash)' >> ~/.bashrc
  zsh    echo 'source <(todctl completion zsh)' >> ~/.zshrc
  fish   todctl completion fish > ~/.config/fish/completions/todctl.fish")]
pub struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Shells that can be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash 4 and newer
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// Elvish
    Elvish,
    /// `PowerShell`
    Powershell,
}

impl Shell {
    /// The name that scripts are asked for with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }
}

/// The script for a shell.
pub fn script(shell: Shell) -> Result<String, CliError> {
    let shells = Shells::builtins();
    let completer = shells
        .completer(shell.name())
        .ok_or_else(|| CliError::usage(format!("no completion for {}", shell.name())))?;
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "todctl", "todctl", "todctl", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}

pub(super) fn run(args: &Args, cx: &mut Cx) -> Result<(), CliError> {
    let script = script(args.shell)?;
    cx.out.write(&script)
}
