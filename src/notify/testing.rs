//! Providers that answer as a test wants, on loopback, and the messages that tests send to them.

use super::{Content, Headline, Message, Page};
use crate::domain::Severity;
use crate::domain::contact::Channel;
use crate::domain::time::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Signed the certificate that the fakes show, which is for `localhost`.
pub fn test_root() -> CertificateDer<'static> {
    let pem = include_bytes!("../../tests/data/tls/root.pem");
    CertificateDer::from_pem_slice(pem).expect("a sound certificate is checked in")
}

pub enum Reply {
    Say(String),
    /// The connection stays open and silent.
    Hang,
    HangUp,
}

impl Reply {
    /// `headers` are whole lines.
    pub fn http(status: u16, headers: &str, body: &str) -> Reply {
        let length = body.len();
        Reply::Say(format!("HTTP/1.1 {status} x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"))
    }
}

pub struct Fake {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers one connection per reply.
    pub async fn http(replies: Vec<Reply>) -> Fake {
        let (fake, listener) = Fake::listening().await;
        let heard = fake.heard.clone();
        tokio::spawn(async move {
            for reply in replies {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let Some(request) = http_request(&mut stream).await else { continue };
                heard.lock().expect("no test panics while it holds this").push(request);
                say(&mut stream, &reply).await;
            }
        });
        fake
    }

    /// A mail server that accepts everything but what `answers` says otherwise, by the first word of the command;
    /// `GREETING` is the beginning and `.` the end of the letter. The answer `hang` is silence, `drop` hangs up. A
    /// second entry for a command answers its second use.
    /// STARTTLS is offered and kept.
    pub async fn smtp(answers: &'static [(&'static str, &'static str)]) -> Fake {
        let (fake, listener) = Fake::listening().await;
        let heard = fake.heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                converse(Box::new(stream), answers, &heard).await;
            }
        });
        fake
    }

    /// The same server behind TLS.
    pub async fn behind_tls(&self) -> SocketAddr {
        let (front, listener) = Fake::listening().await;
        let back = self.address;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor().accept(stream).await else { continue };
                let Ok(mut plain) = TcpStream::connect(back).await else { return };
                // Either side may hang up whenever a test wants it to.
                drop(copy_bidirectional(&mut stream, &mut plain).await);
            }
        });
        front.address
    }

    /// An address where nobody listens.
    pub async fn closed_port() -> SocketAddr {
        Fake::listening().await.0.address
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests, or lines of a mail conversation.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panics while it holds this").clone()
    }

    async fn listening() -> (Fake, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound listener has an address");
        (Fake { address, heard: Arc::default() }, listener)
    }
}

async fn say(stream: &mut TcpStream, reply: &Reply) {
    match reply {
        // A client that has gone is what some tests are about.
        Reply::Say(text) => drop(stream.write_all(text.as_bytes()).await),
        Reply::Hang => std::future::pending().await,
        Reply::HangUp => {}
    }
}

/// `None` if what came is no HTTP request.
async fn http_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 || (bytes.len() > 8 && !bytes.starts_with(b"POST")) {
            return None;
        }
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../../tests/data/tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/data/tls/server.key"));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("a certificate")], key.expect("a key"))
        .expect("the key belongs to the certificate");
    TlsAcceptor::from(Arc::new(config))
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn converse(stream: Box<dyn Stream>, answers: &[(&str, &str)], heard: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(stream);
    let mut used: Vec<String> = Vec::new();
    let mut command = "GREETING".to_owned();
    let mut in_letter = false;
    loop {
        if !in_letter || command == "." {
            let uses = used.iter().filter(|earlier| **earlier == command).count();
            used.push(command.clone());
            let mut special = answers.iter().filter(|(known, _)| *known == command).map(|(_, answer)| *answer);
            let answer = match (special.nth(uses), command.as_str()) {
                (Some("hang"), _) => std::future::pending().await,
                (Some("drop"), _) => return,
                (Some(answer), _) => answer,
                (None, "GREETING") => "220 fake",
                (None, "EHLO") => "250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
                (None, "STARTTLS") => "220 go on",
                (None, "AUTH") => "235 welcome",
                (None, "DATA") => "354 go on",
                (None, "QUIT") => "221 bye",
                (None, _) => "250 fine",
            };
            in_letter = command == "DATA" && answer.starts_with("354");
            if stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                return;
            }
            if answer == "220 go on" {
                let Ok(secured) = acceptor().accept(stream.into_inner()).await else { return };
                stream = BufReader::new(Box::new(secured));
            }
        }
        let mut line = String::new();
        if !matches!(stream.read_line(&mut line).await, Ok(read) if read > 0) {
            return;
        }
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        command = if in_letter { line.clone() } else { line.split(' ').next().unwrap_or_default().to_uppercase() };
        heard.lock().expect("no test panics while it holds this").push(line);
    }
}

fn message(channel: Channel, to: &str, content: Content) -> Message {
    Message {
        message_id: "pp-k3x9m2qd-8841-1".to_owned(),
        channel,
        to: to.to_owned(),
        at: Timestamp::from_second(1_767_225_600),
        thread: None,
        content,
        nth: None,
    }
}

pub fn sms_message() -> Message {
    message(Channel::Sms, "+12025550123", Content::Test { asked_by: "Ana".to_owned() })
}

/// A mail whose texts try to be something else.
pub fn hostile_page() -> Message {
    let about = Headline {
        number: 7,
        severity: Severity::Error,
        title: "disk\r\nBcc: all@example.net\r\n.\r\nQUIT".to_owned(),
    };
    let page = Page {
        about,
        team: "Payments\nSubject: x".to_owned(),
        details: "first\r\n.\r\nMAIL FROM:<x@example.net>".to_owned(),
        why: vec!["Level 1\r\n.\r\nRSET".to_owned()],
        next: None,
        link: Some("https://pager.example.com/a/7hQ2mXk94TcaB8wzK3pLq9dRv5n".to_owned()),
        code: None,
        counter: "1/1".to_owned(),
    };
    let thread = Some("inc-k3x9m2qd-7".to_owned());
    Message { thread, ..message(Channel::Email, "ana@example.net", Content::Page(page)) }
}
