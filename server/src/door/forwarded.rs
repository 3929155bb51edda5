//! Where a request came from, as proxies say.
//!
//! **Invariant:** only what a trusted proxy wrote counts. Each proxy adds the address that it saw at
//! the right, so the list is read from there, and no further than to the first hop that is not
//! trusted: what is left of it is whatever the client made up.
//!
//! One header is read, the one that the proxies are known to write. A proxy that writes the one
//! hands the other on as the client sent it. The PROXY protocol is not spoken.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// Proxies behind each other are few; whoever lists more makes them up.
const MAX_HOPS: usize = 16;

/// The header in which proxies say whom they speak for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// `X-Forwarded-For`, which nearly all of them write.
    #[default]
    XForwardedFor,
    /// `Forwarded`, of RFC 7239.
    Forwarded,
}

impl Header {
    fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        }
    }
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err("is neither x-forwarded-for nor forwarded".to_owned()),
        }
    }
}

/// Where a request came from. `peer` is who has sent it to us; its word counts when it is trusted.
pub(super) fn origin(
    peer: IpAddr,
    headers: &HeaderMap,
    header: Header,
    trusted: &[IpNet],
) -> IpAddr {
    let mut origin = peer.to_canonical();
    if !is_within(trusted, origin) {
        return origin;
    }
    let lines: Vec<_> = headers.get_all(header.name()).into_iter().collect();
    let hops = lines.iter().rev().flat_map(|line| {
        // A line that is no text is one hop that nobody understands.
        elements(line.to_str().unwrap_or("?"))
    });
    for hop in hops.take(MAX_HOPS) {
        let address = match header {
            Header::XForwardedFor => address(hop),
            Header::Forwarded => named(hop).and_then(address),
        };
        // The last proxy that made sense stands for what it did not say clearly.
        let Some(address) = address else { break };
        origin = address;
        if !is_within(trusted, origin) {
            break;
        }
    }
    origin
}

pub(super) fn is_within(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// The elements of a list, the last one first. Commas within quotes part nothing.
fn elements(line: &str) -> impl Iterator<Item = &str> {
    let mut within = false;
    let parts = line.rsplit(move |c: char| {
        within ^= c == '"';
        c == ',' && !within
    });
    parts.map(str::trim)
}

/// The value of `for` in an element of `Forwarded`.
fn named(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
        .map(|(_, value)| value);
    let first = values.next();
    // Twice is not allowed, and one of them would be made up.
    first.filter(|_| values.next().is_none())
}

/// The address of a hop: IPv4 or IPv6, bracketed or not, quoted or not, with or without a port.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let hop = hop
        .strip_prefix('"')
        .and_then(|hop| hop.strip_suffix('"'))
        .unwrap_or(hop);
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, header: Header, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), line.parse().unwrap());
        }
        origin(peer.parse().unwrap(), &headers, header, &trusted).to_string()
    }

    fn xff(peer: &str, line: &str) -> String {
        found(peer, Header::XForwardedFor, &[line])
    }

    #[test]
    fn who_is_not_trusted_speaks_for_nobody() {
        assert_eq!(xff("192.0.2.1", "198.51.100.7"), "192.0.2.1");
        assert_eq!(xff("192.0.2.1", "10.0.0.1"), "192.0.2.1");
        assert_eq!(xff("::ffff:192.0.2.1", "198.51.100.7"), "192.0.2.1");
        let element = ["for=198.51.100.7"];
        assert_eq!(found("192.0.2.1", Header::Forwarded, &element), "192.0.2.1");
    }

    #[test]
    fn a_list_is_read_from_the_right_up_to_the_first_stranger() {
        assert_eq!(xff("10.0.0.1", "198.51.100.7"), "198.51.100.7");
        assert_eq!(xff("::ffff:10.0.0.1", "198.51.100.7"), "198.51.100.7");
        // Two proxies; what is left of the stranger is what the stranger made up.
        let chain = "203.0.113.9, 198.51.100.7, 10.0.0.2";
        assert_eq!(xff("10.0.0.1", chain), "198.51.100.7");
        assert_eq!(xff("10.0.0.1", "127.0.0.1, 198.51.100.7"), "198.51.100.7");
        // Everybody is trusted: the one at the left began it.
        assert_eq!(xff("10.0.0.1", "10.0.0.3, 10.0.0.2"), "10.0.0.3");
        let lines = ["203.0.113.9", "198.51.100.7,10.0.0.2"];
        assert_eq!(
            found("10.0.0.1", Header::XForwardedFor, &lines),
            "198.51.100.7"
        );
    }

    #[test]
    fn all_spellings_of_addresses_are_read() {
        for (hop, address) in [
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("  198.51.100.7  ", "198.51.100.7"),
        ] {
            assert_eq!(xff("fd00::1", hop), address, "{hop}");
        }
    }

    #[test]
    fn what_makes_no_sense_ends_the_list_at_the_last_proxy_that_did() {
        for garbage in [
            "",
            ",",
            "unknown",
            "_hidden",
            "198.51.100.7.9",
            "198.51.100.7, nonsense",
            "198.51.100.7, ",
            "[2001:db8::7",
            "2001:db8::7]:443",
            "198.51.100.7:99999",
            "\"198.51.100.7",
        ] {
            assert_eq!(xff("10.0.0.1", garbage), "10.0.0.1", "{garbage}");
        }
        assert_eq!(xff("10.0.0.1", "198.51.100.7, x, 10.0.0.2"), "10.0.0.2");
        let mut headers = HeaderMap::new();
        let bytes = http::HeaderValue::from_bytes(b"198.51.100.7\xff").unwrap();
        headers.append("x-forwarded-for", bytes);
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(
            origin(peer, &headers, Header::XForwardedFor, &trusted),
            peer
        );
    }

    #[test]
    fn a_list_without_end_is_read_for_a_bounded_while() {
        let proxies = "10.0.0.2,".repeat(100_000);
        let line = format!("198.51.100.7,{proxies}10.0.0.3");
        assert_eq!(xff("10.0.0.1", &line), "10.0.0.2");
    }

    #[test]
    fn the_other_header_says_nothing() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", "for=203.0.113.9".parse().unwrap());
        headers.insert("x-real-ip", "203.0.113.9".parse().unwrap());
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let read = |header| origin(peer, &headers, header, &trusted).to_string();
        assert_eq!(read(Header::XForwardedFor), "10.0.0.1");
        assert_eq!(read(Header::Forwarded), "203.0.113.9");
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes_and_parameters() {
        for (line, address) in [
            ("for=198.51.100.7", "198.51.100.7"),
            (
                "For=\"[2001:db8::7]:443\";proto=https;by=10.0.0.1",
                "2001:db8::7",
            ),
            (
                "for=203.0.113.9, for=198.51.100.7;by=\"a,b\", for=10.0.0.2",
                "198.51.100.7",
            ),
            ("for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=203.0.113.9;for=198.51.100.7", "10.0.0.1"),
            ("for=\"198.51.100.7", "10.0.0.1"),
        ] {
            let lines = [line];
            assert_eq!(
                found("10.0.0.1", Header::Forwarded, &lines),
                address,
                "{line}"
            );
        }
    }
}
