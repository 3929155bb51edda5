//! What `todctl user show` draws for people.

use jiff::Timestamp;
use tod_client::view::Tone;
use tod_client::view::units::ago;
use tod_proto::api::api_keys::ApiKey;
use tod_proto::api::sessions::PersonSession;
use tod_proto::api::users::User;
use tod_proto::untrusted::plain;

use crate::term::Paint;

/// A person, where they are signed in, and what acts for them.
pub(super) fn card(
    user: &User,
    sessions: &[PersonSession],
    keys: &[ApiKey],
    now: Timestamp,
) -> String {
    let state = match (user.active, user.enrolled) {
        (false, _) => Paint::tone(Tone::Bad, "may not sign in").to_string(),
        (true, false) => Paint::tone(Tone::Warn, "invited").to_string(),
        (true, true) => Paint::tone(Tone::Good, "active").to_string(),
    };
    let signed_in = user
        .last_sign_in
        .map_or_else(|| "never".to_owned(), |at| ago(at, now));
    let mut lines = vec![
        format!(
            "{}  {state}  {}  {}",
            plain(&user.email),
            user.role,
            plain(&user.name)
        ),
        format!("  signed in  {signed_in}"),
        format!("  invited    {}", ago(user.created_at, now)),
        format!("  id         {}", user.id),
    ];
    for session in sessions {
        let (label, used) = (&session.session.label, session.session.last_used_at);
        let (label, used) = (plain(label), ago(used, now));
        lines.push(format!(
            "  session    {label}, last used {used}  {}",
            session.session.id
        ));
    }
    for key in keys {
        let scopes: Vec<_> = key.scopes.iter().map(ToString::to_string).collect();
        let (name, scopes) = (plain(&key.name), scopes.join(","));
        lines.push(format!("  API key    {name}: {scopes}  {}", key.id));
    }
    lines.join("\n") + "\n"
}
