//! A small HTTP client for tests: one connection per request, no TLS, no redirects, no cookie jar, so that a test sees
//! exactly what the server said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HOST, HeaderMap};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Longer than anything on loopback takes, shorter than a person's patience with a hanging test.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// One request to be sent.
#[must_use = "nothing happens before `send`"]
pub struct Call {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    from: Ipv4Addr,
}

pub fn get(url: impl Into<String>) -> Call {
    call("GET", url)
}

pub fn post(url: impl Into<String>) -> Call {
    call("POST", url)
}

pub fn call(method: &'static str, url: impl Into<String>) -> Call {
    Call { method, url: url.into(), headers: Vec::new(), body: Vec::new(), from: Ipv4Addr::UNSPECIFIED }
}

impl Call {
    /// Adds a header; a `Host` takes the place of the URL's own.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Call {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    pub fn basic(self, user: &str, password: &str) -> Call {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        self.header("Authorization", format!("Basic {credentials}"))
    }

    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Call {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }

    pub fn json(self, body: &impl Serialize) -> Call {
        let body = serde_json::to_vec(body).expect("test data has string keys and no failing serializer");
        self.body("application/json", body)
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Call {
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        self.body("application/x-www-form-urlencoded", fields.join("&"))
    }

    /// Comes from this address. All of 127.0.0.0/8 is this machine, so that one test can be a crowd.
    pub fn from(mut self, address: Ipv4Addr) -> Call {
        self.from = address;
        self
    }

    /// Sends it and reads the whole answer, whatever its status. `Err` when there was none: refused, cut off, or
    /// slower than a minute.
    pub async fn send(self) -> io::Result<Answer> {
        match tokio::time::timeout(TIME_LIMIT, self.exchange()).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        }
    }

    async fn exchange(self) -> io::Result<Answer> {
        let bad_url = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{why}: {}", self.url));
        let uri: hyper::Uri = self.url.parse().map_err(|_| bad_url("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| bad_url("no host"))?.clone();
        let stream = self.connect(authority.host(), authority.port_u16().unwrap_or(80)).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().method(self.method).uri(path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header(HOST, authority.as_str());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body))).map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        connection.abort();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        if self.from.is_unspecified() {
            return TcpStream::connect((host, port)).await;
        }
        let to = host.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not an IPv4 address"))?;
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        socket.connect(SocketAddr::new(to, port)).await
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else, showing it.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the body of a {} answer: {}", self.status, self.text()))
    }

    /// A header as text; `None` if absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
