//! Emergency Kits on the command line: where they are written, and what was read of them.

use std::path::{Path, PathBuf};

use tod_client::kit::{Found, Kit, KitError, Paper};
use tod_client::secret_key::SecretKey;
use tod_proto::untrusted::plain;

use crate::ask::Ask;
use crate::cx::Cx;
use crate::error::{CliError, file};
use crate::screen;

/// Where a kit goes when nobody says where.
const DEFAULT: &str = "tod-emergency-kit.pdf";

/// Where the kit of a new account goes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct KitArgs {
    /// Write the Emergency Kit into this new file, as PDF if its name ends in .pdf, else as text
    /// [default: tod-emergency-kit.pdf]
    #[arg(long = "kit", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The paper of the PDF: a4 or letter
    #[arg(long, value_name = "PAPER", default_value = "a4")]
    pub paper: Paper,
}

/// Writes a kit into a new file, and returns its name.
pub fn write(kit: &Kit, args: &KitArgs) -> Result<PathBuf, CliError> {
    let path = args.file.clone().unwrap_or_else(|| DEFAULT.into());
    kit.save(&path, args.paper)
        .map_err(|error| failed(error, &path))?;
    Ok(path)
}

/// Finds a kit or a Secret Key in what a person has kept.
pub fn read(bytes: &[u8], name: &Path) -> Result<Found, CliError> {
    Found::read(bytes).map_err(|error| failed(error, name))
}

/// What a terminal shows.
pub fn card(kit: &Kit) -> Vec<String> {
    let mut lines = vec![
        "tod Emergency Kit".to_owned(),
        String::new(),
        format!("  server       {}", plain(&kit.server)),
    ];
    lines.extend(kit.pin.map(|pin| format!("  certificate  {pin}")));
    lines.extend([
        format!("  e-mail       {}", plain(&kit.email)),
        format!("  Secret Key   {}", &*kit.secret_key.reveal()),
        String::new(),
        "It is on this screen alone; nothing of it stays in the terminal.".to_owned(),
        String::new(),
    ]);
    lines
}

/// Shows a person the key of their new account, and has them type the end of it: whoever can has
/// seen it, and knows where it is.
pub async fn acquaint(cx: &Cx, kit: &Kit) -> Result<(), CliError> {
    screen::show(&card(kit)).await?;
    retype(&cx.ask, &kit.secret_key)
}

fn retype(ask: &Ask, key: &SecretKey) -> Result<(), CliError> {
    let key = key.reveal();
    let (_, last) = key.rsplit_once('-').unwrap_or_default();
    ask.until(|| {
        let question = "Type the last group of the Secret Key (it is in the Emergency Kit, too):";
        let typed = ask.line(question, "--kit FILE")?;
        if typed.trim().eq_ignore_ascii_case(last) {
            Ok(())
        } else {
            Err(CliError::usage("that is not it"))
        }
    })
}

fn failed(error: KitError, name: &Path) -> CliError {
    let name = name.display();
    let hint = match &error {
        KitError::Nothing => Some(
            "if a program has packed it anew, type the Secret Key when todctl login asks for it",
        ),
        KitError::Key(_) => Some("compare it with your Emergency Kit; it looks like A3-7KQ2MN-…"),
        KitError::Newer => Some("use the todctl that wrote it, or a newer one"),
        _ => None,
    };
    match error {
        KitError::Io(source) => file(&name)(source),
        error => CliError::Usage {
            message: format!("{name}: {error}"),
            hint: hint.map(str::to_owned),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_group_is_typed_before_the_account_is_made() {
        let key = SecretKey::generate("ana@example.org");
        let text = key.reveal();
        let last = &text[text.len() - 5..];
        let typed = |answers: &[&str]| retype(&Ask::scripted(answers), &key);

        assert!(typed(&[last]).is_ok());
        assert!(typed(&["AAAAA", "", &format!(" {} ", last.to_lowercase())]).is_ok());
        assert!(matches!(
            typed(&["AAAAA", "BBBBB", "CCCCC", last]),
            Err(CliError::Usage { .. })
        ));
        assert!(typed(&[]).is_err());
    }
}
