//! CPU time of this process, by the names of its threads.

use std::time::Duration;

/// The time that all threads with this name have used.
pub(crate) fn cpu(name: &str) -> Duration {
    let mut used = Duration::ZERO;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let path = task.path();
        // A thread may end while they are counted.
        let (Ok(comm), Ok(stat)) = (
            std::fs::read_to_string(path.join("comm")),
            std::fs::read_to_string(path.join("schedstat")),
        ) else {
            continue;
        };
        if comm.trim_end() == name {
            let nanos = stat.split(' ').next().unwrap().parse().unwrap();
            used += Duration::from_nanos(nanos);
        }
    }
    used
}
