//! `todctl exec`

mod group;

use std::time::Instant;

use futures_util::StreamExt as _;
use serde_json::json;
use tod_client::{Client, Update};
use tod_proto::api::runs::{
    Follow, ResultStatus, Run, RunResult, RunState, RunUpdate, Start, StartBody,
};
use tod_proto::id::TenantId;
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use super::device::pick::{SelectorArgs, confirm_count};
use crate::args::command::ApiCommand;
use crate::args::output::Format;
use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::{CliError, exit};
use crate::output::Listing;

/// Run a RouterOS command on many devices
///
/// The run lives on the server: if this command ends early, the run goes on. What devices answer
/// is grouped by identical answers on a terminal; with -o jsonl there is one line for each device
/// as soon as it is done. Commands that can lock people out are refused unless --allow-dangerous.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  todctl exec tag=core -- /system/resource/print
  todctl exec site=berlin -- /ip address print where interface=ether1
  todctl exec 'tag=cpe site=ber*' --expect 212 -- /ip/service/set telnet disabled=yes
  todctl exec all -o jsonl -- /system/identity/print | jq

Exit codes: 0 all did well, 3 some did, 1 none did, 15 --expect did not hold")]
pub struct Args {
    #[command(flatten)]
    selector: SelectorArgs,
    /// How many devices at the same time
    #[arg(long, value_name = "N", default_value_t = 16)]
    parallel: u32,
    /// How long each device may take [default: 30s]
    #[arg(long, value_name = "TIME")]
    device_timeout: Option<Span>,
    /// Refuse unless exactly so many devices match
    #[arg(long, value_name = "N")]
    expect: Option<u32>,
    /// Allow commands that can lock people out
    #[arg(long)]
    allow_dangerous: bool,
    /// The tenant's name, which a dangerous command asks for
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    /// Only say how many devices would be asked
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not wait: print the run's number and end with status 8
    #[arg(long)]
    no_wait: bool,
    /// Show each device on its own
    #[arg(long)]
    no_group: bool,
    /// The command, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let command = ApiCommand::parse(&args.command)?;
    let selector = args.selector.required()?;
    cx.out.check::<RunResult>()?;
    let (client, tenant) = cx.tenant().await?;
    let mut body = StartBody {
        selector,
        command: command.path.clone(),
        arguments: command.words.clone(),
        parallel: Some(args.parallel),
        timeout_seconds: args.device_timeout.map(Span::seconds),
        expect: args.expect,
        allow_dangerous: args.allow_dangerous,
        dry_run: true,
    };
    if args.dry_run || !command.is_read() {
        let plan = client.call(Start, tenant, Empty {}, body.clone()).await?;
        if args.dry_run {
            let text = format!("would run {} on {} devices", command.path, plan.targets);
            cx.say.note(format!("dry run: {text}; nothing was sent"));
            let value = json!({"dry_run": true, "targets": plan.targets, "command": command.path});
            return cx
                .out
                .value("RunPlan", value, || format!("{}\n", plan.targets));
        }
        if plan.targets == 0 {
            return Err(nothing(&plan.selector));
        }
        confirm_count(
            cx,
            &format!("run {} on", command.path),
            plan.targets,
            args.expect,
        )?;
        if args.allow_dangerous {
            confirm_danger(cx, args.confirm.as_deref())?;
        }
        // What was counted is what runs, or nothing does.
        body.expect = Some(plan.targets);
    }
    body.dry_run = false;
    let run = client.call(Start, tenant, Empty {}, body).await?;
    if run.targets == 0 {
        return Err(nothing(&run.selector));
    }
    if args.no_wait {
        cx.say.note(format!(
            "r-{} runs: todctl run show r-{}",
            run.number, run.number
        ));
        cx.out.list(Listing::all(vec![run]))?;
        return Err(CliError::outcome(exit::PENDING));
    }
    Watch::new(run, args.no_group)
        .follow(cx, &client, tenant)
        .await
}

fn nothing(selector: &str) -> CliError {
    CliError::Outcome {
        status: exit::NOT_FOUND,
        message: format!("no device matches {}", plain(selector)),
    }
}

/// A dangerous command asks for the tenant's name; `--yes` is not enough.
fn confirm_danger(cx: &mut Cx, given: Option<&str>) -> Result<(), CliError> {
    let tenant = cx.out.origin.1.clone().unwrap_or_default();
    match given {
        Some(given) if given == tenant => Ok(()),
        Some(_) => Err(CliError::Declined(format!("--confirm must be {tenant}"))),
        None => {
            let question = format!("This can lock people out. Type the tenant's name ({tenant}):");
            cx.ask
                .type_word(&question, &tenant, &format!("--confirm {tenant}"))
        }
    }
}

/// A run that is being watched.
struct Watch {
    run: Run,
    no_group: bool,
    results: Vec<RunResult>,
    began: Instant,
}

impl Watch {
    fn new(run: Run, no_group: bool) -> Self {
        Self {
            run,
            no_group,
            results: Vec::new(),
            began: Instant::now(),
        }
    }

    async fn follow(
        mut self,
        cx: &mut Cx,
        client: &Client,
        tenant: TenantId,
    ) -> Result<(), CliError> {
        let streams = matches!(cx.out.format(), Format::Jsonl | Format::Name | Format::Id)
            && cx.globals.output.json.is_none();
        let spinner = cx.say.spinner("");
        let mut feed = client.follow(Follow, &(tenant, self.run.number), &Empty {});
        while self.run.state == RunState::Running {
            spinner.says(&format!(
                "r-{}: {} of {} devices",
                self.run.number,
                self.results.len(),
                self.run.targets
            ));
            let update = tokio::select! {
                update = feed.next() => update,
                _ = tokio::signal::ctrl_c() => return Err(self.detach(cx)),
            };
            match update {
                Some(Ok(Update::Item(RunUpdate::Result { result }))) => {
                    // A feed that was taken up again starts with what was there already.
                    if self.results.iter().any(|known| known.id == result.id) {
                        continue;
                    }
                    if streams {
                        cx.out.stream(&*result)?;
                    }
                    self.results.push(*result);
                }
                Some(Ok(Update::Item(RunUpdate::Finished { run }))) => self.run = run,
                Some(Ok(Update::Connected)) => {}
                Some(Ok(Update::Lost { error, .. })) => {
                    spinner.aside(|| cx.say.note(format!("{error}")));
                }
                Some(Err(error)) => return Err(error.into()),
                None => break,
            }
        }
        drop(feed);
        drop(spinner);
        self.results.sort_by(|a, b| a.device.cmp(&b.device));
        if !streams {
            self.print(cx)?;
        }
        cx.out.flush()?;
        self.judge(cx)
    }

    fn detach(&self, cx: &Cx) -> CliError {
        let number = self.run.number;
        cx.say.loud(format!(
            "detached; r-{number} goes on at the server: todctl run show r-{number}"
        ));
        CliError::outcome(exit::INTERRUPTED)
    }

    fn print(&mut self, cx: &mut Cx) -> Result<(), CliError> {
        match cx.out.format() {
            _ if cx.globals.output.json.is_some() => {}
            Format::Table => {
                let text = group::text(&self.results, !self.no_group, cx.term.width);
                return cx.out.write(&text);
            }
            Format::Tsv if cx.globals.output.columns.is_none() => {
                return cx.out.write(&group::lines(&self.results));
            }
            _ => {}
        }
        cx.out.list(Listing::all(std::mem::take(&mut self.results)))
    }

    /// Says how it went, in a line and in the exit status.
    fn judge(&self, cx: &Cx) -> Result<(), CliError> {
        let Run {
            number,
            ok,
            failed,
            skipped,
            ..
        } = self.run;
        let took = self.began.elapsed().as_secs_f64();
        let status = match (ok, failed, skipped) {
            (_, 0, 0) => exit::OK,
            (0, _, _) => exit::FAILURE,
            _ => exit::PARTIAL,
        };
        let mut line = format!("r-{number}: {ok} ok");
        for (count, word) in [(failed, "failed"), (skipped, "skipped")] {
            if count > 0 {
                line.push_str(&format!(", {count} {word}"));
            }
        }
        line.push_str(&format!(" in {took:.1}s"));
        if status != exit::OK {
            line.push_str(&format!("; exit {status}"));
        }
        cx.say.note(line);
        match status {
            exit::OK => Ok(()),
            status => Err(CliError::outcome(status)),
        }
    }
}

/// Prints what became of each device of an earlier run.
pub(super) fn print_results(results: &[RunResult], cx: &mut Cx) -> Result<(), CliError> {
    debug_assert!(
        results
            .iter()
            .all(|r| r.status != ResultStatus::Ok || r.code.is_none())
    );
    let text = group::text(results, true, cx.term.width);
    cx.out.write(&text)
}
