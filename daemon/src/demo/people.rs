//! The people of the demo. They enrol and sign in as people do, with the client.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use tod_client::clock::Clock;
use tod_client::profile::{Config, Context, Paths};
use tod_client::secret_key::SecretKey;
use tod_client::sign_in::Enrolment;
use tod_client::store::{AskPassphrase, Kind, Store};
use tod_client::tls::Trust;
use tod_client::{Client, Https};
use tod_proto::api::{tenants, users};
use tod_proto::endpoint::Role;
use tod_proto::id::TenantId;
use tod_proto::page::Empty;

use super::note::{Note, SignedIn};
use crate::data_dir::write_private;

/// The two who are ready, and the tenants.
pub(super) struct People {
    /// May do everything.
    pub(super) admin: Client,
    /// Every tenant with its name.
    pub(super) tenants: Vec<(String, TenantId)>,
    signed_in: Vec<SignedIn>,
}

impl People {
    pub(super) fn signed_in(&self) -> Vec<SignedIn> {
        self.signed_in.clone()
    }
}

/// Someone who enrols.
struct Someone {
    context: &'static str,
    email: &'static str,
    name: &'static str,
    role: Role,
}

const ADMIN: Someone = Someone {
    context: "demo-admin",
    email: "admin@tod.example",
    name: "Ada Admin",
    role: Role::SuperAdmin,
};
const OPERATOR: Someone = Someone {
    context: "demo",
    email: "ana@acme.example",
    name: "Ana Koch",
    role: Role::Operator,
};

/// Enrols the administrator and the operator, and writes a context for each.
pub(super) async fn enrol(note: &Note, setup_token: &Path) -> anyhow::Result<People> {
    let desk = Desk::open(note)?;
    let token = std::fs::read_to_string(setup_token).context("there is no setup token")?;
    let tenant = note.tenant.clone();
    let admin = desk.enrol(&ADMIN, token.trim(), Some(tenant)).await?;
    let mut tenants = Vec::new();
    let there = admin
        .call(tenants::List, Empty {}, Empty {}, Empty {})
        .await?;
    for name in &note.tenants {
        let known = there.items.iter().find(|tenant| tenant.name == *name);
        let id = if let Some(tenant) = known {
            tenant.id
        } else {
            let body = tenants::CreateBody { name: name.clone() };
            admin
                .call(tenants::Create, Empty {}, Empty {}, body)
                .await?
                .id
        };
        tenants.push((name.clone(), id));
    }
    let own = tenants.iter().find(|(name, _)| *name == note.tenant);
    let own = own.context("the first tenant is missing")?.1;
    let body = users::InviteBody {
        email: OPERATOR.email.to_owned(),
        name: OPERATOR.name.to_owned(),
        role: OPERATOR.role,
    };
    let invitation = admin.call(users::Invite, own, Empty {}, body).await?;
    desk.enrol(&OPERATOR, &invitation.token, None).await?;
    desk.write_contexts(note, own)?;
    let signed_in = [ADMIN, OPERATOR].map(|who| SignedIn {
        context: who.context.to_owned(),
        email: who.email.to_owned(),
        role: who.role.as_str().to_owned(),
    });
    Ok(People {
        admin,
        tenants,
        signed_in: signed_in.into(),
    })
}

/// Takes up the administrator's session of the demo that was here before.
pub(super) async fn come_back(note: &Note) -> anyhow::Result<People> {
    let passphrase = std::fs::read_to_string(&note.passphrase_file);
    let passphrase = passphrase.context("the passphrase of the demo's secrets is gone")?;
    let desk = Desk::of(note, passphrase.into())?;
    let admin = desk.client(desk.store(ADMIN.context))?;
    let listed = admin
        .call(tenants::List, Empty {}, Empty {}, Empty {})
        .await;
    let listed = listed.context(
        "the demo's session is over; remove its folder, or choose another with --data-dir",
    )?;
    let tenants = listed.items.into_iter();
    let tenants: Vec<_> = tenants.map(|tenant| (tenant.name, tenant.id)).collect();
    let own = tenants.iter().find(|(name, _)| *name == note.tenant);
    desk.write_contexts(note, own.context("the first tenant is gone")?.1)?;
    Ok(People {
        admin,
        tenants,
        signed_in: note.signed_in.clone(),
    })
}

/// Where people sign in: a configuration of `todctl`.
struct Desk {
    server: String,
    trust: Trust,
    paths: Paths,
    passphrase: SecretString,
}

impl Desk {
    fn open(note: &Note) -> anyhow::Result<Self> {
        let passphrase = SecretString::from(uuid::Uuid::new_v4().simple().to_string());
        write_private(&note.passphrase_file, passphrase.expose_secret().as_bytes())?;
        Self::of(note, passphrase)
    }

    fn of(note: &Note, passphrase: SecretString) -> anyhow::Result<Self> {
        let pin = note.fingerprint.parse().map_err(anyhow::Error::msg)?;
        let config = note.config_dir.clone();
        Ok(Self {
            server: note.server.clone(),
            trust: Trust::Pin(pin),
            paths: Paths {
                cache: config.join("cache"),
                state: config.join("state"),
                config,
            },
            passphrase,
        })
    }

    /// Enrols someone and signs them in, in their own context.
    async fn enrol(
        &self,
        who: &Someone,
        token: &str,
        tenant: Option<String>,
    ) -> anyhow::Result<Client> {
        let store = self.store(who.context);
        let (key, password) = (SecretKey::generate(who.email), password());
        store.keep_secret_key(Some(&key))?;
        let client = self.client(store)?;
        let enrolment = Enrolment {
            token: token.into(),
            email: who.email.to_owned(),
            name: who.name.to_owned(),
            tenant,
        };
        let enrolled = client.enrol(enrolment, &password, &key).await;
        enrolled.with_context(|| format!("cannot enrol {}", who.email))?;
        let signed_in = client
            .sign_in(who.email, &password, &key, "todd demo")
            .await;
        signed_in.with_context(|| format!("cannot sign in {}", who.email))?;
        Ok(client)
    }

    fn client(&self, store: Store) -> anyhow::Result<Client> {
        let client = Client::new(Https::new(&self.server, self.trust)?);
        Ok(client.with_store(Arc::new(store), Clock::system()))
    }

    fn store(&self, context: &str) -> Store {
        let passphrase = self.passphrase.clone();
        let ask: AskPassphrase = Arc::new(move |_| Ok(passphrase.clone()));
        Store::open(Kind::File, &self.paths.config, context, ask)
    }

    fn write_contexts(&self, note: &Note, tenant: TenantId) -> anyhow::Result<()> {
        let mut config = Config::load(&self.paths.config_file())?;
        for who in [ADMIN, OPERATOR] {
            let context = Context {
                server: self.server.clone(),
                tenant: Some(note.tenant.clone()),
                tenant_id: Some(tenant),
                pin_sha256: Some(note.fingerprint.clone()),
                user: Some(who.email.to_owned()),
                label: Some("DEMO".to_owned()),
                store: Some(Kind::File),
                ..Context::default()
            };
            config.put_context(who.context, &context)?;
        }
        config.set_current(Some(&note.context));
        Ok(config.save()?)
    }
}

/// A password that nobody has to know: the demo's sessions are kept.
fn password() -> SecretString {
    uuid::Uuid::new_v4().to_string().into()
}
