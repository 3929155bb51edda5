//! Echoes as a console shows them: a line for each, and what they come to.

use routeros::row::Row as Record;

/// Returns the titles above echoes.
pub(crate) fn head(is_modern: bool) -> String {
    line(["SEQ", "HOST", "SIZE", "TTL", "TIME", "STATUS"], is_modern)
}

/// Returns one echo, or its absence.
pub(crate) fn row(record: &Record, is_modern: bool) -> String {
    let of = |name| record.text(name).unwrap_or_default();
    let [seq, host, size] = [of("seq"), of("host"), of("size")];
    let [ttl, time, status] = [of("ttl"), of("time"), of("status")];
    line([&seq, &host, &size, &ttl, &time, &status], is_modern)
}

/// Returns what all echoes come to.
pub(crate) fn total(record: &Record) -> String {
    let names = [
        "sent",
        "received",
        "packet-loss",
        "min-rtt",
        "avg-rtt",
        "max-rtt",
    ];
    let words = names.iter().filter_map(|name| {
        let value = record.text(name)?;
        let unit = if *name == "packet-loss" { "%" } else { "" };
        Some(format!("{name}={value}{unit}"))
    });
    format!("    {}", words.collect::<Vec<_>>().join(" "))
}

fn line([seq, host, size, ttl, time, status]: [&str; 6], is_modern: bool) -> String {
    let wide = if is_modern { 10 } else { 5 };
    let line = format!("{seq:>5} {host:<40} {size:>4} {ttl:>3} {time:<wide$} {status}");
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{head, row, total};
    use routeros::row::Row as Record;

    #[test]
    fn echoes_stand_below_their_titles() {
        let answered = Record::new()
            .with("seq", "0")
            .with("host", "10.0.0.1")
            .with("size", "56")
            .with("ttl", "64")
            .with("time", "1ms173us")
            .with("sent", "1")
            .with("received", "1")
            .with("packet-loss", "0")
            .with("min-rtt", "1ms173us");

        assert_eq!(
            head(true),
            "  SEQ HOST                                     SIZE TTL TIME       STATUS"
        );
        assert_eq!(
            row(&answered, true),
            "    0 10.0.0.1                                   56  64 1ms173us"
        );
        assert_eq!(
            total(&answered),
            "    sent=1 received=1 packet-loss=0% min-rtt=1ms173us"
        );
    }
}
