//! Files: exports, imports, backups, and the text that one can read and write.

use routeros::error::Trap;
use routeros::row::Row as Record;

use super::{After, Order, Outcome};
use crate::backup;
use crate::clock::{moment, spell_date, spell_moment};
use crate::core::{Caller, Core};
use crate::import::Manner;
use crate::text;
use crate::trap;
use crate::tree::Row;

/// Most that `/file/read` gives in one piece.
const CHUNK: usize = 32_768;

const MENU: &str = "/file";

impl Core {
    /// Fills in what the device knows of a new file.
    pub(super) fn stamp_file(&self, row: &mut Row) {
        let name = row.get("name").unwrap_or("file").to_owned();
        if row.get("type").is_none() {
            row.set("type".into(), kind_of(&name).to_owned());
        }
        let stamp = if self.release.at_least(7, 16) {
            "last-modified"
        } else {
            "creation-time"
        };
        row.set(stamp.into(), spell_moment(self.release, self.wall()));
    }

    /// Writes a file, over an older one of the same name.
    pub(crate) fn write_file(&mut self, caller: &Caller, name: &str, contents: &str) {
        let old = self
            .tree
            .rows(MENU)
            .iter()
            .find(|r| r.get("name") == Some(name))
            .map(|r| r.id);
        let path = Self::key(MENU);
        let mut row = Row::default();
        row.set("name".into(), name.to_owned());
        row.set("contents".into(), contents.to_owned());
        self.stamp_file(&mut row);
        let mut changes = Vec::new();
        if let Some(id) = old {
            changes.push(crate::tree::Change::Remove {
                path: std::sync::Arc::clone(&path),
                id,
            });
        }
        row.id = self.tree.next_id(MENU);
        changes.push(crate::tree::Change::Insert {
            path,
            at: usize::MAX,
            row,
        });
        self.commit(caller, "write file", changes);
    }

    pub(super) fn contents(&self, name: &str) -> Option<&str> {
        let row = self
            .tree
            .rows(MENU)
            .iter()
            .find(|r| r.get("name") == Some(name))?;
        row.get("contents").or(Some(""))
    }

    pub(super) fn export_to(
        &mut self,
        caller: &Caller,
        order: &Order,
        text: String,
    ) -> Result<Outcome, Trap> {
        let Some(file) = order.arg("file") else {
            return Ok(Outcome::text(text));
        };
        self.require(caller, "write")?;
        let name = with_suffix(file, ".rsc");
        self.check_space(text.len())?;
        self.write_file(caller, &name, &text);
        Ok(Outcome::default())
    }

    pub(super) fn import(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "write")?;
        let name = order
            .arg("file-name")
            .ok_or_else(|| trap::missing_value("file-name"))?;
        let contents = self.contents(name);
        let contents = contents.ok_or_else(|| trap::failure("failure: file does not exist"))?;
        let source = text::encode(contents);
        let is_on =
            |name: &str| order.has(name) && !matches!(order.arg(name), Some("no" | "false"));
        let (is_verbose, is_dry) = (is_on("verbose"), is_on("dry-run"));
        if is_dry && !self.release.at_least(7, 16) {
            return Err(trap::unknown_parameter("dry-run"));
        }
        if is_dry && !is_verbose {
            return Err(trap::failure("failure: dry-run needs verbose"));
        }
        let from_line = order.arg("from-line").map(str::parse).transpose();
        let manner = Manner {
            is_verbose,
            is_dry,
            from_line: from_line
                .map_err(|_| trap::invalid("from-line"))?
                .unwrap_or(1),
        };
        Ok(Outcome::after(After::Import {
            file: name.to_owned(),
            source,
            manner,
        }))
    }

    pub(super) fn backup_save(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "policy")?;
        let now = self.wall();
        let fallback = || {
            let date = spell_date(self.release, now).replace(['-', '/'], "");
            let time = moment(now).time.to_string().replace(':', "");
            format!("{}-{date}-{time}", self.identity())
        };
        let name = order.arg("name").map_or_else(fallback, str::to_owned);
        let name = with_suffix(&name, ".backup");
        if self.has_fault(|f| *f == tod_proto::lab::Fault::BackupFails) {
            return Err(trap::failure("failure: could not save backup file"));
        }
        let password = order.arg("password").unwrap_or_default();
        let contents = backup::write(&self.tree, password);
        self.check_space(contents.len())?;
        self.write_file(caller, &name, &contents);
        Ok(Outcome::text("Configuration backup saved"))
    }

    pub(super) fn backup_load(&mut self, caller: &Caller, order: &Order) -> Result<Outcome, Trap> {
        self.require(caller, "reboot")?;
        let name = order
            .arg("name")
            .ok_or_else(|| trap::missing_value("name"))?;
        let password = order
            .arg("password")
            .ok_or_else(|| trap::missing_value("password"))?;
        let name = with_suffix(name, ".backup");
        let contents = self.contents(&name);
        let contents = contents.ok_or_else(|| trap::failure("failure: file does not exist"))?;
        let tree = backup::read(contents, password).map_err(trap::failure)?;
        let cause = format!("backup {name} loaded by {}", caller.cause);
        Ok(Outcome::after(After::Reboot {
            cause,
            load: Some(Box::new(tree)),
        }))
    }

    pub(super) fn read_file(&self, order: &Order) -> Result<Outcome, Trap> {
        let name = order
            .arg("file")
            .ok_or_else(|| trap::missing_value("file"))?;
        let contents = self.contents(name).ok_or_else(trap::no_such_item)?;
        let bytes = text::encode(contents);
        let number = |n: &str, or| {
            order
                .arg(n)
                .map_or(Ok(or), |x| x.parse::<usize>().map_err(|_| trap::invalid(n)))
        };
        let offset = number("offset", 0)?.min(bytes.len());
        let size = number("chunk-size", CHUNK)?;
        if size > CHUNK {
            return Err(trap::out_of_range("chunk-size", 1, 32_768));
        }
        let end = offset.saturating_add(size).min(bytes.len());
        let piece = bytes.get(offset..end).unwrap_or_default();
        Ok(Outcome::rows(vec![Record::new().with("data", piece)]))
    }
}

fn with_suffix(name: &str, suffix: &str) -> String {
    if name.ends_with(suffix) {
        name.to_owned()
    } else {
        format!("{name}{suffix}")
    }
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("rsc") => "script",
        Some("backup") => "backup",
        Some("txt") => ".txt file",
        Some("npk") => "package",
        _ => "file",
    }
}
