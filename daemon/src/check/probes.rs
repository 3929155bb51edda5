//! What can be looked at before a start: database, bus, keys, certificate, port, folder, clock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use rustix::fs::{Access, access, statvfs};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection as _, Row as _};
use tod_proto::certificate::Standing;
use tod_server::kms::MasterKey;
use tod_service::bus::Bus;
use tod_service::clock::Clock;

use super::{Check, Verdict};
use crate::config::{Backend, Config, Setting, Target};
use crate::database::{self, Seen};
use crate::environment::Environment;
use crate::insecure;
use crate::postgres::{Binaries, Role};
use crate::tls::{Pair, exposed};
use crate::told;

/// How long anything may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// The oldest PostgreSQL.
const OLDEST: i32 = 150_000;
/// How far two clocks may be apart: what tokens and pollers forgive.
const APART: SignedDuration = SignedDuration::from_secs(30);
/// Less room on the disk than this is said.
const ROOM: u64 = 1 << 30;

pub(super) async fn all(config: &Config, environment: &Environment) -> Vec<Check> {
    let mut checks = safety(config, environment);
    if config.target == Target::Poller {
        checks.push(bus(config).await);
        return checks;
    }
    let folder = config.data_dir(environment);
    if let Ok(folder) = &folder {
        checks.push(data_dir(folder));
        checks.push(disk(folder));
    }
    checks.push(match config.keys.backend {
        Backend::Local => key(config, environment, folder.as_deref().ok()),
        Backend::Transit => key_service(config).await,
    });
    checks.push(certificate(config, folder.as_deref().ok()));
    checks.push(port(config));
    checks.extend(database(config, environment).await);
    checks.push(bus(config).await);
    checks
}

fn safety(config: &Config, environment: &Environment) -> Vec<Check> {
    let found = insecure::look(config, environment);
    if found.is_empty() {
        return vec![Check::ok("safety", "nothing that is fit for dev alone")];
    }
    let said = found.into_iter().map(|finding| {
        let text = format!("{}: {}", finding.name, finding.problem);
        if config.environment == Setting::Dev {
            Check::warning("safety", text, finding.remedy)
        } else {
            Check::failure("safety", text, finding.remedy)
        }
    });
    said.collect()
}

/// The folder, or what of its way is there.
fn existing(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|path| path.exists());
    there.unwrap_or_else(|| Path::new("/")).to_owned()
}

fn data_dir(path: &Path) -> Check {
    let there = existing(path);
    if access(&there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let text = format!("{} cannot be written", there.display());
        return Check::failure(
            "data directory",
            text,
            "change its owner, or use --data-dir",
        );
    }
    let state = if there == path {
        ""
    } else {
        ", made at the first start"
    };
    Check::ok("data directory", format!("{}{state}", path.display()))
}

fn disk(path: &Path) -> Check {
    let there = existing(path);
    let Ok(found) = statvfs(&there) else {
        let text = format!("the disk of {} says nothing about itself", there.display());
        return Check::warning("disk", text, "look at it");
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} MiB free at {}", free >> 20, there.display());
    match free {
        free if free < ROOM / 10 => Check::failure("disk", text, "make room"),
        free if free < ROOM => Check::warning("disk", text, "make room"),
        _ => Check::ok("disk", text),
    }
}

fn key(config: &Config, environment: &Environment, folder: Option<&Path>) -> Check {
    let name = "master key";
    if let Some(text) = environment.get("CREDENTIAL_ENCRYPTION_KEY") {
        return match text.parse::<MasterKey>() {
            Ok(_) => Check::ok(name, "from CREDENTIAL_ENCRYPTION_KEY"),
            Err(error) => Check::failure(
                name,
                format!("CREDENTIAL_ENCRYPTION_KEY: {error}"),
                "make one: openssl rand -hex 32",
            ),
        };
    }
    let usual = folder.map(|folder| folder.join("keys/master.key"));
    let Some(path) = config.keys.master_key_file.clone().or(usual) else {
        return Check::failure(name, "there is no place for it", "use --data-dir");
    };
    if !path.exists() {
        return Check::ok(name, format!("{}, made at the first start", path.display()));
    }
    if let Some(finding) = insecure::of_key_file(&path) {
        return Check::failure(name, finding.problem, finding.remedy);
    }
    match MasterKey::from_file(&path) {
        Ok(_) => Check::ok(name, path.display().to_string()),
        Err(error) => Check::failure(
            name,
            format!("{}: {error}", path.display()),
            "put the backup of it there: nothing can be opened without it",
        ),
    }
}

/// Whether OpenBao is there, lets us in, and to all that is needed. No key is made.
async fn key_service(config: &Config) -> Check {
    let name = "key service";
    let repair = "docs/kms.md says how OpenBao is set up";
    let transit = match crate::keys::transit(config) {
        Ok(transit) => transit,
        Err(error) => return Check::failure(name, format!("{error:#}"), repair),
    };
    let address = config.keys.transit.address.as_deref().unwrap_or_default();
    match tokio::time::timeout(ANSWER, transit.start()).await {
        Ok(Ok(())) => Check::ok(name, format!("OpenBao at {address}")),
        Ok(Err(error)) => Check::failure(name, error.to_string(), repair),
        Err(_) => {
            let text = format!("OpenBao at {address}: no answer within {ANSWER:?}");
            Check::failure(name, text, "is the address right, and does it listen?")
        }
    }
}

fn certificate(config: &Config, folder: Option<&Path>) -> Check {
    let name = "certificate";
    if !config.http.tls {
        return Check::ok(name, "none: TLS is off");
    }
    let (Some(certificate), Some(key)) = (&config.http.certificate, &config.http.key) else {
        return own_certificate(folder);
    };
    let repair = "give http.certificate and http.key that belong together";
    let check = lasting(certificate, key, repair);
    match (check.verdict, exposed(key)) {
        (Verdict::Ok, Some(mode)) => {
            let text = format!("{} can be read by others (mode {mode:o})", key.display());
            Check::warning(name, text, "chmod 600")
        }
        _ => check,
    }
}

/// The one that is made at the first start.
fn own_certificate(folder: Option<&Path>) -> Check {
    let folder = folder.map(|folder| folder.join("tls"));
    match folder {
        Some(folder) if folder.join("cert.pem").exists() => {
            let repair = "put the backup of it there: clients go by its fingerprint";
            lasting(&folder.join("cert.pem"), &folder.join("key.pem"), repair)
        }
        _ => Check::ok("certificate", "one of our own, made at the first start"),
    }
}

/// Whether it can be used, and for how long.
fn lasting(certificate: &Path, key: &Path, repair: &str) -> Check {
    let name = "certificate";
    let known = match Pair::read(certificate, key) {
        Ok(pair) => pair.certificate,
        Err(error) => return Check::failure(name, format!("{error:#}"), repair),
    };
    let now = Clock::system().now();
    let text = format!("{} {}", certificate.display(), known.describe(now));
    match known.standing(now) {
        Standing::Good => Check::ok(name, text),
        Standing::EndsSoon => {
            Check::warning(name, text, "renew it; a todd that runs reads it again")
        }
        Standing::Ended => Check::failure(
            name,
            format!("{text}: clients refuse it"),
            "renew it; a todd that runs reads it again",
        ),
        Standing::NotYet => Check::failure(
            name,
            format!("{text}: clients refuse it"),
            "use the one before until then; or is the clock of this machine wrong?",
        ),
    }
}

fn port(config: &Config) -> Check {
    let address = config.http.listen;
    match std::net::TcpListener::bind(address) {
        Ok(_) => Check::ok("port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Check::warning(
            "port",
            format!("{address} is in use"),
            "right when that is todd; else choose another with --listen",
        ),
        Err(error) => Check::failure("port", format!("{address}: {error}"), "use --listen"),
    }
}

async fn database(config: &Config, environment: &Environment) -> Vec<Check> {
    let name = "database";
    if config.database.url.is_none() {
        let places = told::cluster(config, environment).places;
        return vec![match Binaries::find(&places, None) {
            Ok(found) => Check::ok(name, format!("a private PostgreSQL {}", found.version)),
            Err(error) => Check::failure(name, format!("{error:#}"), "or set DATABASE_URL"),
        }];
    }
    let mut checks = Vec::new();
    for role in [Role::Owner, Role::App, Role::System] {
        let Ok(Some(options)) = config.database.connect(role) else {
            continue;
        };
        checks.push(signs_in(config, role, &options).await);
        if role == Role::App {
            checks.extend(clock(&options).await);
        }
    }
    checks
}

async fn signs_in(config: &Config, role: Role, options: &PgConnectOptions) -> Check {
    let name = "database";
    let place = format!("{} at {}", options.get_username(), options.get_host());
    let repair = "the roles tod_owner, tod_app and tod_system must be there, with these passwords";
    let seen = match tokio::time::timeout(ANSWER, database::inspect(options)).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => return Check::failure(name, format!("{place}: {error:#}"), repair),
        Err(_) => {
            let text = format!("{place}: no answer within {ANSWER:?}");
            return Check::failure(name, text, "is the address right, and does it listen?");
        }
    };
    if seen.version < OLDEST {
        let text = format!("{place}: version {} is too old", seen.version / 10_000);
        return Check::failure(name, text, "PostgreSQL 15 or later");
    }
    match insecure::of_role(role, &seen) {
        Some(found) if config.environment == Setting::Dev => {
            Check::warning(name, found.problem, found.remedy)
        }
        Some(found) => Check::failure(name, found.problem, found.remedy),
        None => Check::ok(name, format!("{place}{}", migrations(role, &seen))),
    }
}

fn migrations(role: Role, seen: &Seen) -> String {
    let newest = tod_server::db::newest_migration();
    match seen.migration {
        _ if role != Role::Owner => String::new(),
        None => ", empty: the tables are made at the first start".to_owned(),
        Some(made) if made == newest => format!(", migration {made}: up to date"),
        Some(made) if made < newest => format!(", migration {made}: goes to {newest} at the start"),
        Some(made) => {
            format!(", migration {made}: written by a newer todd, this one knows {newest}")
        }
    }
}

async fn clock(options: &PgConnectOptions) -> Option<Check> {
    let asked = async {
        let mut db = PgConnection::connect_with(options).await?;
        let row = sqlx::query("select extract(epoch from clock_timestamp())::bigint as now")
            .fetch_one(&mut db)
            .await?;
        db.close().await?;
        row.try_get::<i64, _>("now")
    };
    let theirs = tokio::time::timeout(ANSWER, asked).await.ok()?.ok()?;
    let apart = SignedDuration::from_secs(theirs - Clock::system().now().as_second());
    let text = format!(
        "{} s between this machine and the database",
        apart.as_secs()
    );
    Some(if apart.abs() > APART {
        Check::failure(
            "clock",
            text,
            "set the clocks by NTP: tokens and pollers go by them",
        )
    } else {
        Check::ok("clock", text)
    })
}

async fn bus(config: &Config) -> Check {
    let Some(options) = told::nats(config, "todd check") else {
        return Check::ok("bus", "within this process");
    };
    let shown = super::without_password(&options.url);
    match tokio::time::timeout(ANSWER, Bus::nats(options)).await {
        Ok(Ok(bus)) if bus.is_up() => Check::ok("bus", format!("{shown} answers")),
        Ok(Err(error)) => Check::failure("bus", format!("{shown}: {error}"), "see bus.nats"),
        _ => Check::failure("bus", format!("{shown} does not answer"), "is it running?"),
    }
}
