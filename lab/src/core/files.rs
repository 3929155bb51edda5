//! The device's disk, as its file doors see it: names with slashes, bytes, folders.

use routeros::error::Trap;

use super::{Caller, Core};
use crate::text;
use crate::trap;
use crate::tree::{Change, Row};

const MENU: &str = "/file";

/// The error of a disk that is full.
const FULL: &str = "failure: not enough space";

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) name: String,
    pub(crate) is_dir: bool,
    pub(crate) size: u64,
}

/// Why a file cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Missing,
    Full,
    Taken,
}

impl Core {
    fn file(&self, name: &str) -> Option<&Row> {
        self.tree
            .rows(MENU)
            .iter()
            .find(|r| r.get("name") == Some(name))
    }

    /// Describes a file; the empty name is the root.
    pub(crate) fn stat(&self, name: &str) -> Option<Stat> {
        if name.is_empty() {
            return Some(Stat {
                name: String::new(),
                is_dir: true,
                size: 0,
            });
        }
        self.file(name).map(stat_of)
    }

    /// Lists what lies directly in a folder.
    pub(crate) fn list(&self, folder: &str) -> Vec<Stat> {
        let inside = |name: &str| match name.strip_prefix(folder) {
            Some(rest) if folder.is_empty() => !rest.contains('/'),
            Some(rest) => rest.strip_prefix('/').is_some_and(|r| !r.contains('/')),
            None => false,
        };
        let rows = self.tree.rows(MENU).iter();
        rows.filter(|r| r.get("name").is_some_and(inside))
            .map(stat_of)
            .collect()
    }

    /// Returns what is in a file.
    pub(crate) fn file_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let row = self.file(name)?;
        Some(text::encode(row.get("contents").unwrap_or_default()))
    }

    /// Returns how much fits on the disk besides what lies there.
    pub(crate) fn free_space(&self) -> u64 {
        if self.has_fault(|f| *f == tod_proto::lab::Fault::FlashFull) {
            return 0;
        }
        let disk = u64::from(self.board.disk) << 20;
        let system = disk / 3 + self.seed.of("disk").below(disk / 8 + 1);
        let rows = self.tree.rows(MENU).iter();
        let files: u64 = rows.map(|r| stat_of(r).size).sum();
        disk.saturating_sub(system + files)
    }

    /// Refuses what does not fit on the disk.
    pub(crate) fn check_space(&self, bytes: usize) -> Result<(), Trap> {
        if bytes as u64 > self.free_space() {
            return Err(trap::failure(FULL));
        }
        Ok(())
    }

    /// Stores a file, over an older one of the same name.
    pub(crate) fn store(
        &mut self,
        caller: &Caller,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), Obstacle> {
        self.check_space(bytes.len()).map_err(|_| Obstacle::Full)?;
        if self.stat(name).is_some_and(|s| s.is_dir) {
            return Err(Obstacle::Taken);
        }
        self.write_file(caller, name, &text::decode(bytes));
        Ok(())
    }

    /// Makes a folder.
    pub(crate) fn make_dir(&mut self, caller: &Caller, name: &str) -> Result<(), Obstacle> {
        if self.stat(name).is_some() {
            return Err(Obstacle::Taken);
        }
        let mut row = Row {
            id: self.tree.next_id(MENU),
            ..Row::default()
        };
        row.set("name".into(), name.to_owned());
        row.set("type".into(), "directory".to_owned());
        let path = Self::key(MENU);
        let at = usize::MAX;
        self.commit(
            caller,
            "make folder",
            vec![Change::Insert { path, at, row }],
        );
        Ok(())
    }

    /// Removes a file, or a folder with all that is in it.
    pub(crate) fn delete(&mut self, caller: &Caller, name: &str) -> Result<(), Obstacle> {
        let below = format!("{name}/");
        let rows = self.tree.rows(MENU).iter();
        let ids = rows.filter(|r| {
            r.get("name")
                .is_some_and(|n| n == name || n.starts_with(&below))
        });
        let changes: Vec<_> = ids
            .map(|r| Change::Remove {
                path: Self::key(MENU),
                id: r.id,
            })
            .collect();
        if changes.is_empty() {
            return Err(Obstacle::Missing);
        }
        self.commit(caller, "remove file", changes);
        Ok(())
    }

    /// Gives a file another name.
    pub(crate) fn rename_file(
        &mut self,
        caller: &Caller,
        from: &str,
        to: &str,
    ) -> Result<(), Obstacle> {
        if self.stat(to).is_some() {
            return Err(Obstacle::Taken);
        }
        let id = self.file(from).ok_or(Obstacle::Missing)?.id;
        let change = Change::Set {
            path: Self::key(MENU),
            id,
            props: vec![("name".into(), Some(to.to_owned()))],
        };
        self.commit(caller, "rename file", vec![change]);
        Ok(())
    }
}

fn stat_of(row: &Row) -> Stat {
    let contents = row.get("contents").unwrap_or_default();
    let is_dir = matches!(row.get("type"), Some("directory" | "disk"));
    Stat {
        name: row.get("name").unwrap_or_default().to_owned(),
        is_dir,
        size: text::encoded_len(contents) as u64,
    }
}
