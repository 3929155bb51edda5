//! Which PostgreSQL servers run on a folder, told by the kernel.

use anyhow::Result;
use std::path::Path;

/// Process ids of the postmasters whose data lies in `data`.
pub fn postmasters(data: &Path) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        // It may have ended since.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split('\0');
        let is_server = words.next().is_some_and(|word| word.ends_with("/postgres"));
        if is_server && words.any(|word| word.starts_with(&data.display().to_string())) {
            found.push((pid, parent(pid)));
        }
    }
    // A child is named like its postmaster for a moment after it begins; one that has ended since
    // has no parent any more.
    let all: Vec<u32> = found.iter().map(|(pid, _)| *pid).collect();
    let own = |parent: &Option<u32>| parent.is_some_and(|parent| !all.contains(&parent));
    found.retain(|(_, parent)| own(parent));
    Ok(found.into_iter().map(|(pid, _)| pid).collect())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold anything, also brackets.
    let rest = stat.rsplit(')').next()?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
