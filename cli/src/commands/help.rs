//! `todctl help`

use tod_client::view::{Align, Cell};
use tod_proto::selector::{Field, Kind};

use super::man::tree;
use crate::cx::{Cx, similar};
use crate::error::{CliError, exit};
use crate::output::draw;

/// Explain a command or a topic
///
/// Topics: selectors, exit-codes, formatting, environment, safe-apply.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A command such as `device list`, or a topic
    words: Vec<String>,
}

const TOPICS: &[&str] = &[
    "selectors",
    "exit-codes",
    "formatting",
    "environment",
    "safe-apply",
];

pub(super) fn run(args: &Args, cx: &mut Cx) -> Result<(), CliError> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        ["selectors"] => selectors(),
        ["exit-codes"] => exit_codes(),
        ["formatting"] => FORMATTING.to_owned(),
        ["environment"] => ENVIRONMENT.to_owned(),
        ["safe-apply"] => SAFE_APPLY.to_owned(),
        words => command(words)?,
    };
    cx.out.write(&text)
}

/// What `todctl` alone says: where to begin, and where we are.
pub fn start(cx: &mut Cx) -> Result<(), CliError> {
    let here = match cx.here() {
        Ok((name, context)) => {
            let tenant = context.tenant.as_deref().unwrap_or("-");
            let user = context.user.as_deref().unwrap_or("nobody");
            format!("{}/{tenant} as {user}.", context.shown(&name))
        }
        Err(CliError::NoContext) => "No server yet: todctl login --server https://…".to_owned(),
        Err(error) => error.to_string(),
    };
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "todctl {version}: fleet console for MikroTik RouterOS\n\n{START}\n{here}     More: todctl --help\n"
    );
    cx.out.write(&text)
}

const START: &str = "  todctl tui                          full-screen console
  todctl device list status=offline   what is down
  todctl exec tag=core -- /system/resource/print

Start   setup enrol login context doctor tui     Change  config exec run
Fleet   device tenant user                       Access  ssh
See     top events metrics                       Help    help completion man version
";

fn command(words: &[&str]) -> Result<String, CliError> {
    let mut here = tree();
    for word in words {
        let Some(sub) = here.find_subcommand(word) else {
            let mut names: Vec<String> = here
                .get_subcommands()
                .map(|sub| sub.get_name().to_owned())
                .collect();
            names.extend(TOPICS.iter().map(|&topic| topic.to_owned()));
            return Err(CliError::Usage {
                message: format!("no command or topic `{word}`"),
                hint: Some(match similar(word, names.iter()).as_slice() {
                    [] => format!("topics are {}", TOPICS.join(", ")),
                    like => format!("did you mean {}?", like.join(", ")),
                }),
            });
        };
        here = sub.clone();
    }
    Ok(here.render_long_help().to_string())
}

fn rows(rows: &[[String; 3]], titles: [&str; 3]) -> String {
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| row.iter().map(Cell::text).collect())
        .collect();
    draw(&cells, Some(&titles), &[Align::Left; 3])
}

fn exit_codes() -> String {
    let table: Vec<[String; 3]> = exit::TABLE
        .iter()
        .map(|(code, name, when)| [code.to_string(), (*name).to_owned(), (*when).to_owned()])
        .collect();
    let rest =
        "`todctl ssh DEVICE -- COMMAND` returns the remote status; 255 if the connection failed.\n";
    format!("{}\n{rest}", rows(&table, ["CODE", "NAME", "WHEN"]))
}

fn selectors() -> String {
    let table: Vec<[String; 3]> = Field::ALL
        .iter()
        .map(|field| {
            let kind = match field.kind() {
                Kind::Number => "number",
                Kind::Duration => "time, like 10m",
                Kind::Version => "version",
                Kind::Bool => "true or false",
                _ => "text",
            };
            [
                field.as_str().to_owned(),
                kind.to_owned(),
                field.help().trim().to_owned(),
            ]
        })
        .collect();
    format!(
        "{SELECTORS}\n{}",
        rows(&table, ["FIELD", "VALUES", "MEANING"])
    )
}

const SELECTORS: &str = "A selector picks devices. Several terms must all hold.

  ber-core-01                     exact name, else start of an identifier, else address
  site=berlin tag=core            both
  status=offline,degraded         one of them (also: down, up, degr, unkn)
  version.lt=7.15                 in the order of RouterOS versions
  cpu.gt=80 seen.gt=10m           numbers and times
  name~ber name^=ber- 'name=b*'   contains, starts with, matches
  not tag=lab                     not
  site=bern or site=berlin        one of two; parentheses group
  all                             every device

`<` and `>` work too, but a shell takes them for redirects unless they are quoted: the word forms
.lt .le .gt .ge .re .in .has need no quotes.
";

const FORMATTING: &str = "Results go to stdout, everything else to stderr.

  -o table     aligned columns for people; the default on a terminal
  -o wide      the same with all columns
  -o json      one document: apiVersion, kind, items, page
  -o jsonl     one object for each line, as soon as it is there
  -o yaml      the same as json
  -o csv       with a header; cells that a spreadsheet would run get a ' in front (--csv-raw: not)
  -o tsv       no header, full values; the default when stdout is not a terminal
  -o name, id  one for each line, for another command
  --json a,b   only these fields; without a value it lists them

  --columns a,b   choose; +a adds, -a leaves out         --no-header   without the header
  --sort-by -cpu  sort; - is downwards                   --limit N     says how many were left out

What a device chose (names, comments) is escaped in every format: control characters, characters
that reorder or hide others. JSON escapes keep the value exactly.
";

const ENVIRONMENT: &str = "TODCTL_CONTEXT, TODCTL_TENANT, TODCTL_SERVER   as the flags
TODCTL_API_KEY_FILE                             a file with an API key, instead of signing in; with
                                                TODCTL_SERVER no context is needed
TODCTL_API_KEY                                  the key itself; a file is safer
TODCTL_TRUST_SERVER                             SHA-256 of that server's certificate
TODCTL_OUTPUT                                   the default format
TODCTL_READONLY                                 refuse changes
TODCTL_NO_INPUT, CI                             never ask
TODCTL_STORE_PASSPHRASE_FILE                    passphrase of the encrypted store of secrets;
                                                without it, a person is asked once an hour
TODCTL_CONFIG_DIR, TODCTL_CACHE_DIR, TODCTL_STATE_DIR   where files are
NO_COLOR, TODCTL_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM  colour; the first that says something wins
TODCTL_FORCE_TTY=120                            write as for a terminal of 120 columns
HTTPS_PROXY, NO_PROXY                           the network
";

const SAFE_APPLY: &str = "`todctl config apply` never leaves a mistake in force:

  1. plan      the device is read; what would change and what could go wrong is shown
  2. arm       a one-shot timer with the inverse script is put on the device
  3. apply     the script is sent
  4. verify    the device is looked at over a new connection
  5. pending   you confirm within the window, or the device undoes it by itself
  6. confirmed or reverted, as read back from the device, never assumed

If what is read back is neither the old nor the new configuration, the state is `unknown`: look at
the device. `--unguarded` leaves out the timer and asks for the device's name.
";
