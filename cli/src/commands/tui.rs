//! `todctl tui`

use clap::ValueEnum;
use tod_client::store::Kind;
use tod_tui::action::ScreenId;
use tod_tui::app::Context;
use tod_tui::effects::Server;
use tod_tui::run::Options;
use tod_tui::theme::Theme;

use crate::cx::Cx;
use crate::error::CliError;

/// Open the full-screen dashboard
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to start
    #[arg(value_enum, default_value_t = Screen::Overview)]
    screen: Screen,
    /// The theme: midnight, paper, ansi16, mono [default: what fits the terminal]
    #[arg(long, value_name = "NAME", env = "TODCTL_THEME")]
    theme: Option<String>,
}

/// A screen to start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Screen {
    /// The fleet at a glance
    Overview,
    /// The list of devices
    Devices,
    /// Changes and their countdowns
    Changes,
    /// What happened
    Events,
}

pub(super) async fn run(args: Args, cx: &mut Cx) -> Result<(), CliError> {
    if !(cx.term.stdin_tty && cx.term.stdout_tty) {
        return Err(CliError::Usage {
            message: "the dashboard needs a terminal".to_owned(),
            hint: Some("without one, use todctl device list, todctl events -f, …".to_owned()),
        });
    }
    let theme = theme(args.theme.as_deref(), cx)?;
    let (client, tenant) = cx.tenant().await?;
    let (name, context) = cx.here()?;
    let store = cx.store(context.store.unwrap_or(Kind::Keyring), &name);
    // Without it the person is asked for it when the session has to be renewed.
    let secret_key = store.secret_key().ok().flatten();
    let user = context.user.clone().unwrap_or_default();
    let options = Options {
        context: Context {
            tenant: cx.out.origin.1.clone().unwrap_or_default(),
            label: context.shown(&name).to_owned(),
            server: context.server.clone(),
            user: user.clone(),
            protected: context.protected,
            needs_secret_key: secret_key.is_none(),
        },
        server: Server {
            client,
            tenant,
            user,
            secret_key,
            clock: cx.clock.clone(),
        },
        theme,
        screen: match args.screen {
            Screen::Overview => ScreenId::Overview,
            Screen::Devices => ScreenId::Devices,
            Screen::Changes => ScreenId::Changes,
            Screen::Events => ScreenId::Events,
        },
    };
    Ok(tod_tui::run::run(options).await?)
}

fn theme(name: Option<&str>, cx: &Cx) -> Result<Theme, CliError> {
    let var = |name| cx.env.text(name).unwrap_or_default();
    match name {
        Some(name) if name != "auto" => {
            Theme::named(name).ok_or_else(|| CliError::usage(format!("there is no theme `{name}`")))
        }
        _ => Ok(Theme::fitting(
            var("TERM"),
            var("COLORTERM"),
            var("COLORFGBG"),
            cx.env.has("NO_COLOR") || cx.globals.no_color,
        )),
    }
}
