//! What people see of a change: each secret behind a mark, the same for the same secret.
//!
//! A mark is `<hidden 9c1e>`: four digits of a keyed hash, so that two that are equal can be told
//! and nobody can try passwords on it without the key.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use routeros::secret::MASK;
use routeros::veil::Veil;
use tod_proto::api::changes::DiffLine;
use tod_proto::bus::task::{ConfigSnapshot, PlannedLine, Prepared};
use tod_proto::id::TenantId;
use tod_proto::untrusted::Untrusted;

use super::store::Secret;
use crate::kms::{Kms, KmsError};

/// What stands for the secrets of a tenant.
#[derive(Clone, Debug)]
pub struct Marks {
    key: hmac::Key,
    tenant: TenantId,
}

impl Marks {
    /// Those of `tenant` on this server.
    pub fn of(kms: &Kms, tenant: TenantId) -> Result<Self, KmsError> {
        let key = kms.derive("marks of hidden values")?;
        Ok(Self {
            key: hmac::Key::new(HMAC_SHA256, &*key),
            tenant,
        })
    }

    fn mark(&self, value: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(self.tenant.0.as_bytes());
        context.update(value);
        let tag = context.sign();
        let digits = hex::encode(tag.as_ref().get(..2).unwrap_or_default());
        format!("<hidden {digits}>")
    }

    /// A line of a plan with its marks, and without its secrets.
    fn line(&self, planned: PlannedLine) -> DiffLine {
        let PlannedLine { mut line, secrets } = planned;
        let text = line.text.raw();
        let secrets: Vec<_> = secrets.iter().map(hex::decode).collect();
        // A device may have a name that looks like a mask.
        if text.matches(MASK).count() == secrets.len() {
            let mut marked = String::with_capacity(text.len());
            let mut marks = secrets.iter();
            for (n, part) in text.split(MASK).enumerate() {
                if n > 0 {
                    let value = marks.next().and_then(|value| value.as_ref().ok());
                    marked.push_str(&value.map_or(MASK.to_owned(), |value| self.mark(value)));
                }
                marked.push_str(part);
            }
            line.text = Untrusted::new(marked);
        }
        line
    }
}

/// Hides the secrets of one change.
#[derive(Clone, Debug)]
pub struct Shade<'a> {
    veil: Veil,
    marks: &'a Marks,
}

impl<'a> Shade<'a> {
    /// Hides what is known to be secret of a change.
    pub fn of(secret: &Secret, marks: &'a Marks) -> Self {
        let mut veil = Veil::default();
        match &secret.hidden {
            Some(hidden) => {
                for value in hidden.iter().filter_map(|value| hex::decode(value).ok()) {
                    veil.add(&value);
                }
            }
            // It was stored by a version that did not look for them.
            None => veil = Veil::of_script(secret.script.as_bytes()),
        }
        Self { veil, marks }
    }

    /// A text without its secrets.
    pub fn hide(&self, text: &str) -> String {
        self.veil.hide(text, &mut |value| self.marks.mark(value))
    }
}

impl Secret {
    /// What is known when a change is asked for.
    pub fn asked(script: String) -> Self {
        let hidden = Some(as_hex(&Veil::of_script(script.as_bytes())));
        Self {
            script,
            hidden,
            ..Self::default()
        }
    }

    /// What is known when it is planned.
    ///
    /// Of the secrets that the device had, those are kept that the plan says something of: a menu
    /// may have thousands. Returns the configuration before as well.
    pub fn planned(script: &str, plan: Prepared, marks: &Marks) -> (Self, ConfigSnapshot) {
        let mut veil = Veil::of_script(script.as_bytes());
        let mut had = veil.clone();
        for value in secrets_of(&plan.before) {
            had.add(&value);
        }
        let mut keep = |text: &str| {
            had.hide(text, &mut |value| {
                veil.add(value);
                String::new()
            });
        };
        keep(&plan.undo_script);
        let lines = plan.diff.into_iter().map(|line| marks.line(line));
        let diff: Vec<_> = lines.inspect(|line| keep(line.text.raw())).collect();
        for warning in &plan.warnings {
            keep(warning.raw());
        }
        let secret = Self {
            script: script.to_owned(),
            undo_script: Some(plan.undo_script),
            diff,
            warnings: plan.warnings,
            hidden: Some(as_hex(&veil)),
        };
        (secret, plan.before)
    }
}

fn as_hex(veil: &Veil) -> Vec<String> {
    veil.values().map(hex::encode).collect()
}

fn secrets_of(before: &ConfigSnapshot) -> impl Iterator<Item = Vec<u8>> {
    before.menus.iter().flat_map(|menu| {
        let rows = menu.rows.iter().flatten();
        let secret = rows.filter(|(name, _)| routeros::secret::is_secret(&menu.path, name));
        secret.filter_map(|(_, value)| hex::decode(value).ok())
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tod_proto::api::changes::GuardKind;
    use tod_proto::bus::task::MenuSnapshot;
    use tod_service::clock::Clock;

    use super::*;
    use crate::kms::{Keys, MasterKey};

    fn kms() -> Kms {
        let master: MasterKey = "11".repeat(32).parse().unwrap();
        Kms::new(
            Keys::Local(master),
            Clock::settable(Timestamp::UNIX_EPOCH).0,
        )
        .unwrap()
    }

    #[test]
    fn a_mark_tells_equal_secrets_of_one_tenant_and_no_other() {
        let script = "/ppp secret add name=a password=hunter2\n\
                      /ppp secret add name=b password=hunter2\n\
                      /ppp secret add name=c password=hunter3\n";
        let secret = Secret::asked(script.to_owned());
        let (acme, other) = (TenantId::generate(), TenantId::generate());
        let marks = |tenant| {
            let marks = Marks::of(&kms(), tenant).unwrap();
            let text = Shade::of(&secret, &marks).hide(script);
            assert!(!text.contains("hunter"), "{text}");
            let marks = text.lines().filter_map(|line| line.split_once("password="));
            marks.map(|(_, mark)| mark.to_owned()).collect::<Vec<_>>()
        };

        let ours = marks(acme);

        assert_eq!(ours[0], ours[1]);
        assert_ne!(ours[0], ours[2]);
        assert_ne!(ours, marks(other));
        assert_eq!(ours[0].len(), "<hidden 9c1e>".len());
    }

    #[test]
    fn what_the_device_had_before_is_hidden_where_the_plan_names_it() {
        let row = |name: &str| vec![("name".to_owned(), hex::encode(name))];
        let plan = Prepared {
            diff: vec![PlannedLine {
                line: DiffLine {
                    sign: '-',
                    menu: "/snmp/community".to_owned(),
                    text: Untrusted::new("name=*** comment=x"),
                },
                secrets: vec![hex::encode("meadow-lark")],
            }],
            warnings: Vec::new(),
            guard: GuardKind::Undo,
            no_guard_because: None,
            undo_script: "/snmp/community/add name=meadow-lark".to_owned(),
            before: ConfigSnapshot {
                menus: vec![MenuSnapshot {
                    path: "/snmp/community".to_owned(),
                    rows: vec![row("meadow-lark"), row("wood-lark")],
                }],
                serial: None,
            },
        };

        let marks = Marks::of(&kms(), TenantId::generate()).unwrap();
        let (secret, _) = Secret::planned("/snmp community remove numbers=0", plan, &marks);
        let shade = Shade::of(&secret, &marks);

        let undo = shade.hide(secret.undo_script.as_deref().unwrap());
        assert!(
            undo.starts_with("/snmp/community/add name=<hidden "),
            "{undo}"
        );
        let (_, mark) = undo.split_once("name=").unwrap();
        let line = secret.diff[0].text.raw();
        assert_eq!(line, format!("name={mark} comment=x"), "the same mark");
        assert_eq!(
            shade.hide("wood-lark"),
            "wood-lark",
            "it is not of this plan"
        );
    }
}
