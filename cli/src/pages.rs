//! Long lists, read a page at a time.

use std::str::FromStr;

use tod_proto::page::{MAX_PAGE, Page};

use crate::error::CliError;
use crate::output::Listing;

/// Reads up to `wanted` things. `read` gets how many to ask for at most and where to go on, and is
/// called until there are enough or no more.
pub async fn read<T, C: FromStr>(
    wanted: u32,
    mut read: impl AsyncFnMut(u32, Option<C>) -> Result<Page<T>, CliError>,
) -> Result<Listing<T>, CliError> {
    let mut left = wanted;
    let mut listing = Listing::all(Vec::new());
    let mut cursor = None;
    while left > 0 {
        let page = read(left.min(MAX_PAGE), cursor).await?;
        left = left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        listing.total = listing.total.max(page.total);
        listing.items.extend(page.items);
        cursor = page.next.and_then(|next| next.parse().ok());
        if cursor.is_none() {
            break;
        }
    }
    Ok(listing)
}
