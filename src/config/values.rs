//! What the text of a setting may be, and what it becomes.
//!
//! A refusal completes the sentence "SMTP_PORT …" and says what to write instead. It never repeats the text: what
//! stands in the wrong place may be a secret.

use crate::age::Recipient;
use crate::secret::Secret;
use crate::telemetry;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Words between commas, at least one.
pub fn texts(text: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = items(text).map(str::to_owned).collect();
    if words.is_empty() { Err("must name at least one, separated by commas".into()) } else { Ok(words) }
}

pub fn recipients(text: &str) -> Result<Vec<Recipient>, String> {
    let recipients: Result<Vec<Recipient>, String> = items(text).map(str::parse).collect();
    let remedy =
        "must be public keys of age, which begin with age1, separated by commas; `pagerpal backup-key` makes one";
    recipients.ok().filter(|found| !found.is_empty()).ok_or_else(|| remedy.to_owned())
}

pub fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false (1, yes, on and 0, no, off will do)".into()),
    }
}

/// A number and m, h or d, from a minute to a week; `None` is `off`.
pub fn interval(text: &str) -> Result<Option<Duration>, String> {
    if matches!(text.to_ascii_lowercase().as_str(), "off" | "false" | "no" | "0") {
        return Ok(None);
    }
    let unit = |letter| match letter {
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    };
    let secs = text.chars().last().and_then(unit).and_then(|unit| {
        let number: u64 = text[..text.len() - 1].trim_end().parse().ok()?;
        number.checked_mul(unit)
    });
    match secs {
        Some(secs @ 60..=604_800) => Ok(Some(Duration::from_secs(secs))),
        _ => Err("must be from 1m to 7d, such as 15m, 6h or 1d, or off".into()),
    }
}

/// From 1 to 10,000.
pub fn count(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        _ => Err("must be a number from 1 to 10000".into()),
    }
}

pub fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("must be a port number from 1 to 65535".into()),
    }
}

pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8000 or [::]:8000".into())
}

pub fn host(text: &str) -> Result<String, String> {
    if text.parse::<IpAddr>().is_ok() || is_host_name(text) {
        return Ok(text.to_owned());
    }
    Err("must be the name or address of a host alone, without scheme or port".into())
}

/// Exactly what the mail library will accept as a sender.
pub fn mailbox(text: &str) -> Result<String, String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("must be a mail address, such as PagerPal <pager@example.org>".into()),
    }
}

pub fn log_filter(text: &str) -> Result<telemetry::Filter, String> {
    text.parse()
        .map_err(|()| "must be off, error, warn, info, debug or trace, or a list such as info,hyper=debug".into())
}

/// `None` is `auto`.
pub fn log_form(text: &str) -> Result<Option<telemetry::Form>, String> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(None),
        "journal" => Ok(Some(telemetry::Form::Journal)),
        "terminal" => Ok(Some(telemetry::Form::Terminal)),
        "json" => Ok(Some(telemetry::Form::Json)),
        _ => Err("must be auto, journal, terminal or json".into()),
    }
}

pub fn secret_text(text: &str) -> Result<Secret<String>, String> {
    Ok(Secret::new(text.to_owned()))
}

/// It becomes an HTTP header.
pub fn api_key(text: &str) -> Result<Secret<String>, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return secret_text(text);
    }
    Err("must be the key alone: letters, digits and signs without spaces".into())
}

/// At least so many bytes of secret, or whoever sees one signature can find the key at leisure.
pub const SECRET_KEY_BYTES: usize = 32;

/// Long enough, and nothing that was copied out of a manual.
pub fn strong_secret(text: &str) -> Result<Secret<String>, String> {
    const REMEDY: &str = "take the output of `openssl rand -hex 32`, or set nothing and one is generated";
    // Letters and digits only, so that CHANGE-ME, change_me and ChangeMe are one.
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let known = [
        "changeme",
        "changethis",
        "replaceme",
        "replacethis",
        "yoursecret",
        "mysecret",
        "supersecret",
        "secretkey",
        "example",
        "insecure",
        "placeholder",
        "password",
        "0123456789abcdef",
        "abcdefghijklmnop",
    ];
    if text.len() < SECRET_KEY_BYTES {
        return Err(format!("must have at least {SECRET_KEY_BYTES} bytes and has {}; {REMEDY}", text.len()));
    }
    if text.bytes().collect::<BTreeSet<u8>>().len() < 8 || known.iter().any(|word| plain.contains(word)) {
        return Err(format!("is an example that anybody can guess; {REMEDY}"));
    }
    secret_text(text)
}

/// Scheme, host and port, as a browser writes them in `Origin`: lower case, and no port that the scheme implies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebOrigin {
    text: String,
    loopback: bool,
}

impl WebOrigin {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether it can only be reached from this machine.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// One slash at the end is forgiven, for people copy it from the browser.
pub fn web_origin(text: &str) -> Result<WebOrigin, String> {
    let text = text.to_ascii_lowercase();
    let (scheme, implied_port, rest) = match text.split_once("://") {
        Some(("https", rest)) => ("https", 443, rest),
        Some(("http", rest)) => ("http", 80, rest),
        _ => return Err("must begin with https:// or http://, as in https://pager.example.org".into()),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err("must end after the host and port: no path, no query".into());
    }
    if authority.contains('@') {
        return Err("must not contain a name or password".into());
    }
    let (host, port) =
        host_and_port(authority).ok_or("needs a host, and may have a port: https://pager.example.org")?;
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let loopback = match address {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    let port = port.filter(|port| *port != implied_port).map(|port| format!(":{port}")).unwrap_or_default();
    Ok(WebOrigin { text: format!("{scheme}://{host}{port}"), loopback })
}

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_ends = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_ends);
    let sound = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    let port = match rest.strip_prefix(':') {
        Some(digits) => Some(port(digits).ok()?),
        None if rest.is_empty() => None,
        None => return None,
    };
    sound.then_some((host, port))
}

/// Letters, digits, dots and hyphens; an internationalised name is written in its ASCII form.
fn is_host_name(text: &str) -> bool {
    let plain =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(plain)
}

pub fn web_origins(text: &str) -> Result<Vec<WebOrigin>, String> {
    items(text)
        .map(|item| match item {
            "*" => Err("must list origins; `*` would let every page in the world act for the reader".into()),
            _ => web_origin(item).map_err(|refusal| format!("lists an origin that {refusal}")),
        })
        .collect()
}

/// Where a provider's API lives. Unencrypted only to this machine, which is where a stand-in for tests runs.
pub fn provider_url(text: &str) -> Result<String, String> {
    let origin = web_origin(text)?;
    if origin.is_https() || origin.is_loopback() {
        return Ok(origin.text);
    }
    Err("must begin with https://, for the API key would travel in the clear".into())
}

/// Where an outside watcher is told that all is well; a secret, for whoever knows it can say so, too.
pub fn watcher_url(text: &str) -> Result<Secret<String>, String> {
    let (origin, _) = origin_and_path(text)?;
    if origin.is_https() || origin.is_loopback() {
        return secret_text(text);
    }
    Err("must begin with https://, for whoever reads it on its way could say that all is well".into())
}

/// The name of an OpenID Connect provider is its address, which may have a path and counts letter by letter.
pub fn issuer(text: &str) -> Result<String, String> {
    let (origin, path) = origin_and_path(text)?;
    if path.contains(['?', '#']) {
        return Err("must end with its path: no query".into());
    }
    if origin.is_https() || origin.is_loopback() {
        return Ok(text.to_owned());
    }
    Err("must begin with https://, for who signs in must not travel in the clear".into())
}

/// With the query, if there is one.
fn origin_and_path(text: &str) -> Result<(WebOrigin, &str), String> {
    let after_scheme = text.find("://").map_or(0, |at| at + 3);
    let path = text[after_scheme..].find(['/', '?', '#']).map_or(text.len(), |at| after_scheme + at);
    Ok((web_origin(&text[..path])?, &text[path..]))
}

/// A range of addresses: those whose first `prefix` bits are those of `address`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// An IPv4 address within IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 address it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a) ^ u32::from(b)).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a) ^ u128::from(b)).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.prefix)
    }
}

pub fn networks(text: &str) -> Result<Vec<Network>, String> {
    let network = |item: &str| {
        let (address, prefix) = item.split_once('/').map_or((item, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |bits| bits.parse().ok())?;
        (prefix <= longest).then_some(Network { address, prefix })
    };
    let refusal = "must list addresses or networks, such as 10.0.0.5,192.168.0.0/16";
    items(text).map(|item| network(item).ok_or_else(|| refusal.to_owned())).collect()
}

fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_as_a_browser_writes_it() {
        let check = |text: &str, expected: Result<&str, &str>| match (web_origin(text), expected) {
            (Ok(origin), Ok(expected)) => assert_eq!(origin.as_str(), expected, "{text}"),
            (Err(refusal), Err(expected)) => assert!(refusal.contains(expected), "{text}: {refusal}"),
            (Ok(_), Err(_)) => panic!("{text} was taken"),
            (Err(refusal), Ok(_)) => panic!("{text}: {refusal}"),
        };
        check("https://Pager.Example.org/", Ok("https://pager.example.org"));
        check("https://pager.example.org:443", Ok("https://pager.example.org"));
        check("http://pager:8000", Ok("http://pager:8000"));
        check("http://[::1]:80", Ok("http://[::1]"));
        check("pager.example.org", Err("must begin with https://"));
        check("ftp://pager.example.org", Err("must begin with https://"));
        check("https://pager.example.org/pager", Err("no path"));
        check("https://pager.example.org?x", Err("no query"));
        check("https://ana:pass@pager.example.org", Err("name or password"));
        for broken in
            ["https://", "https://:80", "https://a:", "https://a:0", "https://[::1", "https://a b", "https://[x]"]
        {
            check(broken, Err("needs a host"));
        }
    }

    #[test]
    fn an_interval_is_a_number_with_a_unit_or_off() {
        let check = |text: &str, expected: Result<Option<u64>, ()>| {
            let read = interval(text).map(|interval| interval.map(|every| every.as_secs())).map_err(drop);
            assert_eq!(read, expected, "{text}");
        };
        check("15m", Ok(Some(900)));
        check("6 h", Ok(Some(21_600)));
        check("7d", Ok(Some(604_800)));
        check("off", Ok(None));
        for refused in ["", "15", "m", "0m", "59s", "8d", "-1h", "1é", "99999999999999999999d"] {
            check(refused, Err(()));
        }
        assert_eq!((count("96"), count("0").is_err(), count("10001").is_err()), (Ok(96), true, true));
    }

    #[test]
    fn loopback_is_told_by_name_and_by_address() {
        let check = |text: &str, expected| {
            assert_eq!(web_origin(text).expect("an origin").is_loopback(), expected, "{text}");
        };
        check("http://localhost:8000", true);
        check("http://127.8.0.1", true);
        check("http://[::1]:8000", true);
        check("http://pager.localhost", true);
        check("http://localhost.example.org", false);
        check("http://10.0.0.1", false);
    }

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        let check = |list: &str, address: &str, expected| {
            let networks = networks(list).expect("a list");
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(networks.iter().any(|network| network.contains(address)), expected, "{address} in {list}");
        };
        check("127.0.0.0/8,::1", "127.9.9.9", true);
        check("127.0.0.0/8,::1", "::ffff:127.0.0.1", true);
        check("127.0.0.0/8,::1", "::1", true);
        check("127.0.0.0/8,::1", "::2", false);
        check("127.0.0.0/8,::1", "128.0.0.1", false);
        check("10.0.0.5", "10.0.0.5", true);
        check("10.0.0.5", "10.0.0.4", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/33, 10.0.0.0/8", "2001:db8:7fff::1", true);
        for broken in ["10.0.0.0/33", "::/129", "10.0.0/8", "proxy", "10.0.0.0/"] {
            assert!(networks(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_secret_key_is_long_and_from_no_manual() {
        let check = |text: &str, expected| assert_eq!(strong_secret(text).is_ok(), expected, "{text}");
        check("7f1c0de95b8a42f3a6d0b7c1e2f48d95", true);
        check("7f1c0de95b8a42f3a6d0b7c1e2f48d9", false); // 31 bytes
        check("change-me-change-me-change-me-change-me", false);
        check("Your_Secret_Key_Here_With_32_Characters", false);
        check("0123456789abcdef0123456789abcdef", false);
        check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false);
        check("example-q8W3zT5yLk0PvN2mXc7RbJd9HsFg1", false);
    }
}
