//! The feed of releases: what a lab's devices find when they look for updates, and what others
//! can read over HTTP as they would from the maker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::device::Tasks;
use crate::lock;
use crate::profile::Release;

/// What the feed begins with.
const RELEASES: &[(&str, &str)] = &[
    ("7.stable", "7.22.3"),
    ("7.long-term", "7.20.8"),
    ("7.testing", "7.24"),
    ("7.development", "7.24"),
    ("6.stable", "6.49.18"),
    ("6.long-term", "6.49.18"),
    // The one release that leads out of 6.
    ("6.upgrade", "7.12.1"),
];

/// When releases were made, as the feed says it.
const MADE: u64 = 1_767_225_600;

/// Longer requests are none.
const REQUEST: u64 = 8 << 10;

/// The newest release of each channel.
#[derive(Debug)]
pub(crate) struct Feed(Mutex<BTreeMap<String, Release>>);

impl Default for Feed {
    fn default() -> Self {
        let releases = RELEASES.iter().filter_map(|(channel, release)| {
            Some(((*channel).to_owned(), Release::parse(release)?))
        });
        Self(Mutex::new(releases.collect()))
    }
}

impl Feed {
    /// Returns what a device of a release finds in a channel.
    pub(crate) fn latest(&self, installed: Release, channel: &str) -> Option<Release> {
        let major = installed.version().major;
        self.read(&format!("{major}.{channel}"))
    }

    fn read(&self, channel: &str) -> Option<Release> {
        lock(&self.0).get(channel).copied()
    }

    /// Puts a release into a channel of its own generation; returns whether there is one.
    pub(crate) fn publish(&self, channel: &str, release: Release) -> bool {
        let key = match channel {
            "upgrade" => "6.upgrade".to_owned(),
            channel => format!("{}.{channel}", release.version().major),
        };
        let mut releases = lock(&self.0);
        let Some(place) = releases.get_mut(&key) else {
            return false;
        };
        *place = release;
        true
    }

    /// Returns what a path of the maker's server says.
    fn page(&self, path: &str) -> Option<String> {
        let name = path.split('?').next()?.rsplit('/').next()?;
        let channel = match name {
            "LATEST.6" => "6.stable",
            "LATEST.6fix" => "6.long-term",
            _ => name
                .strip_prefix("NEWESTa")
                .or_else(|| name.strip_prefix("NEWEST"))?,
        };
        Some(format!("{} {MADE}\n", self.read(channel)?))
    }
}

/// Serves the feed.
#[expect(
    clippy::infinite_loop,
    reason = "ends with the lab, as all its tasks do"
)]
pub(crate) async fn serve(feed: Arc<Feed>, listener: TcpListener, tasks: Tasks) {
    loop {
        if let Ok((tcp, peer)) = listener.accept().await
            && peer.ip().is_loopback()
        {
            let feed = Arc::clone(&feed);
            tasks.spawn(async move {
                if let Err(error) = answer(&feed, tcp).await {
                    tracing::debug!(%error, "a reader of the feed is gone");
                }
            });
        }
    }
}

async fn answer(feed: &Feed, mut tcp: TcpStream) -> std::io::Result<()> {
    let (reader, mut writer) = tcp.split();
    let mut lines = BufReader::new(reader.take(REQUEST)).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|l| !l.is_empty()) {}
    let page = first.split(' ').nth(1).and_then(|path| feed.page(path));
    let (status, body) = match page {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", "not found\n".to_owned()),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    writer.write_all(answer.as_bytes()).await?;
    writer.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::Feed;
    use crate::profile::Release;

    #[test]
    fn pages_are_those_of_the_maker() {
        let feed = Feed::default();

        let page = |path: &str| feed.page(path);
        assert_eq!(
            page("/routeros/NEWESTa7.stable?version=7.18.2").unwrap(),
            "7.22.3 1767225600\n"
        );
        assert_eq!(page("/routeros/LATEST.6").unwrap(), "6.49.18 1767225600\n");
        assert_eq!(
            page("/routeros/NEWEST6.upgrade").unwrap(),
            "7.12.1 1767225600\n"
        );
        assert_eq!(page("/routeros/7.20.8/CHANGELOG"), None);
    }

    #[test]
    fn a_release_goes_into_the_channel_of_its_generation() {
        let feed = Feed::default();
        let new = Release::parse("7.23.1").unwrap();

        assert!(feed.publish("stable", new));
        assert!(!feed.publish("nonsense", new));
        assert_eq!(feed.latest(new, "stable"), Some(new));
        assert_ne!(
            feed.latest(Release::parse("6.49.18").unwrap(), "stable"),
            Some(new)
        );
    }
}
