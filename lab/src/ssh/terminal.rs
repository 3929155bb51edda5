//! A terminal as a device sees it: its size, and what the user name said about it.

use std::sync::{Arc, Mutex};

use crate::lock;

/// What follows the plus sign of a user name: `admin+cte80w24h`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LoginOptions {
    /// `e`: no escape sequences.
    pub(super) is_dumb: bool,
    /// `t`: the terminal is not asked what it can do.
    pub(super) is_not_probed: bool,
    /// `NNNw`.
    pub(super) columns: Option<u32>,
    /// `NNNh`.
    pub(super) rows: Option<u32>,
}

impl LoginOptions {
    /// Reads them out of a user name; letters that mean nothing here are passed over.
    pub(super) fn of(user: &str) -> Self {
        let mut options = Self::default();
        let mut number = String::new();
        for c in user.split_once('+').map_or("", |(_, o)| o).chars() {
            let value = || number.parse().ok().filter(|n| *n > 0);
            match c {
                '0'..='9' if number.len() < 5 => {
                    number.push(c);
                    continue;
                }
                'e' => options.is_dumb = true,
                't' => options.is_not_probed = true,
                'w' => options.columns = value(),
                'h' => options.rows = value(),
                _ => {}
            }
            number.clear();
        }
        options
    }
}

/// How large the terminal is, which may change while a shell runs.
#[derive(Debug, Clone)]
pub(super) struct Size(Arc<Mutex<(u32, u32)>>);

impl Default for Size {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((80, 24))))
    }
}

impl Size {
    pub(super) fn set(&self, columns: u32, rows: u32) {
        if columns > 0 && rows > 0 {
            *lock(&self.0) = (columns, rows);
        }
    }

    pub(super) fn get(&self) -> (u32, u32) {
        *lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::LoginOptions;

    #[test]
    fn options_are_read_from_user_names() {
        assert_eq!(LoginOptions::of("admin"), LoginOptions::default());
        let netmiko = LoginOptions::of("admin+ct511w4098h");
        assert_eq!((netmiko.columns, netmiko.rows), (Some(511), Some(4098)));
        assert!(netmiko.is_not_probed && !netmiko.is_dumb);
        let short = LoginOptions::of("a+cte80w");
        assert_eq!(
            (short.columns, short.rows, short.is_dumb),
            (Some(80), None, true)
        );
        assert_eq!(LoginOptions::of("a+0w9999999999h").columns, None);
    }
}
