//! Which fields of which operation can name a thing.

use serde_json::{Value, json};
use tod_proto::api::{
    account, api_keys, audit, changes, devices, docs, events, kms, relays, runs, sessions, status,
    tenants, totp, users,
};
use tod_proto::endpoint::{Endpoint, Feed, File, Op, Pipe};

use super::fields;

/// A place in a request that can name a thing, and texts that do.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A placeholder of the path, with its braces.
    Path(&'static str, Vec<&'static str>),
    /// A field of the query.
    Query(&'static str, &'static [&'static str]),
    /// A field of the body.
    Body(&'static str, &'static [&'static str]),
    /// The cursor that a feed is taken up from.
    Resume(&'static [&'static str]),
}

impl Place {
    pub(super) fn texts(&self) -> &[&'static str] {
        match self {
            Self::Path(_, texts) => texts,
            Self::Query(_, texts) | Self::Body(_, texts) | Self::Resume(texts) => texts,
        }
    }
}

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) op: Op,
    pub(super) fields: Vec<&'static str>,
    pub(super) places: Vec<Place>,
    /// What cannot name a thing of a tenant.
    plain: Vec<&'static str>,
    /// What else a good request has.
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Value,
    /// Whether it makes something, which is another thing each time.
    pub(super) makes: bool,
}

/// Every way in which a selector can name a device.
const SELECTORS: &[&str] = &[
    "{device}",
    "{device_start}",
    "{name}",
    "{address}",
    "id={device}",
    "id^={device_start}",
    "id!={device}",
    "name={name}",
    "name!={name}",
    "name~{name}",
    "name^={name}",
    "name={name}*",
    "name.re=^{name}$",
    "address={address}",
    "serial={serial}",
    "identity={name}",
    "site={site}",
    "tag={tag}",
    "note={note}",
    "not name={name}",
    "name={name} or tag={tag}",
];

impl Row {
    fn of<E: Endpoint>() -> Self {
        let fields = [fields::of::<E::Query>(), fields::of::<E::Body>()].concat();
        Self::new(E::OP, fields)
    }

    fn feed<F: Feed>() -> Self {
        Self::new(F::OP, fields::of::<F::Query>())
    }

    fn pipe<P: Pipe>() -> Self {
        Self::new(P::OP, fields::of::<P::Query>())
    }

    fn file<F: File>() -> Self {
        Self::new(F::OP, Vec::new())
    }

    /// Placeholders of paths always name things.
    fn new(op: Op, fields: Vec<&'static str>) -> Self {
        let placeholders = op.path.split('/').filter(|part| part.starts_with('{'));
        let places = placeholders.map(|placeholder| Place::Path(placeholder, vec![placeholder]));
        Self {
            op,
            fields,
            places: places.collect(),
            plain: Vec::new(),
            query: Vec::new(),
            body: json!({}),
            makes: false,
        }
    }

    fn query(mut self, field: &'static str, texts: &'static [&'static str]) -> Self {
        self.places.push(Place::Query(field, texts));
        self
    }

    fn body(mut self, field: &'static str, texts: &'static [&'static str]) -> Self {
        self.places.push(Place::Body(field, texts));
        self
    }

    fn resume(mut self, texts: &'static [&'static str]) -> Self {
        self.places.push(Place::Resume(texts));
        self
    }

    fn plain(mut self, fields: &[&'static str]) -> Self {
        self.plain.extend(fields);
        self
    }

    fn with(mut self, body: Value) -> Self {
        self.body = body;
        self
    }

    fn asking(mut self, field: &'static str, value: &str) -> Self {
        self.query.push((field, value.to_owned()));
        self
    }

    fn makes(mut self) -> Self {
        self.makes = true;
        self
    }

    /// Every field that something is said about.
    pub(super) fn placed(&self) -> Vec<&'static str> {
        let named = self.places.iter().filter_map(|place| match place {
            Place::Query(field, _) | Place::Body(field, _) => Some(*field),
            Place::Path(..) | Place::Resume(_) => None,
        });
        named.chain(self.plain.iter().copied()).collect()
    }
}

/// Every operation.
pub(super) fn table() -> Vec<Row> {
    [
        public(),
        own(),
        of_tenants(),
        of_devices(),
        of_runs_and_changes(),
        of_records(),
    ]
    .concat()
}

/// What anybody may ask. Their own tests are in `handshakes`, `account` and `strangers`.
fn public() -> Vec<Row> {
    let proof = json!({
        "handshake": "00000000-0000-4000-8000-000000000000", "client_public": "02",
        "client_proof": "00", "label": "x",
    });
    vec![
        Row::file::<docs::OpenApi>(),
        Row::file::<docs::Page>(),
        Row::file::<docs::Style>(),
        Row::file::<docs::Script>(),
        Row::of::<status::Live>(),
        Row::of::<status::Ready>(),
        Row::of::<status::Show>(),
        Row::of::<account::Setup>(),
        Row::of::<account::Enrol>()
            .body("email", &["{email}"])
            .body("tenant", &["{tenant_name}", "{tenant}"])
            .plain(&["token", "name", "verifier"])
            .with(json!({
                "token": "invite_x", "email": "x@example.net", "name": "X",
                "verifier": {
                    "kdf": { "rounds": 650_000, "salt": "00".repeat(32) },
                    "srp_salt": "00".repeat(32), "verifier": "02",
                },
            })),
        Row::of::<account::SrpStart>()
            .body("email", &["{email}"])
            .makes(),
        Row::of::<account::SrpFinish>()
            .body("handshake", &["{handshake}"])
            .plain(&["client_public", "client_proof", "label"])
            .with(proof),
        Row::of::<totp::Finish>().plain(&["ticket", "code"]),
        Row::of::<account::Refresh>().plain(&["refresh_token"]),
        Row::of::<account::SignOut>().plain(&["refresh_token"]),
        Row::pipe::<relays::Terminal>().query("ticket", &["{ticket}"]),
        Row::pipe::<relays::Dial>().query("ticket", &["{ticket}"]),
    ]
}

/// One's own account. A proof is of one's own password, whoever's handshake it names: `own` has
/// the tests.
fn own() -> Vec<Row> {
    vec![
        Row::of::<account::Whoami>(),
        Row::of::<account::Sessions>(),
        Row::of::<account::RevokeSession>(),
        Row::of::<account::ChangePassword>().plain(&["proof", "verifier"]),
        Row::of::<account::Export>(),
        Row::of::<account::Delete>().plain(&["proof"]),
        Row::of::<totp::Status>(),
        Row::of::<totp::Begin>().plain(&["proof"]),
        Row::of::<totp::Enable>().plain(&["code"]),
        Row::of::<totp::Disable>().plain(&["proof", "code"]),
        Row::of::<sessions::SigningKeys>(),
        Row::of::<sessions::RotateKeys>().plain(&["at_once"]),
        Row::of::<sessions::ListAll>()
            .query("user", &["{user}"])
            .query("before", &["{session}"])
            .plain(&["limit"]),
        Row::of::<sessions::RevokeOne>(),
        Row::of::<sessions::RevokeAll>().body("user", &["{user}"]),
    ]
}

fn of_tenants() -> Vec<Row> {
    let invited = json!({ "email": "x@example.net", "name": "X", "role": "viewer" });
    let key = json!({ "name": "x", "scopes": ["devices:read"] });
    vec![
        Row::of::<tenants::List>(),
        Row::of::<tenants::Create>().body("name", &["{tenant_name}"]),
        Row::of::<tenants::Show>(),
        Row::of::<tenants::Set>()
            .body("name", &["{tenant_name}"])
            .plain(&[
                "suspended",
                "quotas",
                "audit_retention_days",
                "totp_required",
            ]),
        Row::of::<tenants::Delete>().query("confirm", &["{tenant_name}", "{tenant}"]),
        Row::of::<users::List>(),
        Row::of::<users::Invite>()
            .body("email", &["{email}"])
            .plain(&["name", "role"])
            .with(invited)
            .makes(),
        Row::of::<users::Set>()
            .plain(&["role", "active"])
            .with(json!({ "role": "viewer" })),
        Row::of::<users::Reset>(),
        Row::of::<users::Delete>(),
        Row::of::<users::RemoveTotp>(),
        Row::of::<api_keys::List>().plain(&["all"]),
        Row::of::<api_keys::Create>()
            .body("name", &["{key_name}", "{apikey}"])
            .plain(&["scopes", "role", "networks", "expires_at"])
            .with(key)
            .makes(),
        Row::of::<api_keys::Rotate>().makes(),
        Row::of::<api_keys::Revoke>(),
    ]
}

fn of_devices() -> Vec<Row> {
    let device = json!({ "address": "10.77.9.9", "username": "made", "password": "x" });
    let other = &[
        "port",
        "ssh_port",
        "tls",
        "username",
        "password",
        "zone",
        "poll_seconds",
        // Free words, unique nowhere.
        "site",
        "tags",
        "note",
    ];
    vec![
        Row::of::<devices::List>()
            .query("selector", SELECTORS)
            .query("cursor", &["{page}"])
            .plain(&["limit"]),
        Row::of::<devices::Show>(),
        Row::of::<devices::Add>()
            .body("name", &["{name}"])
            .body("address", &["{address}"])
            .plain(other)
            .with(device)
            .makes(),
        Row::of::<devices::Set>()
            .body("name", &["{name}"])
            .body("address", &["{address}"])
            .plain(other)
            .plain(&["forget_pins"])
            .makes(),
        Row::of::<devices::Delete>(),
        Row::of::<devices::Accept>()
            .body("serial", &["{serial}"])
            .with(json!({ "serial": "x" })),
        Row::of::<devices::Interfaces>(),
        Row::of::<devices::Series>()
            .query("metric", &["iface:{name}:rx", "{device}"])
            .asking("metric", "cpu")
            .plain(&["since", "limit"]),
        Row::feed::<devices::Follow>().resume(&["{cursor}", "{device}", "{page}"]),
        Row::of::<relays::Open>()
            .with(json!({ "kind": "exec", "command": "/system identity print" })),
    ]
}

fn of_runs_and_changes() -> Vec<Row> {
    let run = json!({ "selector": "all", "command": "/system/identity/print", "dry_run": true });
    let change = json!({ "device": "{device}", "script": "/ip address print", "dry_run": true });
    vec![
        Row::of::<runs::Start>()
            .body("selector", SELECTORS)
            .plain(&[
                "command",
                "arguments",
                "parallel",
                "timeout_seconds",
                "expect",
            ])
            .plain(&["allow_dangerous", "dry_run"])
            .with(run)
            .makes(),
        Row::of::<runs::List>(),
        Row::of::<runs::Show>(),
        Row::feed::<runs::Follow>().resume(&["{cursor}", "{number}"]),
        Row::of::<changes::Apply>()
            .body("device", &["{device}"])
            .plain(&[
                "script",
                "window_seconds",
                "auto_confirm",
                "unguarded",
                "dry_run",
            ])
            .with(change),
        Row::of::<changes::List>()
            .query("device", &["{device}"])
            .plain(&["open", "limit"]),
        Row::of::<changes::Show>().plain(&["secrets"]),
        Row::of::<changes::Confirm>(),
        Row::of::<changes::Revert>(),
    ]
}

fn of_records() -> Vec<Row> {
    const ACTORS: &[&str] = &["{user}", "{email}", "{user}/{apikey}"];
    const TARGETS: &[&str] = &[
        "{device}",
        "{user}",
        "{apikey}",
        "{change}",
        "{run}",
        "{relay}",
        "{session}",
        "{tenant}",
        "{name}",
    ];
    vec![
        Row::of::<events::List>()
            .query("device", &["{device}"])
            .query("after", &["{cursor}"])
            .plain(&["kind", "limit"]),
        Row::feed::<events::Follow>()
            .query("device", &["{device}"])
            .query("after", &["{cursor}"])
            .plain(&["kind", "limit"])
            .resume(&["{cursor}"]),
        Row::of::<audit::List>()
            .query("actor", ACTORS)
            .query("target", TARGETS)
            .query("before", &["{seq}"])
            .plain(&["since", "until", "act", "limit"]),
        Row::of::<audit::Show>(),
        Row::of::<audit::Verify>().query("at", &["{seq}"]),
        Row::of::<audit::PlatformList>()
            .query("actor", ACTORS)
            .query("target", TARGETS)
            .query("before", &["{seq}"])
            .plain(&["since", "until", "act", "limit"]),
        Row::of::<audit::PlatformVerify>().query("at", &["{seq}"]),
        Row::of::<kms::Show>(),
        Row::of::<kms::Rotate>(),
        Row::of::<kms::Rewrap>(),
        Row::of::<kms::Retire>()
            .plain(&["below", "lose_audit_details"])
            .with(json!({ "below": 1 })),
        Row::of::<kms::Log>()
            .query("actor", ACTORS)
            .query("before", &["{key_use}"])
            .plain(&["since", "purpose", "limit"]),
        Row::of::<kms::Stats>().plain(&["since"]),
    ]
}
