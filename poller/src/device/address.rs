//! Which addresses a device may have.
//!
//! **Invariant:** nothing is connected that [`check`] has not let pass, and what is connected is the
//! address that was checked: a name is not resolved a second time.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::error::LinkError;
use crate::startup::Zone;

/// The most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 16;

/// Resolves a device's address. Each of its addresses must be one that the zone allows.
pub async fn resolve(
    zone: &Zone,
    own: &[SocketAddr],
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, LinkError> {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = match literal.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map_err(LinkError::Unreachable)?
            .take(MAX_ADDRESSES)
            .collect(),
    };
    check(zone, own, &found)?;
    Ok(found)
}

/// Checks the addresses of a device.
pub fn check(zone: &Zone, own: &[SocketAddr], found: &[SocketAddr]) -> Result<(), LinkError> {
    if found.is_empty() {
        return Err(LinkError::AddressRefused(
            "the name has no address".to_owned(),
        ));
    }
    for address in found {
        let ip = address.ip().to_canonical();
        if own.iter().any(|own| is_own(*own, ip, address.port())) {
            let why = format!("{address} belongs to tod itself");
            return Err(LinkError::AddressRefused(why));
        }
        let within = embedded(ip).map(IpAddr::V4).filter(|_| !is_special(ip));
        let all = [Some(ip), within.filter(|within| is_special(*within))];
        if !all
            .into_iter()
            .flatten()
            .all(|ip| is_listed(&zone.networks, ip))
        {
            let why = format!(
                "{ip} is in no network of the zone `{}`; todd.toml lists them: [[poller.zones]]",
                zone.name
            );
            return Err(LinkError::AddressRefused(why));
        }
    }
    Ok(())
}

/// Whether a socket of ours is meant: by its address, or by any of this machine when it listens on
/// all of them.
fn is_own(own: SocketAddr, ip: IpAddr, port: u16) -> bool {
    let same = own.ip().to_canonical() == ip;
    own.port() == port && (same || own.ip().is_unspecified() && is_of_this_machine(ip))
}

/// Only an address of this machine can be bound.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// The IPv4 address within an IPv6 one that gateways translate: compatible, NAT64, 6to4.
fn embedded(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else {
        return None;
    };
    let translated = ["::/96", "64:ff9b::/96"].map(str::parse::<Ipv6Net>);
    if translated.iter().flatten().any(|range| range.contains(&ip)) {
        let [.., high, low] = ip.segments();
        return Some(joined(high, low));
    }
    match ip.segments() {
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn is_special(ip: IpAddr) -> bool {
    special_ranges().iter().any(|range| range.contains(&ip))
}

/// Whether a network lists the address. One that is special must be listed as such: `0.0.0.0/0`
/// does not mean this machine.
fn is_listed(networks: &[IpNet], ip: IpAddr) -> bool {
    let special = special_ranges()
        .into_iter()
        .find(|range| range.contains(&ip));
    networks
        .iter()
        .filter(|network| network.contains(&ip))
        .any(|network| special.is_none_or(|range| range.contains(network)))
}

/// This host, the link, nobody and everybody.
fn special_ranges() -> [IpNet; 10] {
    let v4 = |a, b, c, d, len| Ipv4Net::new_assert([a, b, c, d].into(), len).into();
    let v6 = |first: u16, last: u16, len| {
        Ipv6Net::new_assert([first, 0, 0, 0, 0, 0, 0, last].into(), len).into()
    };
    [
        v4(127, 0, 0, 0, 8),
        v4(169, 254, 0, 0, 16),
        v4(0, 0, 0, 0, 8),
        v4(224, 0, 0, 0, 4),
        v4(255, 255, 255, 255, 32),
        v6(0, 0, 128),
        v6(0, 1, 128),
        v6(0xfe80, 0, 10),
        v6(0xfec0, 0, 10),
        v6(0xff00, 0, 8),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(networks: &[&str]) -> Zone {
        Zone {
            name: "hq".to_owned(),
            networks: networks.iter().map(|net| net.parse().unwrap()).collect(),
        }
    }

    fn admits(networks: &[&str], address: &str) -> bool {
        let found = [SocketAddr::new(address.parse().unwrap(), 8728)];
        check(&zone(networks), &[], &found).is_ok()
    }

    #[test]
    fn everywhere_does_not_mean_here() {
        let everywhere = ["0.0.0.0/0", "::/0"];
        for special in [
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
        ] {
            assert!(!admits(&everywhere, special), "{special}");
        }
        assert!(admits(&everywhere, "192.0.2.1"));
        assert!(admits(&everywhere, "2001:db8::1"));
        assert!(admits(&everywhere, "64:ff9b::192.0.2.1"));
    }

    #[tokio::test]
    async fn no_spelling_of_this_machine_gets_through() {
        let everywhere = zone(&["0.0.0.0/0", "::/0"]);
        for host in [
            "localhost",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "[::1]",
            "[::ffff:7f00:1]",
        ] {
            let refused = resolve(&everywhere, &[], host, 8728).await;
            assert!(refused.is_err(), "{host}: {refused:?}");
        }
    }

    #[test]
    fn a_server_that_listens_on_all_addresses_is_no_device_on_any_of_them() {
        let own: SocketAddr = "0.0.0.0:8443".parse().unwrap();
        let zone = zone(&["127.0.0.0/8", "192.0.2.0/24"]);
        let refused = |address: &str| check(&zone, &[own], &[address.parse().unwrap()]).is_err();

        assert!(refused("127.0.0.1:8443") && refused("127.0.0.2:8443"));
        assert!(!refused("127.0.0.1:8728") && !refused("192.0.2.1:8443"));
    }

    #[test]
    fn this_machine_can_be_listed() {
        assert!(admits(&["127.0.0.0/8"], "127.0.0.7"));
        assert!(admits(&["127.0.4.0/24"], "127.0.4.1"));
        assert!(!admits(&["127.0.4.0/24"], "127.0.5.1"));
        assert!(admits(&["::1/128"], "::1"));
    }

    #[test]
    fn an_address_must_be_listed() {
        assert!(admits(&["10.0.0.0/8", "192.168.0.0/16"], "192.168.88.1"));
        assert!(!admits(&["10.0.0.0/8"], "192.168.88.1"));
        assert!(!admits(&[], "192.168.88.1"));
    }

    #[test]
    fn one_address_that_is_not_listed_spoils_the_name() {
        let found = ["10.0.0.1", "192.0.2.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), 1));

        assert!(check(&zone(&["10.0.0.0/8"]), &[], &found).is_err());
        assert!(check(&zone(&["10.0.0.0/8"]), &[], &[]).is_err());
    }

    #[test]
    fn our_own_sockets_are_refused_even_where_they_are_listed() {
        let own: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let zone = zone(&["127.0.0.0/8"]);

        assert!(check(&zone, &[own], &[own]).is_err());
        let mapped = "[::ffff:127.0.0.1]:8443".parse().unwrap();
        assert!(check(&zone, &[own], &[mapped]).is_err());
        let other = SocketAddr::new(own.ip(), 8728);
        assert!(check(&zone, &[own], &[other]).is_ok());
    }
}
