//! Lists that go into files: logs, for whoever keeps or checks them elsewhere.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::args::output::Format;
use crate::cx::Cx;
use crate::error::{CliError, file};
use crate::output::{Listing, Shown};

/// Where to write.
#[derive(Debug, clap::Args)]
pub struct Into {
    /// Into this new file, which only you can read: for a spreadsheet if its name ends in .csv, else
    /// as JSON lines
    #[arg(short = 'O', long, value_name = "FILE")]
    output_file: PathBuf,
}

impl Into {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.output_file
    }

    /// Whether it is for a spreadsheet.
    pub fn is_csv(&self) -> bool {
        self.output_file.extension().is_some_and(|end| end == "csv")
    }

    /// Writes what was read, which people call `what`.
    pub fn write<T: Shown>(&self, cx: &Cx, items: Vec<T>, what: &str) -> Result<(), CliError> {
        let count = items.len();
        let text = if self.is_csv() {
            cx.out.text_of(Format::Csv, &Listing::all(items))?
        } else {
            json_lines(&items)?
        };
        create(&self.output_file, &text)?;
        let path = self.output_file.display();
        cx.say.note(format!("{count} {what} are in {path}"));
        Ok(())
    }
}

fn json_lines<T: Shown>(items: &[T]) -> Result<String, CliError> {
    let mut text = String::new();
    for item in items {
        text += &serde_json::to_string(item).map_err(std::io::Error::from)?;
        text.push('\n');
    }
    Ok(text)
}

/// Never over another file: it may be the only copy of an older log.
fn create(path: &Path, text: &str) -> Result<(), CliError> {
    let name = path.display().to_string();
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file(&name))?;
    new.write_all(text.as_bytes()).map_err(file(&name))
}
