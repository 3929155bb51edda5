//! What processors do, as `/tool profile` shows it.

use routeros::row::Row as Record;

/// Returns a table of tasks with the share of a processor that each takes.
pub(crate) fn table(rows: &[Record]) -> Vec<String> {
    let line = |name: &str, cpu: &str, usage: &str| format!("{name:<23} {cpu:<3} {usage:>12}");
    let mut lines = vec![line("NAME", "CPU", "USAGE")];
    lines.extend(rows.iter().map(|row| {
        let of = |name| row.text(name).unwrap_or_default();
        line(&of("name"), &of("cpu"), &format!("{}%", of("usage")))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::table;
    use routeros::row::Row as Record;

    #[test]
    fn shares_are_ranged_right() {
        let row = Record::new().with("name", "spi").with("usage", "1");

        assert_eq!(
            table(&[row]),
            [
                "NAME                    CPU        USAGE",
                "spi                                   1%"
            ]
        );
    }
}
