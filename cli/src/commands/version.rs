//! `todctl version`

use serde_json::json;
use tod_proto::api::{API_VERSION, status};
use tod_proto::page::Empty;
use tod_proto::untrusted::plain;

use crate::cx::Cx;
use crate::error::{CliError, exit};

/// Show versions
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ask the server for its version too
    #[arg(long)]
    check: bool,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    let mine = env!("CARGO_PKG_VERSION");
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    if !args.check {
        let value = json!({"client": mine, "platform": platform, "api_version": API_VERSION});
        return cx
            .out
            .value("Version", value, || format!("todctl {mine} ({platform})\n"));
    }
    let (_, context) = cx.here()?;
    let client = cx.client()?;
    let server = client
        .call(status::Show, Empty {}, Empty {}, Empty {})
        .await?;
    let fits = server.api_version == API_VERSION;
    let value = json!({
        "client": mine,
        "platform": platform,
        "api_version": API_VERSION,
        "server": server.version,
        "server_api_version": server.api_version,
        "compatible": fits,
    });
    let verdict = if fits { "ok" } else { "NOT COMPATIBLE" };
    cx.out.value("Version", value, || {
        let (version, api) = (plain(&server.version), plain(&server.api_version));
        let at = &context.server;
        format!("todctl {mine} ({platform})\nserver {version} at {at}, protocol {api}: {verdict}\n")
    })?;
    if fits {
        Ok(())
    } else {
        Err(CliError::outcome(exit::INCOMPATIBLE))
    }
}
