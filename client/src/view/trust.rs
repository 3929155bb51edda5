//! Columns of API keys and of the audit log.

use tod_proto::api::api_keys::ApiKey;
use tod_proto::api::audit::Record;
use tod_proto::api::kms::{Backend, DataKey, KeyStat, KeyUse};

use super::units::count;
use super::{Cell, Column, Tone, View};

impl View for ApiKey {
    const KIND: &'static str = "ApiKey";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |k, _| Cell::text(&k.name)),
        Column::new("key", "KEY", |k, _| Cell::text(format!("{}…", k.hint))),
        Column::new("state", "STATE", |k, now| {
            if k.revoked_at.is_some() {
                Cell::text("revoked").tone(Tone::Bad)
            } else if k.expires_at.is_some_and(|at| at <= now) {
                Cell::text("expired").tone(Tone::Warn)
            } else {
                Cell::text("good").tone(Tone::Good)
            }
        }),
        Column::new("role", "ROLE", |k, _| Cell::text(k.role.as_str())),
        Column::new("scopes", "SCOPES", |k, _| {
            let scopes: Vec<_> = k.scopes.iter().map(ToString::to_string).collect();
            Cell::text(scopes.join(","))
        }),
        Column::new("by", "MADE BY", |k, _| {
            Cell::maybe(k.user_email.as_deref(), Cell::text)
        }),
        Column::right("used", "LAST USED", |k, now| {
            Cell::maybe(k.last_used_at, |at| Cell::ago(at, now))
        }),
        Column::wide("from", "FROM", |k, _| {
            Cell::maybe(k.last_used_from.as_deref(), Cell::text)
        }),
        Column::right("expires", "EXPIRES", |k, now| {
            Cell::maybe(k.expires_at, |at| Cell::ago(at, now))
        }),
        Column::wide("networks", "NETWORKS", |k, _| {
            let networks: Vec<_> = k.networks.iter().map(ToString::to_string).collect();
            Cell::text(networks.join(","))
        }),
        Column::wide_right("created", "AGE", |k, now| Cell::ago(k.created_at, now)),
        Column::wide("id", "ID", |k, _| Cell::text(k.id.to_string())),
    ];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for Record {
    const KIND: &'static str = "AuditRecord";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::right("seq", "#", |r, _| Cell::pair(format!("a-{}", r.seq), r.seq)),
        Column::right("at", "AGE", |r, now| Cell::ago(r.at, now)),
        Column::new("who", "WHO", |r, _| {
            let who = r.actor_email.as_ref().unwrap_or(&r.actor);
            match r.actor.split_once('/') {
                Some((_, key)) => Cell::pair(format!("{who} by key"), format!("{who}/{key}")),
                None => Cell::text(who),
            }
        }),
        Column::new("act", "WHAT", |r, _| Cell::text(&r.act)),
        Column::new("target", "TO", |r, _| {
            let name = r.detail.get("name").and_then(|name| name.as_str());
            match name {
                Some(name) => Cell::pair(name, &r.target),
                None => Cell::text(&r.target),
            }
        }),
        Column::new("address", "FROM", |r, _| {
            let address = Some(&r.address).filter(|address| !address.is_empty());
            Cell::maybe(address, Cell::text)
        }),
        Column::wide("detail", "DETAILS", |r, _| Cell::text(r.detail.to_string())),
        Column::wide("request", "REQUEST", |r, _| Cell::text(&r.request_id)),
        Column::wide("hash", "HASH", |r, _| Cell::text(&r.hash)),
    ];

    fn name(&self) -> String {
        format!("a-{}", self.seq)
    }

    fn id(&self) -> String {
        self.seq.to_string()
    }
}

impl View for DataKey {
    const KIND: &'static str = "DataKey";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::right("version", "KEY", |k, _| Cell::text(k.version.to_string())),
        Column::right("created", "AGE", |k, now| Cell::ago(k.created_at, now)),
        Column::right("values", "VALUES", |k, _| Cell::text(k.values.to_string())),
        Column::right("audit", "AUDIT RECORDS", |k, _| {
            Cell::text(k.audit_records.to_string())
        }),
        Column::new("wrapped", "WRAPPED BY", |k, _| {
            match (k.wrapped_by, k.wrapped_version) {
                (Backend::Local, _) => Cell::pair("master key", "local"),
                (Backend::Transit, None) => Cell::pair("OpenBao", "transit"),
                (Backend::Transit, Some(version)) => {
                    Cell::pair(format!("OpenBao, version {version}"), "transit")
                }
            }
        }),
    ];

    fn name(&self) -> String {
        self.version.to_string()
    }

    fn id(&self) -> String {
        self.version.to_string()
    }
}

impl View for KeyUse {
    const KIND: &'static str = "KeyUse";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::right("at", "AGE", |u, now| Cell::ago(u.at, now)),
        Column::new("who", "WHO", |u, _| {
            Cell::text(u.actor_email.as_ref().unwrap_or(&u.actor))
        }),
        Column::new("purpose", "FOR", |u, _| Cell::text(&u.purpose)),
        Column::new("place", "WHAT", |u, _| Cell::text(&u.place)),
        Column::right("count", "VALUES", |u, _| Cell::text(u.count.to_string())),
        Column::right("version", "KEY", |u, _| Cell::text(u.version.to_string())),
        Column::wide("resource", "OF", |u, _| {
            Cell::maybe(u.resource.as_ref(), Cell::text)
        }),
        Column::wide("id", "ID", |u, _| Cell::text(u.id.to_string())),
    ];

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for KeyStat {
    const KIND: &'static str = "KeyStat";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("purpose", "FOR", |s, _| Cell::text(&s.purpose)),
        Column::right("accesses", "ACCESSES", |s, _| {
            Cell::pair(count(s.accesses), s.accesses)
        }),
        Column::right("things", "THINGS", |s, _| {
            Cell::pair(count(s.things), s.things)
        }),
        Column::wide_right("values", "VALUES", |s, _| {
            Cell::pair(count(s.values), s.values)
        }),
        Column::new("who", "WHO", |s, _| Cell::text(s.who.join(" "))),
        Column::right("last", "LAST", |s, now| Cell::ago(s.last, now)),
    ];

    fn name(&self) -> String {
        self.purpose.clone()
    }

    fn id(&self) -> String {
        self.purpose.clone()
    }
}
