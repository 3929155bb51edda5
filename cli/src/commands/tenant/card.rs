//! What `todctl tenant show` draws for people.

use jiff::Timestamp;
use tod_client::view::Tone;
use tod_client::view::units::{ago, count};
use tod_proto::api::tenants::Tenant;
use tod_proto::untrusted::plain;

use crate::term::Paint;

/// How wide a bar is.
const BAR: u64 = 20;

/// A tenant, and how much of what it may have it has.
pub(super) fn card(t: &Tenant, now: Timestamp) -> String {
    let state = match t.suspended_at {
        Some(at) => Paint::tone(Tone::Bad, &format!("suspended {}", ago(at, now))).to_string(),
        None => Paint::tone(Tone::Good, "active").to_string(),
    };
    let keys = t.quotas.api_keys.map_or_else(
        || "no limit".to_owned(),
        |most| format!("{} at most", count(u64::from(most))),
    );
    format!(
        "{}  {state}  you are {}\n  devices   {}\n  people    {}\n  API keys  {keys}\n  \
         made      {}\n  id        {}\n",
        plain(&t.name),
        t.role,
        usage(t.devices, t.quotas.devices),
        usage(t.users, t.quotas.users),
        ago(t.created_at, now),
        t.id,
    )
}

fn usage(used: u64, most: Option<u32>) -> String {
    let Some(most) = most.map(u64::from) else {
        return format!("{}, no limit", count(used));
    };
    let full = (used * BAR).checked_div(most).unwrap_or(BAR).min(BAR);
    let tone = match used {
        used if used >= most => Tone::Bad,
        used if used * 10 >= most * 9 => Tone::Warn,
        _ => Tone::Good,
    };
    let bar: String = (0..BAR).map(|n| if n < full { '█' } else { '░' }).collect();
    let bar = Paint::tone(tone, &bar);
    format!("{bar} {} of {}", count(used), count(most))
}
