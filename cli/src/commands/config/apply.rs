//! `todctl config apply`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tod_client::Client;
use tod_proto::api::changes::{
    Apply, ApplyBody, Change, ChangeState, Confirm, Revert, Show, ShowQuery,
};
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use super::keys::{self, Decision};
use super::watch::{self, Wanted};
use super::{card, find};
use crate::args::span::Span;
use crate::cx::Cx;
use crate::error::{CliError, exit, file};
use crate::output::Listing;

/// The longest script that the server takes.
const MAX_SCRIPT: u64 = 256 << 10;

/// Put a script on a device, under a guard that undoes it unless it is confirmed
///
/// First the plan is shown: what changes, what could go wrong, what guards it. Then a one-shot
/// timer with the inverse script is put on the device, the script is applied, and the device is
/// looked at over a new connection. Unless you confirm within the window, the device undoes the
/// change by itself, even if nobody can reach it any more.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  todctl config apply ber-core-02 -f fw.rsc
  todctl config apply ber-core-02 -f fw.rsc --window 60s --auto-confirm --yes
  todctl config apply ber-core-02 -f fw.rsc --yes --no-wait && check && todctl config confirm c-17

Exit codes: 0 confirmed, 8 pending, 16 reverted, 15 refused, 1 unknown: look at the device")]
pub struct Args {
    /// The device
    #[arg(value_name = "DEVICE",
        add = clap_complete::ArgValueCandidates::new(crate::complete::devices))]
    device: String,
    /// RouterOS commands, as in an .rsc file; `-` is stdin
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    file: PathBuf,
    /// How long the device waits for confirmation [default: 120s]
    #[arg(long, value_name = "TIME")]
    window: Option<Span>,
    /// Confirm by itself when every check passes
    #[arg(long)]
    auto_confirm: bool,
    /// Without any guard: nothing undoes a mistake
    #[arg(long, alias = "no-safe")]
    unguarded: bool,
    /// Only show the plan
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not wait for confirmation: end with status 8 as soon as it is in force
    #[arg(long)]
    no_wait: bool,
    /// The name of the device, which --unguarded asks for
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    cx.out.check::<Change>()?;
    let script = read(&args.file)?;
    let (client, tenant) = cx.tenant().await?;
    let device = find(&client, tenant, &args.device).await?;
    let mut body = ApplyBody {
        device: device.id,
        script,
        window_seconds: args.window.map(Span::seconds),
        auto_confirm: args.auto_confirm,
        unguarded: args.unguarded,
        dry_run: true,
    };
    let plan = client.call(Apply, tenant, Empty {}, body.clone()).await?;
    let plan = watch::to_end(cx, &client, tenant, plan).await?;
    if plan.state != ChangeState::Planned {
        return watch::finish(cx, plan, Wanted::Kept);
    }
    let done = args.dry_run || plan.diff.is_empty();
    show_plan(cx, &plan, done, args.unguarded)?;
    if done {
        cx.say.note(if args.dry_run {
            "dry run: nothing was changed"
        } else {
            "the device is like that already; nothing was changed"
        });
        return Ok(());
    }
    agree(cx, &args, &plan)?;
    body.dry_run = false;
    let change = client.call(Apply, tenant, Empty {}, body).await?;
    let stop: &[ChangeState] = if args.auto_confirm && !args.no_wait {
        &[]
    } else {
        &[ChangeState::Pending]
    };
    let change = watch::until(cx, &client, tenant, change, stop).await?;
    if change.state == ChangeState::Pending && !args.no_wait {
        return decide(cx, &client, tenant, change).await;
    }
    watch::finish(cx, change, Wanted::Kept)
}

/// Shows what would be done, and what could go wrong.
fn show_plan(
    cx: &mut Cx,
    plan: &Change,
    is_result: bool,
    is_unguarded: bool,
) -> Result<(), CliError> {
    let text = card::plan(plan);
    match (cx.out.is_for_programs(), is_result) {
        (true, true) => cx.out.list(Listing::all(vec![plan.clone()]))?,
        (true, false) => {}
        (false, true) => cx.out.write(&text)?,
        (false, false) => cx.say.note(text.trim_end()),
    }
    cx.out.flush()?;
    for line in card::warnings(plan) {
        cx.say.loud(line);
    }
    cx.say.note(card::guard(plan, is_unguarded));
    Ok(())
}

/// Asks; without a guard the name of the device must be typed.
fn agree(cx: &mut Cx, args: &Args, plan: &Change) -> Result<(), CliError> {
    let name = &plan.device_name;
    let line = format!(
        "{}: apply {} changes to {name}",
        cx.place(),
        plan.diff.len()
    );
    cx.may_change(&line)?;
    if !args.unguarded {
        return cx.ask.confirm(&format!("{line}?"));
    }
    if args.confirm.as_ref() == Some(name) {
        return Ok(());
    }
    cx.say.loud(line);
    let question = format!("Nothing undoes a mistake. Type the device's name ({name}):");
    cx.ask
        .type_word(&question, name, &format!("--confirm {name}"))
}

/// Asks whether to keep a change that is in force. Without a terminal nobody can say.
async fn decide(
    cx: &mut Cx,
    client: &Client,
    tenant: TenantId,
    change: Change,
) -> Result<(), CliError> {
    let Some(ends) = change
        .reverts_at
        .filter(|_| cx.ask.can() && cx.term.stdin_tty)
    else {
        return watch::finish(cx, change, Wanted::Kept);
    };
    let clock = cx.clock.clone();
    let asked = tokio::task::spawn_blocking(move || keys::ask(&clock, ends)).await;
    let decision = asked.map_err(|_| CliError::Interrupted)??;
    let path = (tenant, change.number);
    let (change, wanted) = match decision {
        Decision::Keep => (
            client.call(Confirm, path, Empty {}, Empty {}).await?,
            Wanted::Kept,
        ),
        Decision::Revert => (
            client.call(Revert, path, Empty {}, Empty {}).await?,
            Wanted::Undone,
        ),
        Decision::Leave => {
            let change = client
                .call(Show, path, ShowQuery::default(), Empty {})
                .await?;
            if watch::left(cx, &change).is_some() {
                return Err(watch::interrupted(cx, &change));
            }
            (change, Wanted::Kept)
        }
    };
    let change = watch::to_end(cx, client, tenant, change).await?;
    let was_undone = change.state == ChangeState::Reverted;
    watch::finish(cx, change, wanted)?;
    // The change that this command was for did not stay.
    if was_undone {
        return Err(CliError::outcome(exit::REVERTED));
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CliError> {
    let name = path.display().to_string();
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(file(&name))?)
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_SCRIPT + 1)
        .read_to_end(&mut bytes)
        .map_err(file(&name))?;
    if bytes.len() as u64 > MAX_SCRIPT {
        return Err(CliError::usage(format!("{name} is longer than 256 KiB")));
    }
    let script = String::from_utf8(bytes);
    let script = script.map_err(|_| CliError::usage(format!("{name} is not UTF-8 text")))?;
    if script.trim().is_empty() {
        return Err(CliError::usage(format!("{name} is empty")));
    }
    Ok(script)
}
