//! `todctl run`

use clap::Subcommand;
use tod_client::view::run::result;
use tod_proto::api::runs::{List, Run, RunResult, RunState, Show};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::args::number::RunNumber;
use crate::args::output::Format;
use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::output::Listing;

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List runs, the newest first
    #[command(visible_alias = "ls")]
    List,
    /// Show what became of each device of a run
    Show {
        /// Such as r-8
        run: RunNumber,
    },
}

impl Command {
    /// Runs the command.
    pub async fn run(self, cx: &mut Cx) -> Result<(), CliError> {
        match self {
            Self::List => {
                cx.out.check::<Run>()?;
                let (client, tenant) = cx.tenant().await?;
                let page = client.call(List, tenant, Empty {}, Empty {}).await?;
                cx.out.list(Listing {
                    items: page.items,
                    total: page.total,
                })
            }
            Self::Show { run } => show(cx, run).await,
        }
    }
}

async fn show(cx: &mut Cx, number: RunNumber) -> Result<(), CliError> {
    cx.out.check::<RunResult>()?;
    let (client, tenant) = cx.tenant().await?;
    let detail = client
        .call(Show, (tenant, number.0), Empty {}, Empty {})
        .await?;
    let run = detail.run;
    if cx.out.format() == Format::Table && cx.out.is_for_people() {
        super::exec::print_results(&detail.results, cx)?;
    } else {
        cx.out.list(Listing::all(detail.results.clone()))?;
    }
    cx.out.flush()?;
    let undone = detail
        .results
        .iter()
        .filter(|r| result(r.status).tone != tod_client::view::Tone::Good);
    cx.say.note(format!(
        "r-{} {}: {} of {} devices, {} not done well",
        run.number,
        plain(&run.command),
        run.ok + run.failed + run.skipped,
        run.targets,
        undone.count(),
    ));
    match run.state {
        RunState::Running => Err(CliError::outcome(exit::PENDING)),
        RunState::Finished => Ok(()),
    }
}
