//! Who is at the other end: the address that counts, and whether the way to us was encrypted.
//!
//! Forwarding headers are believed only from listed proxies. From anybody else they are what a stranger typed.

use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

/// The connection, as the server accepted it.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// Whether this server itself ended TLS.
    pub is_tls: bool,
}

/// The client, proxies looked through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Client {
    pub address: IpAddr,
    pub is_https: bool,
    /// A forwarding header came along, believed or not.
    pub is_forwarded: bool,
    /// The `Host` header.
    pub host: String,
    /// What the browser calls itself, cut short; anybody can write anything there.
    pub agent: String,
}

const AGENT_LETTERS: usize = 160;

impl Client {
    pub fn of(peer: Peer, headers: &HeaderMap, is_trusted_proxy: impl Fn(IpAddr) -> bool) -> Client {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let is_forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
            .iter()
            .any(|name| headers.contains_key(*name));
        let host = text("host").to_ascii_lowercase();
        let agent = text("user-agent").chars().filter(|c| !c.is_control()).take(AGENT_LETTERS).collect();
        let mut client =
            Client { address: peer.address.ip().to_canonical(), is_https: peer.is_tls, is_forwarded, host, agent };
        if !is_trusted_proxy(client.address) {
            return client;
        }
        if let Some(scheme) = text("x-forwarded-proto").rsplit(',').next().map(str::trim).filter(|s| !s.is_empty()) {
            client.is_https = scheme.eq_ignore_ascii_case("https");
        }
        // From the right: each proxy appended whom it saw, and the first that is none of ours is the client.
        let lines: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            let Some(address) = parse_hop(hop.trim()) else { break };
            client.address = address;
            if !is_trusted_proxy(address) {
                break;
            }
        }
        client
    }

    /// Whether the request was made on this very machine, as far as can be told: a proxy could carry anybody.
    pub fn is_local(&self) -> bool {
        let host = self.host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let name = host.map_or(self.host.as_str(), |(name, _)| name).trim_matches(['[', ']']);
        let names_loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.address.is_loopback() && !self.is_forwarded && names_loopback
    }
}

/// `203.0.113.7`, `203.0.113.7:1234`, `2001:db8::1`, `[2001:db8::1]:1234`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    bare.or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip())).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn client(peer: &str, headers: &[(&str, &str)]) -> Client {
        let peer = Peer { address: SocketAddr::new(peer.parse().expect("an address"), 4711), is_tls: false };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("a header name");
            map.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        let trusted = ["127.0.0.1", "10.0.0.1", "10.0.0.2"];
        Client::of(peer, &map, |address| trusted.contains(&address.to_string().as_str()))
    }

    #[test]
    fn the_client_is_the_first_hop_from_the_right_that_is_no_proxy_of_ours() {
        let check = |peer: &str, forwarded: &[&str], expected: &str| {
            let headers: Vec<_> = forwarded.iter().map(|line| ("x-forwarded-for", *line)).collect();
            assert_eq!(client(peer, &headers).address.to_string(), expected, "{peer} {forwarded:?}");
        };
        check("203.0.113.7", &[], "203.0.113.7");
        check("203.0.113.7", &["198.51.100.1"], "203.0.113.7"); // a stranger may write what he likes
        check("::ffff:203.0.113.7", &[], "203.0.113.7");
        check("127.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("127.0.0.1", &["1.2.3.4, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check("127.0.0.1", &["1.2.3.4", "198.51.100.1:99", "10.0.0.1"], "198.51.100.1");
        check("127.0.0.1", &["[2001:db8::1]:99"], "2001:db8::1");
        check("127.0.0.1", &["unknown"], "127.0.0.1");
        check("127.0.0.1", &["10.0.0.2"], "10.0.0.2");
    }

    #[test]
    fn the_scheme_is_forwarded_by_proxies_alone() {
        let check = |peer: &str, proto: &str, expected| {
            assert_eq!(client(peer, &[("x-forwarded-proto", proto)]).is_https, expected, "{peer} {proto}");
        };
        check("127.0.0.1", "https", true);
        check("127.0.0.1", "http", false);
        check("127.0.0.1", "http, HTTPS", true);
        check("203.0.113.7", "https", false);
    }

    #[test]
    fn local_means_loopback_by_address_and_name_and_no_proxy_between() {
        let check = |peer: &str, headers: &[(&str, &str)], expected| {
            assert_eq!(client(peer, headers).is_local(), expected, "{peer} {headers:?}");
        };
        check("127.0.0.1", &[("host", "localhost:8000")], true);
        check("127.0.0.1", &[("host", "127.0.0.1:8000")], true);
        check("::1", &[("host", "[::1]:8000")], true);
        check("::1", &[("host", "[::1]")], true);
        check("127.0.0.1", &[("host", "pager.example.org")], false);
        check("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], false);
        check("127.0.0.1", &[], false);
        check("203.0.113.7", &[("host", "localhost")], false);
    }
}
