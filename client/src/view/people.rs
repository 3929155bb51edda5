//! Columns of tenants, people, sign-in sessions and the keys of these.

use tod_proto::api::account::Session;
use tod_proto::api::sessions::{KeyState, PersonSession, SigningKey};
use tod_proto::api::tenants::Tenant;
use tod_proto::api::users::User;

use super::{Cell, Column, Tone, View};

impl View for Tenant {
    const KIND: &'static str = "Tenant";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("name", "NAME", |t, _| Cell::text(&t.name)),
        Column::new("role", "ROLE", |t, _| Cell::text(t.role.as_str())),
        Column::right("devices", "DEVICES", |t, _| {
            Cell::text(t.devices.to_string())
        }),
        Column::new("state", "STATE", |t, _| match t.suspended_at {
            Some(_) => Cell::text("suspended").tone(Tone::Bad),
            None => Cell::text("active").tone(Tone::Good),
        }),
        Column::wide_right("users", "PEOPLE", |t, _| Cell::text(t.users.to_string())),
        Column::wide("quotas", "LIMITS", |t, _| {
            let limits = [
                ("devices", t.quotas.devices),
                ("users", t.quotas.users),
                ("api_keys", t.quotas.api_keys),
            ];
            let limits: Vec<_> = limits
                .iter()
                .filter_map(|(what, limit)| limit.map(|limit| format!("{what}<={limit}")))
                .collect();
            Cell::maybe(Some(limits).filter(|limits| !limits.is_empty()), |limits| {
                Cell::text(limits.join(","))
            })
        }),
        Column::wide("totp_required", "2ND STEP", |t, _| {
            let asked = if t.totp_required {
                "required"
            } else {
                "optional"
            };
            Cell::pair(asked, t.totp_required)
        }),
        Column::wide("audit", "AUDIT KEPT", |t, _| {
            Cell::maybe(t.audit_retention_days, |days| {
                Cell::text(format!("{days}d"))
            })
        }),
        Column::right("created", "AGE", |t, now| Cell::ago(t.created_at, now)),
        Column::wide("id", "ID", |t, _| Cell::text(t.id.to_string())),
    ];

    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for User {
    const KIND: &'static str = "User";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("email", "EMAIL", |u, _| Cell::text(&u.email)),
        Column::new("name", "NAME", |u, _| Cell::text(&u.name)),
        Column::new("role", "ROLE", |u, _| Cell::text(u.role.as_str())),
        Column::new("state", "STATE", |u, _| match (u.active, u.enrolled) {
            (false, _) => Cell::text("disabled").tone(Tone::Bad),
            (true, false) => Cell::text("invited").tone(Tone::Warn),
            (true, true) => Cell::text("active").tone(Tone::Good),
        }),
        Column::wide("totp", "2ND STEP", |u, _| {
            Cell::pair(if u.totp { "yes" } else { "no" }, u.totp)
        }),
        Column::right("last", "LAST SIGN-IN", |u, now| {
            Cell::maybe(u.last_sign_in, |at| Cell::ago(at, now))
        }),
        Column::wide_right("created", "AGE", |u, now| Cell::ago(u.created_at, now)),
        Column::wide("id", "ID", |u, _| Cell::text(u.id.to_string())),
    ];

    fn name(&self) -> String {
        self.email.clone()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for Session {
    const KIND: &'static str = "Session";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("current", "", |s, _| {
            Cell::pair(if s.current { "*" } else { "" }, s.current)
        }),
        Column::new("label", "CLIENT", |s, _| Cell::text(&s.label)),
        Column::right("created", "SIGNED IN", |s, now| {
            Cell::ago(s.created_at, now)
        }),
        Column::right("used", "LAST USED", |s, now| Cell::ago(s.last_used_at, now)),
        Column::right("expires", "EXPIRES", |s, now| Cell::ago(s.expires_at, now)),
        Column::new("id", "ID", |s, _| Cell::text(s.id.to_string())),
    ];

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl View for PersonSession {
    const KIND: &'static str = "PersonSession";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("current", "", |s, _| {
            let current = s.session.current;
            Cell::pair(if current { "*" } else { "" }, current)
        }),
        Column::new("email", "EMAIL", |s, _| Cell::text(&s.email)),
        Column::new("role", "ROLE", |s, _| Cell::text(s.role.as_str())),
        Column::new("label", "CLIENT", |s, _| Cell::text(&s.session.label)),
        Column::right("created", "SIGNED IN", |s, now| {
            Cell::ago(s.session.created_at, now)
        }),
        Column::right("used", "LAST USED", |s, now| {
            Cell::ago(s.session.last_used_at, now)
        }),
        Column::wide_right("expires", "EXPIRES", |s, now| {
            Cell::ago(s.session.expires_at, now)
        }),
        Column::new("id", "ID", |s, _| Cell::text(s.session.id.to_string())),
        Column::wide("user", "USER", |s, _| Cell::text(s.user.to_string())),
    ];

    fn name(&self) -> String {
        self.session.id.to_string()
    }

    fn id(&self) -> String {
        self.session.id.to_string()
    }
}

impl View for SigningKey {
    const KIND: &'static str = "SigningKey";
    const COLUMNS: &'static [Column<Self>] = &[
        Column::new("id", "KEY", |k, _| Cell::text(k.id.to_string())),
        Column::new("state", "STATE", |k, _| match k.state {
            KeyState::Next => Cell::text("next").tone(Tone::Accent),
            KeyState::Signs => Cell::text("signs").tone(Tone::Good),
            KeyState::Retires => Cell::text("retires").tone(Tone::Dim),
            KeyState::Other => Cell::text("other"),
        }),
        Column::right("created", "AGE", |k, now| Cell::ago(k.created_at, now)),
        Column::wide_right("signs_from", "SIGNS FROM", |k, now| {
            Cell::ago(k.signs_from, now)
        }),
        Column::right("retires", "RETIRES", |k, now| {
            Cell::maybe(k.retires_at, |at| Cell::ago(at, now))
        }),
    ];

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn id(&self) -> String {
        self.id.to_string()
    }
}
