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
            found.push(pid);
        }
    }
    Ok(found)
}
