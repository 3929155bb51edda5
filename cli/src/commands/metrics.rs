//! `todctl metrics`

use clap::Subcommand;
use jiff::SignedDuration;
use tod_client::view::units::{bps, clock, percent};
use tod_proto::api::devices::{Point, Series, SeriesQuery};
use tod_proto::page::{Empty, Page};

use super::device::pick::find;
use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::CliError;
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the values of a metric
    Get(Which),
    /// Draw a metric
    Graph(Which),
}

/// Which values.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The device
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
    /// cpu, mem, disk, temp, volt, rx, tx, `poll_ms`, iface:NAME:rx or iface:NAME:tx
    #[arg(value_name = "METRIC")]
    metric: String,
    /// How far back
    #[arg(long, value_name = "TIME", default_value = "1h")]
    since: Span,
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::Get(which) => {
                cx.out.check::<Point>()?;
                let page = which.fetch(cx).await?;
                cx.out.list(Listing::all(page.items))
            }
            Self::Graph(which) => {
                let page = which.fetch(cx).await?;
                if page.items.is_empty() {
                    cx.say.note("no values in that time");
                    return Ok(());
                }
                let text = graph(&page.items, &which.metric);
                cx.out.write(&text)
            }
        }
    }
}

impl Which {
    async fn fetch(&self, cx: &mut Cx) -> Result<Page<Point>, CliError> {
        let (client, tenant) = cx.tenant().await?;
        let device = find(&client, tenant, &self.device).await?;
        let back = SignedDuration::try_from(self.since.0).map_err(CliError::usage_of)?;
        let query = SeriesQuery {
            metric: self.metric.clone(),
            since: Some(
                cx.clock
                    .now()
                    .checked_sub(back)
                    .map_err(CliError::usage_of)?,
            ),
            limit: cx.out.limit(),
        };
        Ok(client
            .call(Series, (tenant, device.id), query, Empty {})
            .await?)
    }
}

/// Columns and rows of a graph, in characters of 2 by 4 dots.
const COLUMNS: usize = 64;
const ROWS: usize = 5;

/// A graph in braille, with its scale and a line of figures under it.
fn graph(points: &[Point], metric: &str) -> String {
    let unit = |value: f64| amount(metric, value);
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let most = values.iter().copied().fold(f64::MIN, f64::max);
    let least = values.iter().copied().fold(f64::MAX, f64::min);
    // Shares and rates start at zero; temperatures and voltages would be a flat line then.
    let low = if matches!(metric, "temp" | "volt") {
        least
    } else {
        0.0
    };
    let high = if most > low { most } else { low + 1.0 };
    let rows = dots(&values, low, high);
    let labels = [unit(high), unit(f64::midpoint(low, high)), unit(low)];
    let margin = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        let label = match n {
            0 => labels.first(),
            n if n == ROWS / 2 => labels.get(1),
            n if n == ROWS - 1 => labels.get(2),
            _ => None,
        };
        let (text, tick) = label.map_or(("", '│'), |label| (label.as_str(), '┤'));
        out.push_str(format!("{text:>margin$} {tick}{row}").trim_end());
        out.push('\n');
    }
    let ends = points.first().zip(points.last());
    if let Some((first, last)) = ends {
        let (first, last) = (clock(first.at), clock(last.at));
        let line = "─".repeat(COLUMNS.saturating_sub(first.len() + last.len()));
        out.push_str(&format!("{:>margin$} └{first}{line}{last}\n", ""));
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred points")]
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let now = values.last().copied().unwrap_or_default();
    let figures = [("now", now), ("avg", mean), ("min", least), ("max", most)];
    let figures = figures.map(|(label, value)| format!("{label} {}", unit(value)));
    out.push_str(&format!("{:>margin$}  {}\n", "", figures.join("   ")));
    out
}

fn amount(metric: &str, value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are not negative"
    )]
    let rate = || bps(value.max(0.0) as u64);
    match metric {
        "cpu" | "mem" | "disk" => percent(value),
        "temp" => format!("{value:.0}C"),
        "volt" => format!("{value:.1}V"),
        "poll_ms" => format!("{value:.0} ms"),
        _ => rate(),
    }
}

/// Rows of braille: each value is a dot, the values spread over the width.
fn dots(values: &[f64], low: f64, high: f64) -> Vec<String> {
    const BITS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
    let (width, height) = (COLUMNS * 2, ROWS * 4);
    let mut cells = vec![vec![0_u32; COLUMNS]; ROWS];
    for x in 0..width {
        let place = (x * values.len() / width).min(values.len().saturating_sub(1));
        let value = values.get(place).copied().unwrap_or(low);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "between 0 and 19"
        )]
        let up = ((value - low) / (high - low) * (height - 1) as f64)
            .round()
            .max(0.0) as usize;
        let y = (height - 1).saturating_sub(up);
        let bit = BITS.get(x % 2).and_then(|column| column.get(y % 4));
        let cell = cells.get_mut(y / 4).and_then(|row| row.get_mut(x / 2));
        if let (Some(cell), Some(bit)) = (cell, bit) {
            *cell |= bit;
        }
    }
    let glyph = |cell: &u32| match cell {
        0 => ' ',
        bits => char::from_u32(0x2800 + bits).unwrap_or(' '),
    };
    cells
        .iter()
        .map(|row| row.iter().map(glyph).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_has_a_scale_and_figures() {
        let points: Vec<Point> = (0..20)
            .map(|n| Point {
                at: jiff::Timestamp::from_second(n * 60).unwrap(),
                value: f64::from(i32::try_from(n).unwrap()) * 5.0,
            })
            .collect();

        let text = graph(&points, "cpu");

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 2);
        assert!(lines[0].starts_with("95% ┤"), "{text}");
        assert!(lines[ROWS - 1].starts_with(" 0% ┤"), "{text}");
        assert!(
            lines[ROWS + 1].contains("now 95%   avg 48%   min 0%   max 95%"),
            "{text}"
        );
    }
}
