//! A small fleet, with one name that means harm.

use jiff::Timestamp;
use tod_client::stub::Stub;
use tod_proto::api::account::{Me, Session, Sessions, Whoami};
use tod_proto::api::changes::{self, Change, ChangeState};
use tod_proto::api::devices::{self, Device, Interface, Point, Status, TlsMode};
use tod_proto::api::events::{self, Event};
use tod_proto::api::runs::{self, ResultStatus, Run, RunDetail, RunResult, RunState, RunUpdate};
use tod_proto::api::sessions::{self, KeyState, PersonSession, SigningKey};
use tod_proto::api::tenants::{self, Quotas, Tenant};
use tod_proto::api::totp::{self, TotpStatus};
use tod_proto::api::users::{self, User};
use tod_proto::endpoint::Role;
use tod_proto::error::{ErrorBody, ErrorCode};
use tod_proto::id::DeviceId;
use tod_proto::page::Page;

pub(crate) const TENANT: &str = "tn_00000000000000000000000001";
pub(crate) const SESSION: &str = "ss_00000000000000000000000001";

/// What a hostile device, person or network would call itself.
pub(crate) const EVIL: &str =
    "=cmd|' /C calc'!A0\x1b]0;owned\x07\x1b[2J\r\n\u{9b}31m\u{202e}gnp\u{200b}$(reboot)";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn page<T>(items: Vec<T>) -> Page<T> {
    let total = items.len() as u64;
    Page {
        items,
        next: None,
        total,
    }
}

pub(crate) fn refusal(code: ErrorCode) -> ErrorBody {
    ErrorBody {
        code,
        message: "the server says no".to_owned(),
        detail: Some("for a reason".to_owned()),
        hint: None,
        request_id: "rq_7".to_owned(),
    }
}

pub(crate) fn device(number: u8, name: &str) -> Device {
    Device {
        id: format!("dv_{number:026}").parse().unwrap(),
        name: name.to_owned(),
        address: format!("10.4.0.{number}"),
        port: 8729,
        ssh_port: 22,
        tls: TlsMode::Auto,
        username: "tod".to_owned(),
        zone: "default".to_owned(),
        site: Some("berlin".to_owned()),
        tags: vec!["core".to_owned(), "vip".to_owned()],
        note: None,
        poll_seconds: 60,
        status: Status::Online,
        status_since: time("2026-03-18T10:07:22Z"),
        status_reason: None,
        seen_at: Some(time("2026-03-18T14:07:16Z")),
        identity: Some(name.into()),
        model: Some("CCR2004-16G-2S+".into()),
        arch: Some("arm64".into()),
        serial: Some("HF9".into()),
        other_serial: None,
        version: Some("7.16.2".into()),
        channel: Some("stable".into()),
        uptime_seconds: Some(1_843_204),
        cpu_percent: Some(12.0),
        mem_percent: Some(38.0),
        disk_percent: Some(9.5),
        temperature_celsius: Some(51.0),
        voltage: Some(24.1),
        rx_bps: Some(6_000_000_000),
        tx_bps: Some(2_200_000_000),
        poll_ms: Some(12),
        logins_today: 1,
        pending_change: None,
        created_at: time("2026-01-01T00:00:00.123456Z"),
    }
}

pub(crate) fn fleet() -> Vec<Device> {
    let mut second = device(2, "ber-core-02");
    second.status = Status::Degraded;
    second.status_reason = Some("CPU 97 % for 3 polls".into());
    second.version = Some("7.9".into());
    second.cpu_percent = Some(97.0);
    vec![device(1, "ber-core-01"), second]
}

pub(crate) fn evil_fleet() -> Vec<Device> {
    let mut evil = device(3, EVIL);
    evil.model = Some(EVIL.into());
    evil.site = Some(EVIL.to_owned());
    evil.tags = vec![EVIL.to_owned()];
    evil.status_reason = Some(EVIL.into());
    evil.note = Some(EVIL.to_owned());
    vec![evil]
}

pub(crate) fn change(state: ChangeState) -> Change {
    serde_json::from_value(serde_json::json!({
        "id": format!("ch_{:026}", 1),
        "number": 17,
        "device": format!("dv_{:026}", 2),
        "device_name": "ber-core-02",
        "state": state,
        "guard": "undo",
        "window_seconds": 120,
        "auto_confirm": false,
        "reverts_at": "2026-03-18T14:09:09Z",
        "diff": [
            {"sign": "~", "menu": "/ip/firewall/filter", "text": "*2 src-address-list mgmt → mgmt-snmp"},
            {"sign": "+", "menu": "/ip/firewall/filter", "text": "chain=input action=drop"},
        ],
        "warnings": ["list \"mgmt-snmp\" is empty"],
        "script": "/ip firewall filter set 2 src-address-list=mgmt-snmp",
        "undo_script": "/ip firewall filter set 2 src-address-list=mgmt",
        "reason": null,
        "timeline": [
            {"at": "2026-03-18T14:07:09Z", "state": "preparing", "message": "asked for"},
            {"at": "2026-03-18T14:07:10Z", "state": state, "message": "as read back"},
        ],
        "actor": "ana@example.org",
        "created_at": "2026-03-18T14:07:09Z",
    }))
    .unwrap()
}

pub(crate) fn run(state: RunState, ok: u32, failed: u32) -> Run {
    Run {
        id: format!("rn_{:026}", 1).parse().unwrap(),
        number: 8,
        selector: "all".to_owned(),
        command: "/system/resource/print".to_owned(),
        targets: ok + failed,
        state,
        ok,
        failed,
        skipped: 0,
        actor: "ana@example.org".to_owned(),
        created_at: time("2026-03-18T14:07:00Z"),
        finished_at: None,
    }
}

pub(crate) fn result(number: u8, device: &str, version: Option<&str>) -> RunResult {
    let rows = version.map(|version| {
        [("version", version), ("board-name", "CCR")]
            .map(|(key, value)| (key.to_owned(), value.into()))
            .into()
    });
    RunResult {
        run: "r-8".to_owned(),
        device: device.to_owned(),
        id: DeviceId(
            format!("00000000-0000-0000-0000-0000000000{number:02}")
                .parse()
                .unwrap(),
        ),
        status: if version.is_some() {
            ResultStatus::Ok
        } else {
            ResultStatus::Failed
        },
        code: version.is_none().then_some(ErrorCode::DeviceUnreachable),
        message: version.is_none().then(|| "connect timeout 8729".into()),
        rows: rows.into_iter().collect(),
        ret: None,
        truncated: false,
        duration_ms: 411,
    }
}

pub(crate) fn results() -> Vec<RunResult> {
    vec![
        result(1, "ber-core-01", Some("7.16.2")),
        result(2, "ber-core-02", Some("7.9")),
        result(3, "ham-core-01", Some("7.16.2")),
        result(4, "ham-edge-01", None),
    ]
}

fn event() -> Event {
    Event {
        cursor: 118_204,
        time: time("2026-03-18T14:07:12.402Z"),
        kind: "device.status".to_owned(),
        device: Some(device(1, "a").id),
        device_name: Some("ber-core-01".to_owned()),
        from: Some("online".to_owned()),
        to: Some("offline".to_owned()),
        message: "connect timeout 8729".into(),
        actor: None,
    }
}

fn interface() -> Interface {
    Interface {
        name: "ether1".into(),
        kind: "ether".into(),
        running: true,
        disabled: false,
        comment: Some(EVIL.into()),
        mac: Some("00:11:22:33:44:55".into()),
        mtu: Some(1500),
        rx_bytes: Some(1 << 33),
        tx_bytes: Some(1 << 30),
        rx_bps: Some(1_000_000),
        tx_bps: None,
        errors: Some(0),
        drops: Some(0),
    }
}

fn me() -> Me {
    Me {
        api_key: None,
        scopes: Vec::new(),
        id: format!("us_{:026}", 1).parse().unwrap(),
        email: "ana@example.org".to_owned(),
        name: "Ana".to_owned(),
        role: Role::Admin,
        tenant: Some(TENANT.parse().unwrap()),
        tenant_name: Some("acme-wisp".to_owned()),
    }
}

fn signing_key(at: Timestamp) -> SigningKey {
    SigningKey {
        id: format!("sk_{:026}", 1).parse().unwrap(),
        state: KeyState::Signs,
        created_at: at,
        signs_from: at,
        retires_at: None,
    }
}

fn ana(at: Timestamp) -> User {
    User {
        id: me().id,
        email: me().email,
        name: me().name,
        role: Role::Admin,
        active: true,
        enrolled: true,
        totp: false,
        last_sign_in: Some(at),
        created_at: at,
    }
}

fn acme(at: Timestamp) -> Tenant {
    Tenant {
        users: 3,
        suspended_at: None,
        audit_retention_days: None,
        quotas: Quotas::default(),
        totp_required: false,
        id: TENANT.parse().unwrap(),
        name: "acme-wisp".to_owned(),
        role: Role::Admin,
        devices: 2,
        created_at: at,
    }
}

/// A server that answers everything that reads.
pub(crate) fn stub(devices: Vec<Device>) -> Stub {
    let at = time("2026-03-18T14:00:00Z");
    let session = Session {
        id: SESSION.parse().unwrap(),
        label: "todctl on noc-7".to_owned(),
        created_at: at,
        last_used_at: at,
        expires_at: time("2026-03-25T14:00:00Z"),
        current: true,
    };
    let points = (0..30)
        .map(|n| Point {
            at: at + std::time::Duration::from_secs(n * 60),
            value: f64::from(u32::try_from(n).unwrap()) * 3.0,
        })
        .collect();
    Stub::default()
        .answer(devices::List, Ok(page(devices)))
        .answer(devices::Interfaces, Ok(page(vec![interface()])))
        .answer(devices::Series, Ok(page(points)))
        .answer(events::List, Ok(page(vec![event()])))
        .answer(Whoami, Ok(me()))
        .answer(Sessions, Ok(page(vec![session.clone()])))
        .answer(
            sessions::ListAll,
            Ok(page(vec![PersonSession {
                user: me().id,
                email: me().email,
                role: Role::Admin,
                session,
            }])),
        )
        .answer(sessions::SigningKeys, Ok(page(vec![signing_key(at)])))
        .answer(
            totp::Status,
            Ok(TotpStatus {
                since: Some(at),
                recovery_codes: 9,
                required: false,
            }),
        )
        .answer(tenants::List, Ok(page(vec![acme(at)])))
        .answer(users::List, Ok(page(vec![ana(at)])))
        .answer(runs::List, Ok(page(vec![run(RunState::Finished, 3, 1)])))
        .answer(
            runs::Show,
            Ok(RunDetail {
                run: run(RunState::Finished, 3, 1),
                results: results(),
            }),
        )
        .answer(changes::List, Ok(page(vec![change(ChangeState::Pending)])))
        .answer(changes::Show, Ok(change(ChangeState::Pending)))
}

/// A server on which a run goes as told.
pub(crate) fn running(results: &[RunResult], ok: u32, failed: u32) -> Stub {
    let mut updates: Vec<RunUpdate> = results
        .iter()
        .map(|result| RunUpdate::Result {
            result: Box::new(result.clone()),
        })
        .collect();
    updates.push(RunUpdate::Finished {
        run: run(RunState::Finished, ok, failed),
    });
    stub(fleet())
        .answer(runs::Start, Ok(run(RunState::Running, ok, failed)))
        .feed(runs::Follow, &updates)
}
