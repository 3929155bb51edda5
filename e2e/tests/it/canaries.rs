//! Secrets that occur nowhere else are planted wherever a secret can come in, a broad story is told
//! with real processes, and everything that it leaves behind is searched for them: logs at the
//! level `trace`, a dump of the database and its files, the bus, what the client printed, arguments
//! and environments of processes, every file.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};
use std::time::Duration;

use tod_e2e::{Canaries, Hit, Search, World, eventually, plant_secret_key};

/// Where a secret may be, and why. The first word is the beginning of the secret's name, the second
/// is part of the place.
const ALLOWED: &[(&str, &str)] = &[
    // What a person wrote down to give it to tod.
    ("password", "/client/password"),
    ("bo's password", "/bo/password"),
    ("wrong password", "/client/wrong"),
    ("wrong API key", "/machine/wrong-key"),
    ("device password", "/client/device-password"),
    ("PSK", "/change.rsc"),
    ("SNMP community", "/change.rsc"),
    ("private key", "/change.rsc"),
    ("invitation", "/bo/invitation"),
    ("API key", "/machine/key"),
    ("master key", "/master.key"),
    ("database password", "/server.toml"),
    ("database password", "/poller.toml"),
    ("NATS password", "/server.toml"),
    ("NATS password", "/poller.toml"),
    // The other side: the device itself, whose lab says how to sign in, and the bus.
    ("device password", "/fleet.toml"),
    ("device password", "/lab.log"),
    ("NATS password", "/nats.conf"),
    // What its owner keeps: the kit, and a store that was asked to be unprotected.
    ("secret key", "/client/kit.txt"),
    ("secret key", "/client/config/secrets.json"),
    ("access_token", "/client/config/secrets.json"),
    ("refresh_token", "/client/config/secrets.json"),
    ("bo's secret key", "/bo/kit.txt"),
    // What is shown once, to whom it is for.
    ("API key", "printed by todctl apikey create"),
    ("invitation", "printed by todctl user invite"),
    // What an operator asked to see, and is on record for.
    ("PSK", "--show-secrets -o json"),
    ("SNMP community", "--show-secrets -o json"),
    ("private key", "--show-secrets -o json"),
    // What a device answered, to whoever asked it.
    ("PSK", "printed by todctl exec"),
    ("SNMP community", "printed by todctl exec"),
    ("private key", "printed by todctl exec"),
    ("PSK", "printed by todctl run show"),
    ("SNMP community", "printed by todctl run show"),
    ("private key", "printed by todctl run show"),
];

const WRONG_PASSWORD: &str = "Wr6-bittern-avocet-9915";
const WRONG_KEY: &str = "mktp_Wr8bitternAvocet7741ibisGodwit3308curlew";
const BO_PASSWORD: &str = "Bo2/dunlin+ruff=knot-5520";
const PSK: &str = "Pk1-sandpiper/whimbrel-7763";
const COMMUNITY: &str = "Sn4-turnstone-phalarope-1189";
const PRIVATE_KEY: &str = "U2s3LWdvbGRlbmV5ZS1tZXJnYW5zZXItc21ldy02NjQ=";

/// A story with everything that it printed.
struct Story {
    world: World,
    canaries: Canaries,
    printed: Vec<(String, Vec<u8>)>,
}

impl Story {
    fn new(world: World, mut canaries: Canaries) -> Self {
        for (name, secret) in [
            ("wrong password", WRONG_PASSWORD),
            ("wrong API key", WRONG_KEY),
            ("bo's password", BO_PASSWORD),
            ("PSK", PSK),
            ("SNMP community", COMMUNITY),
            ("private key", PRIVATE_KEY),
        ] {
            canaries.plant(name, secret).unwrap();
        }
        Self {
            world,
            canaries,
            printed: Vec::new(),
        }
    }

    /// Runs a command and remembers what it printed.
    fn run(&mut self, mut command: Command, args: &[&str]) -> Output {
        let output = command.output().unwrap();
        let place = format!("printed by todctl {}", args.join(" "));
        self.printed.push((place.clone(), output.stdout.clone()));
        self.printed.push((place, output.stderr.clone()));
        output
    }

    fn todctl(&mut self, args: &[&str]) -> Output {
        let command = self.world.todctl.command(args);
        self.run(command, args)
    }

    fn done(&mut self, args: &[&str]) -> String {
        let output = self.todctl(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where a file of the world is.
    fn path(&self, name: &str) -> String {
        self.world.dir().join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.world.dir().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    fn tell(&mut self) {
        for name in self.world.devices().unwrap() {
            self.world.wait_until_online(&name).unwrap();
        }
        self.change();
        self.ask();
        self.people();
        self.programs();
        self.mistakes();
        self.look();
        self.keys();
        self.world.plant_tokens(&mut self.canaries).unwrap();
    }

    /// Secrets go into a device's configuration, and come back in what it is read as.
    fn change(&mut self) {
        for (verb, n) in [("confirm", 1), ("revert", 2)] {
            let script = format!(
                "/ppp secret add name=branch-{n} password=\"{PSK}\"\n\
                 /snmp community add name=\"{COMMUNITY}-{n}\" addresses=10.0.0.0/8\n\
                 /interface wireguard add name=wg-{n} private-key=\"{PRIVATE_KEY}\"\n"
            );
            let file = self.file("change.rsc", &script);
            let apply = [
                "config",
                "apply",
                "ber-core-01",
                "-f",
                &file,
                "--window",
                "60s",
                "--yes",
                "-v",
            ];
            let applied = self.todctl(&apply);
            assert_eq!(applied.status.code(), Some(8), "{applied:?}");
            let pending = self.world.todctl.items(&["config", "pending"]).unwrap();
            let number = format!("c-{}", pending[0]["number"]);
            for args in [
                vec!["config", "show", &number, "-o", "json"],
                vec!["config", "show", &number],
                vec!["config", "show", &number, "--show-secrets", "-o", "json"],
                vec!["config", "show", &number, "--show-secrets"],
                vec!["config", "pending", "-o", "json"],
                vec!["config", verb, &number, "--yes", "-v"],
            ] {
                self.done(&args);
            }
            self.world.end_of(&number).unwrap();
            let dry = [
                "config",
                "apply",
                "ber-core-02",
                "-f",
                &file,
                "--dry-run",
                "-o",
                "json",
            ];
            self.todctl(&dry);
        }
        self.todctl(&["config", "history", "-o", "json"]);
    }

    /// Answers that hold secrets, and a command that does.
    fn ask(&mut self) {
        for menu in [
            "/ppp/secret/print",
            "/snmp/community/print",
            "/interface/wireguard/print",
        ] {
            self.todctl(&["exec", "all", "-o", "json", "-v", "--", menu]);
        }
        let found = self.printed.iter().any(|(_, text)| {
            text.windows(COMMUNITY.len())
                .any(|window| window == COMMUNITY.as_bytes())
        });
        assert!(found, "an answer holds what the device was given");
        self.todctl(&["run", "list", "-o", "json"]);
        for run in ["r-1", "r-2", "r-3"] {
            self.todctl(&["run", "show", run, "-o", "json", "-v"]);
        }
        self.todctl(&["ssh", "ber-core-01", "--", "/system identity print"]);
    }

    fn people(&mut self) {
        let token = self.done(&["user", "invite", "bo@example.org", "--role", "viewer"]);
        let token = token
            .split_whitespace()
            .find(|word| word.starts_with("invite_"));
        let token = token.unwrap().to_owned();
        self.canaries.plant("invitation", &token).unwrap();
        let bo = self.world.person("bo").unwrap();
        let password = self.file("bo/password", BO_PASSWORD);
        let invitation = self.file("bo/invitation", &token);
        let kit = self.path("bo/kit.txt");
        let (url, fingerprint) = self.world.entrance().unwrap();
        let args = [
            "enrol",
            "--server",
            url,
            "--store",
            "file",
            "--trust-server",
            fingerprint,
            "--email",
            "bo@example.org",
            "--password-file",
            &password,
            "--token-file",
            &invitation,
            "--kit",
            &kit,
            "-v",
        ]
        .map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let enrolled = self.run(bo.command(&args), &args);
        assert!(enrolled.status.success(), "{enrolled:?}");
        let kit = std::fs::read_to_string(kit).unwrap();
        plant_secret_key(&mut self.canaries, "bo's secret key", &kit).unwrap();
        for args in [["device", "list"], ["session", "list"], ["account", "show"]] {
            self.run(bo.command(&args), &args);
        }
        self.run(bo.command(&["logout", "-v"]), &["logout", "-v"]);
        self.todctl(&["user", "reset", "bo@example.org", "--yes", "-o", "id"]);
    }

    fn programs(&mut self) {
        let create = ["apikey", "create", "ci", "--scope", "devices:read"];
        let key = self.done(&create).trim().to_owned();
        self.canaries.plant("API key", &key).unwrap();
        let good = self.file("machine/key", &key);
        let wrong = self.file("machine/wrong-key", WRONG_KEY);
        for (key, args) in [
            (&good, vec!["device", "list", "-o", "json", "-v"]),
            (&good, vec!["whoami", "-o", "json", "-v"]),
            (&good, vec!["doctor"]),
            (&wrong, vec!["device", "list", "-v"]),
        ] {
            let mut command = self.world.todctl.command(&args);
            command.env("TODCTL_API_KEY_FILE", key);
            self.run(command, &args);
        }
        self.todctl(&["apikey", "list", "-o", "json", "-v"]);
        self.todctl(&["apikey", "show", "ci", "-o", "json"]);
        self.todctl(&["apikey", "revoke", "ci", "--yes", "-v"]);
    }

    /// What is wrong is a secret, too: it is often nearly right.
    fn mistakes(&mut self) {
        let wrong = self.file("client/wrong", WRONG_PASSWORD);
        let kit = self.path("client/kit.txt");
        let (url, fingerprint) = self.world.entrance().unwrap();
        let args = [
            "login",
            "--server",
            url,
            "--trust-server",
            fingerprint,
            "--email",
            "ana@example.org",
            "--password-file",
            &wrong,
            "--secret-key-file",
            &kit,
            "--store",
            "insecure",
            "-v",
        ]
        .map(str::to_owned);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = self.todctl(&args);
        assert!(!refused.status.success());
        let add = [
            "device",
            "add",
            "127.0.77.9",
            "--username",
            "x",
            "--password-file",
            &wrong,
            "--tls",
            "plain",
            "-v",
        ];
        self.todctl(&add);
        let set = [
            "device",
            "set",
            "ber-core-02",
            "--password-file",
            &wrong,
            "--yes",
            "-v",
        ];
        self.todctl(&set);
    }

    /// Every verb that shows something, as JSON and with all words.
    fn look(&mut self) {
        for line in [
            "whoami",
            "context list",
            "context show",
            "session list",
            "account show",
            "auth can-i device.list",
            "doctor",
            "device list",
            "device show ber-core-01",
            "device interfaces ber-core-01",
            "events",
            "metrics get ber-core-01 cpu",
            "run list",
            "config history",
            "tenant list",
            "tenant show",
            "user list",
            "apikey list",
            "audit list",
            "audit show a-1",
            "audit verify",
            "audit verify --platform",
            "kms status",
            "kms log",
            "version",
            "account export",
        ] {
            for more in [&["-o", "json", "-v"][..], &["-vv"], &["-o", "yaml"]] {
                let mut args: Vec<&str> = line.split(' ').collect();
                args.extend(more);
                self.todctl(&args);
            }
        }
        let export = self.path("audit.jsonl");
        self.done(&["audit", "export", "-O", &export]);
        let kit = self.path("client/kit.txt");
        let password = self.path("client/password");
        let args = [
            "login",
            "--password-file",
            &password,
            "--secret-key-file",
            &kit,
            "-v",
        ];
        self.done(&args);
    }

    fn keys(&mut self) {
        self.done(&["kms", "rotate", "-v"]);
        self.done(&["kms", "rewrap", "-v"]);
        for (purpose, place) in [
            ("run.show", "run_results.sealed"),
            ("change.reveal", "changes.secret"),
        ] {
            let uses = self.done(&["kms", "log", "--purpose", purpose, "-o", "json"]);
            assert!(uses.contains(place), "{uses}");
        }
        let acts = self.done(&["audit", "list", "-o", "json"]);
        assert!(acts.contains("change.reveal"), "{acts}");
    }

    /// Everything that is left, but for what processes show.
    fn search(&self, search: &Search) -> BTreeSet<Hit> {
        let mut hits = search.folder(self.world.dir()).unwrap();
        for (place, text) in &self.printed {
            hits.extend(search.bytes(place, text));
        }
        hits
    }

    fn no_process_dumps_core(&self) {
        for daemon in self.world.servers.iter().chain(&self.world.pollers) {
            let limits = format!("/proc/{}/limits", daemon.pid().unwrap());
            let limits = std::fs::read_to_string(limits).unwrap();
            let core = limits
                .lines()
                .find(|line| line.starts_with("Max core file size"));
            let words: Vec<&str> = core.unwrap().split_whitespace().collect();
            assert_eq!(words[4..6], ["0", "0"], "{}", daemon.name());
        }
    }
}

fn is_allowed(hit: &Hit) -> bool {
    let named = |(secret, place): &&(&str, &str)| {
        hit.secret.starts_with(secret) && hit.place.contains(place)
    };
    ALLOWED.iter().any(|allowed| named(&allowed))
}

fn forbidden(hits: BTreeSet<Hit>) -> Vec<Hit> {
    hits.into_iter().filter(|hit| !is_allowed(hit)).collect()
}

#[test]
fn no_secret_is_left_anywhere_by_servers_pollers_bus_and_client() {
    let mut canaries = Canaries::default();
    let (world, spy) = World::planted(&mut canaries).unwrap();
    let mut story = Story::new(world, canaries);
    let early = story.canaries.search(&[]).unwrap().watch_processes();
    story.no_process_dumps_core();

    story.tell();

    let search = story.canaries.search(&[]).unwrap();
    let late = search.watch_processes();
    story.todctl(&["device", "list"]);
    let mut hits = story.search(&search);
    let heard = spy.heard();
    hits.extend(search.bytes("the bus", &heard));
    let (dump, log) = story.world.dump().unwrap();
    hits.extend(search.bytes("the dump", &dump));
    hits.extend(search.bytes("the log of PostgreSQL", &log));
    let mut looked_at = BTreeSet::new();
    for watch in [early, late] {
        let (found, seen) = watch.end().unwrap();
        hits.extend(found);
        looked_at.extend(seen);
    }

    assert_eq!(forbidden(hits.clone()), []);
    // The search has seen what it was to look at.
    assert!(heard.len() > 10_000 && dump.len() > 10_000);
    for process in [
        "cmdline of todd",
        "environ of todd",
        "cmdline of todctl",
        "environ of todctl",
    ] {
        assert!(looked_at.contains(process), "{looked_at:?}");
    }
    for (secret, place) in ALLOWED {
        let found = hits
            .iter()
            .any(|hit| hit.secret.starts_with(secret) && hit.place.contains(place));
        assert!(found, "{secret} is where it may be: {place}");
    }
    for daemon in story.world.servers.iter().chain(&story.world.pollers) {
        assert!(
            daemon.log().unwrap().contains("\"TRACE\""),
            "{}",
            daemon.name()
        );
    }
}

/// The files of the database itself: heap, indexes and the log of what was written.
#[test]
fn no_secret_is_in_the_files_of_a_private_database() {
    let mut canaries = Canaries::default();
    let world = World::planted_alone(&mut canaries).unwrap();
    let mut story = Story::new(world, canaries);
    story.tell();
    let search = story.canaries.search(&[]).unwrap();

    let running = story.search(&search);
    story.world.servers[0].stop().unwrap();
    let stopped = story.search(&search);

    assert_eq!(forbidden(running), []);
    assert_eq!(forbidden(stopped), []);
}

/// The search itself: what is planted on purpose is found, wherever and however.
#[test]
fn a_secret_that_is_planted_on_purpose_is_found() {
    const SECRET: &str = "Xx3/\"tern\\skua+auk'gull-2024";
    let mut canaries = Canaries::default();
    canaries.plant("planted", SECRET).unwrap();
    let search = canaries.search(&[]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let json = serde_json::json!({ "a": SECRET }).to_string();
    let hex = hex::encode(SECRET);
    let base64 = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("before {SECRET} after"))
    };
    for (name, text) in [
        ("plain", SECRET.to_owned()),
        ("json", json.clone()),
        ("json-in-json", serde_json::Value::from(json).to_string()),
        ("hex", format!("\\x00{hex}00")),
        ("upper", hex.to_uppercase()),
        ("base64", base64),
        (
            "url",
            "x=Xx3%2F%22tern%5Cskua%2Bauk%27gull-2024&y".to_owned(),
        ),
        ("copy", SECRET.replace('\\', "\\\\")),
        ("sql", format!("'{}'", SECRET.replace('\'', "''"))),
        ("debug", format!("{SECRET:?}")),
    ] {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), text).unwrap();
        let hits = search.folder(&folder).unwrap();
        assert!(!hits.is_empty(), "{name}");
        assert_eq!(forbidden(hits.clone()).len(), hits.len(), "{name}");
    }
    assert!(search.folder(dir.path()).unwrap().len() >= 10);

    let watch = search.watch_processes();
    let mut child = Command::new("sleep")
        .arg("30")
        .env("PLANTED", SECRET)
        .spawn()
        .unwrap();
    let mut other = Command::new("sh")
        .args(["-c", "read -r line; true", SECRET])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    eventually("both were looked at", Duration::from_secs(20), || {
        Ok((watch.rounds() > 3).then_some(()))
    })
    .unwrap();
    for child in [&mut child, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (hits, _) = watch.end().unwrap();
    let places: BTreeSet<&str> = hits.iter().map(|hit| hit.place.as_str()).collect();
    assert!(places.contains("environ of sleep"), "{places:?}");
    assert!(places.contains("cmdline of sh"), "{places:?}");
}

/// The same in the world itself: a note is no place for a secret, and the dump shows it.
#[test]
fn a_secret_that_somebody_stores_in_the_clear_is_found_in_the_dump_and_on_the_bus() {
    let mut canaries = Canaries::default();
    let (world, spy) = World::planted(&mut canaries).unwrap();
    let search = canaries.search(&[]).unwrap();
    let secret = canaries.get("device password").unwrap();

    world
        .query(&format!("update devices set note = '{secret}'"))
        .unwrap();
    let (dump, _) = world.dump().unwrap();
    let hits = search.bytes("the dump", &dump);
    assert_eq!(forbidden(hits).len(), 1);

    eventually("the bus is heard", Duration::from_secs(10), || {
        Ok((spy.heard().len() > 1000).then_some(()))
    })
    .unwrap();
    world.publish("planted.on.purpose", secret).unwrap();
    eventually(
        "what is said on the bus is heard",
        Duration::from_secs(10),
        || {
            let hits = search.bytes("the bus", &spy.heard());
            Ok((!hits.is_empty()).then_some(()))
        },
    )
    .unwrap();
}
