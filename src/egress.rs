//! Every connection that leaves this machine is built here.
//!
//! What it promises: TLS by rustls with Mozilla's roots from inside the binary, names by our own resolver (a static
//! binary must not ask the host's NSS; `/etc/hosts` and `/etc/resolv.conf` are honoured, and read again when they
//! change), no redirects, no proxy variables, 3 s to connect, 10 s for the whole call. Plain `http` goes to loopback only.
//!
//! Addresses that come from users or payloads are [`Purpose::Untrusted`]: they reach public addresses over `https` or
//! nothing ([`Purpose::ProvesItself`] alone makes do without `https`). The check sits where names become addresses, and
//! the connection goes to the very address that was checked, so a name that answers differently the second time gains
//! nothing.
//!
//! Every call gets a fresh connection. A kept one saves a handshake, but if a firewall has forgotten it meanwhile, the
//! request is lost after it was written, and whether a page was sent becomes a guess.

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use lettre::transport::smtp::client::{Certificate, TlsParameters, TlsParametersBuilder};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Method, RequestBuilder, Response, Url};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// To resolve, connect and agree on TLS.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// From the first name query to the last byte of the answer.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The longest answer that is read, unless its reader expects more.
pub const BODY_BYTES: usize = 64 * 1024;

/// Where an address came from, which decides where it may lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// From the operator's settings. May be in the private network; plain `http` only on loopback.
    Operator,
    /// From a user or a payload. Public addresses over `https` only.
    Untrusted,
    /// As `Untrusted`, but over plain `http` too: for a certificate, which counts only if a trusted root signed it, and
    /// which its issuer serves no other way.
    ProvesItself,
}

/// Cheap to share in an `Arc`; built once. Needs a tokio runtime when used, not when built.
pub struct Egress {
    names: Names,
    extra_roots: Vec<Certificate>,
    operator: reqwest::Client,
    untrusted: reqwest::Client,
}

#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    #[error("the extra root certificate cannot be read: {0}")]
    ExtraRoot(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

impl Egress {
    /// `extra_roots` are trusted besides Mozilla's: a company's own authority, or a test's.
    pub fn new(extra_roots: &[CertificateDer<'static>]) -> Result<Egress, EgressError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut for_mail = Vec::new();
        for certificate in extra_roots {
            let unreadable = |error: &dyn std::fmt::Display| EgressError::ExtraRoot(error.to_string());
            roots.add(certificate.clone()).map_err(|error| unreadable(&error))?;
            for_mail.push(Certificate::from_der(certificate.to_vec()).map_err(|error| unreadable(&error))?);
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();

        let names = Names::default();
        let client = |purpose| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(NamesFor { names: names.clone(), purpose })
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .referer(false)
                .pool_max_idle_per_host(0)
                .connect_timeout(CONNECT_LIMIT)
                .timeout(CALL_LIMIT)
                .user_agent(concat!("PagerPal/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let operator = client(Purpose::Operator)?;
        let untrusted = client(Purpose::Untrusted)?;
        Ok(Egress { names, extra_roots: for_mail, operator, untrusted })
    }

    pub fn client(&self, purpose: Purpose) -> Client {
        let http = match purpose {
            Purpose::Operator => self.operator.clone(),
            Purpose::Untrusted | Purpose::ProvesItself => self.untrusted.clone(),
        };
        Client { http, purpose }
    }

    /// The addresses of an operator's host, for protocols other than HTTP: connect to one of these, by address. An IP
    /// literal is itself. Bounded by [`CONNECT_LIMIT`]; never empty.
    pub async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.names.resolve(host).await
    }

    /// TLS for mail with the same roots; the certificate must carry `server_name`.
    pub fn mail_tls(&self, server_name: &str) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let builder = TlsParameters::builder(server_name.to_owned());
        let trust = |builder: TlsParametersBuilder, root: &Certificate| builder.add_root_certificate(root.clone());
        self.extra_roots.iter().fold(builder, trust).build()
    }
}

/// Makes requests, and refuses those that its purpose does not allow before anything is sent.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    purpose: Purpose,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    #[error("not a web address")]
    NotAUrl,
    #[error("only https is allowed here")]
    NotHttps,
    #[error("an address must not carry a user name or password")]
    Credentials,
    #[error("{0} is not a public address")]
    NotPublic(IpAddr),
}

impl Client {
    pub fn get(&self, url: &str) -> Result<RequestBuilder, Refused> {
        self.request(Method::GET, url)
    }

    pub fn post(&self, url: &str) -> Result<RequestBuilder, Refused> {
        self.request(Method::POST, url)
    }

    /// A literal address never reaches the resolver, so it is judged here; names are judged when they are resolved.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, Refused> {
        let url = Url::parse(url).map_err(|_| Refused::NotAUrl)?;
        let host = url.host_str().ok_or(Refused::NotAUrl)?;
        // The parser has already turned every odd spelling of an IPv4 address (octal, one number) into dots.
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let loopback = host == "localhost" || literal.is_some_and(|address| address.is_loopback());
        match (self.purpose, url.scheme()) {
            (_, "https") => {}
            (Purpose::Operator, "http") if loopback => {}
            (Purpose::ProvesItself, "http") => {}
            _ => return Err(Refused::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if let Some(address) = literal
            && self.purpose != Purpose::Operator
            && !is_public(address)
        {
            return Err(Refused::NotPublic(address));
        }
        Ok(self.http.request(method, url))
    }
}

/// Why a body could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the answer is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("the answer was cut off")]
    Lost(#[source] reqwest::Error),
}

/// The body, if it is at most [`BODY_BYTES`] long; not a byte more is kept.
pub async fn read_limited(response: Response) -> Result<Vec<u8>, BodyError> {
    read_at_most(response, BODY_BYTES).await
}

/// As [`read_limited`], for what is longer by nature, such as a calendar.
pub async fn read_at_most(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLong { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether an address belongs to the public internet. Refuses by what is *known* to be public in IPv6 (2000::/3 less its
/// special parts) and by the list of special blocks in IPv4: the IANA special-purpose registries of both.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [([u8; 4], u32); 15] = [
        ([0, 0, 0, 0], 8),       // this network
        ([10, 0, 0, 0], 8),      // private
        ([100, 64, 0, 0], 10),   // carrier-grade NAT
        ([127, 0, 0, 0], 8),     // loopback
        ([169, 254, 0, 0], 16),  // link-local, where clouds keep their metadata
        ([172, 16, 0, 0], 12),   // private
        ([192, 0, 0, 0], 24),    // protocol assignments
        ([192, 0, 2, 0], 24),    // documentation
        ([192, 88, 99, 0], 24),  // 6to4 relays
        ([192, 168, 0, 0], 16),  // private
        ([198, 18, 0, 0], 15),   // benchmarking
        ([198, 51, 100, 0], 24), // documentation
        ([203, 0, 113, 0], 24),  // documentation
        ([224, 0, 0, 0], 4),     // multicast
        ([240, 0, 0, 0], 4),     // reserved, broadcast
    ];
    let bits = address.to_bits();
    !SPECIAL.iter().any(|(block, length)| (bits ^ u32::from_be_bytes(*block)) >> (32 - length) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    match parts {
        // NAT64: on a network without IPv4 every IPv4 host looks like this. What counts is the address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        [0x2001, 0..=0x1ff, ..] => false, // protocol assignments, Teredo
        [0x2001, 0xdb8, ..] => false,     // documentation
        [0x2002, ..] => false,            // 6to4, which hides an IPv4 address
        [0x3fff, 0..=0xfff, ..] => false, // documentation
        [first, ..] => first >> 13 == 1,  // all else outside 2000::/3: loopback, mapped, ULA, link-local, multicast
    }
}

/// The resolver, built when first used and again whenever one of its files has changed: a machine that boots before its
/// network, or gets new name servers, needs no restart to page.
#[derive(Clone, Default)]
struct Names {
    current: Arc<Mutex<Option<(FileStamps, TokioResolver)>>>,
}

const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];
type FileStamps = [Option<(u64, i64, i64)>; 2];

impl Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let resolver = self.resolver().map_err(io::Error::other)?;
        let lookup = tokio::time::timeout(CONNECT_LIMIT, resolver.lookup_ip(host)).await;
        let found = lookup.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no name server answered in time"))?;
        let addresses: Vec<IpAddr> = found.map_err(io::Error::other)?.iter().collect();
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(addresses)
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let stamps =
            FILES.map(|path| std::fs::metadata(path).ok().map(|file| (file.ino(), file.mtime(), file.mtime_nsec())));
        // A panic elsewhere cannot leave the pair half written, so a poisoned lock is as good as a sound one.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((built_from, resolver)) = &*current
            && *built_from == stamps
        {
            return Ok(resolver.clone());
        }
        let resolver = build_resolver()?;
        *current = Some((stamps, resolver.clone()));
        Ok(resolver)
    }
}

fn build_resolver() -> Result<TokioResolver, NetError> {
    // Without a usable file: the name server of this host, as the C library does.
    let mut builder = TokioResolver::builder_tokio().unwrap_or_else(|_| {
        let local = NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into());
        let config = ResolverConfig::from_name_servers(vec![local]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    });
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // Lost packets must be asked for again within the time to connect.
    options.timeout = Duration::from_secs(1);
    options.attempts = 2;
    // A wrong "no such name" from a server in trouble must not silence a provider for a day.
    options.negative_max_ttl = Some(Duration::from_secs(5));
    options.positive_max_ttl = Some(Duration::from_secs(300));
    builder.build()
}

/// What reqwest asks for addresses.
struct NamesFor {
    names: Names,
    purpose: Purpose,
}

impl Resolve for NamesFor {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, purpose) = (self.names.clone(), self.purpose);
        Box::pin(async move {
            let allowed = allowed(purpose, names.resolve(name.as_str()).await?)?;
            // Port 0 stands for the URL's.
            let addresses: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Those of a name's addresses that may be connected to; refused if there is none.
fn allowed(purpose: Purpose, mut addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let first = addresses.first().copied();
    if purpose != Purpose::Operator {
        addresses.retain(|address| is_public(*address));
    }
    match first {
        Some(first) if addresses.is_empty() => Err(Refused::NotPublic(first)),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address of the table")
    }

    #[test]
    fn only_public_addresses_are_public() {
        let public = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
            169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
            223.255.255.255 2600:: 2001:200:: 2a00:1450:4001:800::200e 3fff:1000:: 64:ff9b::8.8.8.8";
        for text in public.split_whitespace() {
            assert!(is_public(address(text)), "{text} is public");
        }
        let other = "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 \
            169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 \
            198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 \
            :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::1 \
            100::1 2001::1 2001:20::1 2001:db8::1 2002:7f00:1::1 3fff::1 fc00::1 fd12:3456::1 fe80::1 fec0::1 ff02::1";
        for text in other.split_whitespace() {
            assert!(!is_public(address(text)), "{text} is not public");
        }
    }

    #[test]
    fn a_name_that_also_leads_inside_is_connected_outside_only() {
        let mixed = vec![address("10.0.0.1"), address("8.8.8.8"), address("::1")];
        assert_eq!(allowed(Purpose::Untrusted, mixed.clone()), Ok(vec![address("8.8.8.8")]));
        assert_eq!(allowed(Purpose::Operator, mixed.clone()), Ok(mixed));
        let inside = vec![address("169.254.169.254")];
        assert_eq!(allowed(Purpose::Untrusted, inside), Err(Refused::NotPublic(address("169.254.169.254"))));
    }

    #[test]
    fn an_address_is_refused_before_anything_is_sent() {
        let egress = Egress::new(&[]).expect("no extra root to go wrong");
        let check = |purpose, url: &str, expected: Option<Refused>| {
            assert_eq!(egress.client(purpose).get(url).err(), expected, "{purpose:?} {url}");
        };
        let not_public = |text: &str| Some(Refused::NotPublic(address(text)));
        check(Purpose::Operator, "https://api.example.net/x", None);
        check(Purpose::Operator, "http://127.0.0.1:9000/x", None);
        check(Purpose::Operator, "http://[::1]:9000/x", None);
        check(Purpose::Operator, "http://localhost:9000", None);
        check(Purpose::Operator, "https://10.0.0.1/", None);
        check(Purpose::Operator, "http://10.0.0.1/", Some(Refused::NotHttps));
        check(Purpose::Operator, "http://localhost.example.net/", Some(Refused::NotHttps));
        check(Purpose::Untrusted, "https://sns.eu-west-1.amazonaws.com/x.pem", None);
        check(Purpose::Untrusted, "https://8.8.8.8/", None);
        check(Purpose::Untrusted, "http://localhost/", Some(Refused::NotHttps));
        check(Purpose::Untrusted, "file:///etc/passwd", Some(Refused::NotAUrl));
        check(Purpose::Untrusted, "ftp://8.8.8.8/", Some(Refused::NotHttps));
        check(Purpose::Untrusted, "/relative", Some(Refused::NotAUrl));
        check(Purpose::Untrusted, "https://user@8.8.8.8/", Some(Refused::Credentials));
        check(Purpose::ProvesItself, "http://crt.r2m01.amazontrust.com/r2m01.cer", None);
        check(Purpose::ProvesItself, "http://169.254.169.254/latest", not_public("169.254.169.254"));
        check(Purpose::ProvesItself, "ftp://8.8.8.8/", Some(Refused::NotHttps));
        for odd in ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1.", "%31%32%37.0.0.1"] {
            check(Purpose::Untrusted, &format!("https://{odd}/"), not_public("127.0.0.1"));
        }
        check(Purpose::Untrusted, "https://[::ffff:10.0.0.1]/", not_public("::ffff:10.0.0.1"));
        check(Purpose::Untrusted, "https://169.254.169.254/latest", not_public("169.254.169.254"));
    }

    #[tokio::test]
    async fn localhost_and_literals_resolve_without_a_name_server() {
        let egress = Egress::new(&[]).expect("no extra root to go wrong");
        assert_eq!(egress.resolve("192.0.2.7").await.expect("itself"), [address("192.0.2.7")]);
        assert_eq!(egress.resolve("2001:db8::7").await.expect("itself"), [address("2001:db8::7")]);
        let local = egress.resolve("localhost").await.expect("loopback");
        assert!(local.iter().all(IpAddr::is_loopback) && !local.is_empty(), "{local:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
        let egress = Egress::new(&[]).expect("no extra root to go wrong");
        let request = egress.client(Purpose::Untrusted).get("https://localhost/x").expect("a name, judged later");
        let error = request.send().await.expect_err("refused");
        assert!(error.is_dns() && format!("{error:?}").contains("NotPublic"), "{error:?}");
    }

    /// Answers every connection with `answer`; counts them.
    async fn answering(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked: Arc<AtomicUsize> = Arc::default();
        let counting = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counting.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (address, asked)
    }

    fn ask(address: SocketAddr) -> RequestBuilder {
        let egress = Egress::new(&[]).expect("no extra root to go wrong");
        egress.client(Purpose::Operator).get(&format!("http://{address}/")).expect("loopback is allowed")
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let (inside, asked_inside) = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned()).await;
        for status in [301, 302, 303, 307, 308] {
            let moved = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{inside}/\r\ncontent-length: 0\r\n\r\n");
            let (address, asked) = answering(moved).await;
            assert_eq!(ask(address).send().await.expect("an answer").status().as_u16(), status);
            assert_eq!(asked.load(Ordering::Relaxed), 1);
        }
        assert_eq!(asked_inside.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_its_end() {
        let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(BODY_BYTES + 1));
        let (address, _) = answering(long).await;
        let response = ask(address).send().await.expect("an answer");
        assert!(matches!(read_limited(response).await, Err(BodyError::TooLong { limit: BODY_BYTES })));
    }

    #[test]
    fn an_unreadable_extra_root_is_an_error() {
        let nonsense = CertificateDer::from(vec![0; 9]);
        assert!(matches!(Egress::new(&[nonsense]), Err(EgressError::ExtraRoot(_))));
    }
}
