//! A world in which every secret occurs nowhere else.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Daemon, World, lab, operator};
use crate::canary::{Canaries, Spy};
use crate::database::Database;
use crate::nats::Nats;

/// With what has to be escaped somewhere.
const PASSWORD: &str = "Pw9/kestrel+\"owl\\wren-4417";
const DEVICE_PASSWORD: &str = "Dv7-heron/stork+crane=2093";
const DATABASE_PASSWORD: &str = "Db3-osprey-falcon-8812";
const NATS_PASSWORD: &str = "Nt5-lapwing-plover-6630";
const MASTER_KEY: &str = "a91d4e0c77b25f3386ea10d9c4f85b627e30198fd5c64ba2917fe083c5d64a1b";

impl World {
    /// A server and a poller that log everything, over a NATS that asks for a password and with a
    /// PostgreSQL whose URL has one; somebody listens to all that goes over the bus.
    pub fn planted(canaries: &mut Canaries) -> Result<(Self, Spy)> {
        let mut world = Self::bare(canaries)?;
        canaries.plant("database password", DATABASE_PASSWORD)?;
        canaries.plant("NATS password", NATS_PASSWORD)?;
        let (nats, database) = (
            Nats::start_with(world.dir(), Some(NATS_PASSWORD))?,
            Database::create()?,
        );
        let address = nats.url.trim_start_matches("nats://").to_owned();
        let spy = Spy::on(&address, "tod", NATS_PASSWORD)?;
        let settings = format!(
            "[database]\nurl = '{}'\n[bus]\nnats = 'nats://tod:{NATS_PASSWORD}@{address}'\n",
            database.url_with(DATABASE_PASSWORD)
        );
        let settings = settings + &keys(world.dir())?;
        for target in ["server", "poller"] {
            let daemon = Daemon::new(target, &world.dir().join(target))?;
            let daemon = daemon.with_secrets(&settings)?.being(target).started()?;
            match target {
                "server" => world.servers.push(daemon),
                _ => world.pollers.push(daemon),
            }
        }
        (world.nats, world.database) = (Some(nats), Some(database));
        world.come_in(canaries)?;
        Ok((world, spy))
    }

    /// One `todd` that is everything, with a private PostgreSQL whose files lie in its folder.
    pub fn planted_alone(canaries: &mut Canaries) -> Result<Self> {
        let mut world = Self::bare(canaries)?;
        let daemon = Daemon::new("todd", &world.dir().join("todd"))?;
        let daemon = daemon.with_secrets(&keys(world.dir())?)?.started()?;
        world.servers.push(daemon);
        world.come_in(canaries)?;
        Ok(world)
    }

    fn bare(canaries: &mut Canaries) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("tod-e2e.")
            .tempdir_in("/tmp")?;
        let (process, lab) = lab::start_with_password(dir.path(), DEVICE_PASSWORD)?;
        let todctl = operator::client_with(&dir.path().join("client"), PASSWORD)?;
        canaries.plant("password", PASSWORD)?;
        canaries.plant("device password", DEVICE_PASSWORD)?;
        canaries.plant("master key", MASTER_KEY)?;
        let raw = MASTER_KEY.as_bytes().chunks(2).map(|pair| {
            let text = std::str::from_utf8(pair).unwrap_or_default();
            u8::from_str_radix(text, 16).unwrap_or_default()
        });
        canaries.plant_bytes("master key, raw", raw.collect());
        Ok(Self::of(dir, process, lab, todctl))
    }

    /// The first administrator comes in, whose store is one that a test can read.
    fn come_in(&mut self, canaries: &mut Canaries) -> Result<()> {
        let server = self.servers.first().context("a world needs a server")?;
        self.url = server.url();
        let token = std::fs::read_to_string(server.data().join("setup-token"))?;
        canaries.plant("setup token", &token)?;
        let entrance = (self.url.as_str(), "insecure");
        operator::enrol(&self.todctl, entrance, server, self.dir.path())?;
        operator::add_fleet(&self.todctl, &self.lab, self.dir.path())?;
        let kit = std::fs::read_to_string(self.dir.path().join("client/kit.txt"))?;
        plant_secret_key(canaries, "secret key", &kit)?;
        self.plant_tokens(canaries)
    }

    /// Plants the tokens that the client has now.
    pub fn plant_tokens(&self, canaries: &mut Canaries) -> Result<()> {
        let kept = std::fs::read_to_string(self.dir.path().join("client/config/secrets.json"))?;
        let kept: Value = serde_json::from_str(&kept)?;
        let secrets = kept.get("secrets").and_then(Value::as_object);
        let sessions = secrets
            .context("the store has no secrets")?
            .iter()
            .filter(|(name, _)| name.ends_with("/session"));
        for (_, session) in sessions {
            let session: Value = serde_json::from_str(session.as_str().unwrap_or_default())?;
            for name in ["access_token", "refresh_token"] {
                let token = session.pointer(&format!("/tokens/{name}"));
                let token = token.and_then(Value::as_str).context("no token")?;
                let number = canaries.count();
                // The end of an access token is what only the server can make.
                let secret = token.rsplit('.').next().unwrap_or(token);
                canaries.plant(&format!("{name} {number}"), secret)?;
            }
        }
        Ok(())
    }

    /// Says something on the bus.
    pub fn publish(&self, subject: &str, text: &str) -> Result<()> {
        let nats = self.nats.as_ref().context("this world has no bus")?;
        let address = nats.url.trim_start_matches("nats://");
        Spy::publish(address, "tod", NATS_PASSWORD, (subject, text))
    }

    /// Everything in the database, as `pg_dump` writes it, and what PostgreSQL logged.
    pub fn dump(&self) -> Result<(Vec<u8>, Vec<u8>)> {
        let database = self.database.as_ref();
        let database = database.context("this world has a private database")?;
        Ok((database.dump()?, std::fs::read(database.log())?))
    }
}

/// Plants the Secret Key in a kit, as it is printed and as it is computed with.
pub fn plant_secret_key(canaries: &mut Canaries, name: &str, kit: &str) -> Result<()> {
    let (_, rest) = kit.split_once("A3-").context("the kit has no Secret Key")?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .unwrap_or(rest.len());
    let key = format!("A3-{}", rest.get(..end).unwrap_or_default());
    // What stands first names the account and is no secret.
    let secret: Vec<&str> = key.split('-').skip(2).collect();
    canaries.plant(name, &secret.join("-"))?;
    canaries.plant(&format!("{name}, without dashes"), &secret.concat())
}

fn keys(dir: &Path) -> Result<String> {
    use std::os::unix::fs::PermissionsExt as _;

    let path = dir.join("master.key");
    std::fs::write(&path, MASTER_KEY)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(format!("[keys]\nmaster_key_file = '{}'\n", path.display()))
}
