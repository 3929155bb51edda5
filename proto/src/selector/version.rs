//! RouterOS versions in their order.

/// Major, minor, patch, stage (alpha 0, beta 1, rc 2, release 3) and number within the stage.
pub type VersionKey = [i32; 5];

/// The key by which versions sort: 7.9 before 7.15, `7.20rc1` before `7.20`.
///
/// Takes `7.15`, `7.15.3`, `7.20rc1`, and whatever RouterOS writes after a blank: `7.15.3
/// (stable)`. Anything else is `None`.
pub fn version_key(text: &str) -> Option<VersionKey> {
    let text = text.split_whitespace().next()?;
    let stage_at = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (numbers, stage) = text.split_at(stage_at);
    let mut parts = numbers.split('.').map(|part| part.parse::<u16>().ok());
    let major = parts.next()??;
    let minor = parts.next().unwrap_or(Some(0))?;
    let patch = parts.next().unwrap_or(Some(0))?;
    if parts.next().is_some() {
        return None;
    }
    let (rank, number) = match stage.find(|c: char| c.is_ascii_digit()) {
        None => (stage, 0),
        Some(at) => (stage.get(..at)?, stage.get(at..)?.parse::<u16>().ok()?),
    };
    let rank = match rank {
        "" => 3,
        "rc" => 2,
        "beta" => 1,
        "alpha" => 0,
        _ => return None,
    };
    Some([
        i32::from(major),
        i32::from(minor),
        i32::from(patch),
        rank,
        i32::from(number),
    ])
}
