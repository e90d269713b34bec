//! A real mail server: Exim on a loopback port, delivering everything for `example.test` to one mailbox.
//!
//! It offers STARTTLS with a certificate of its own making for `localhost`, 127.0.0.1 and [`ELSEWHERE`], and AUTH PLAIN over it. Sender
//! addresses are taken as they come. Recipients elsewhere are refused with 550, and `later@example.test` is put off with
//! 451, so that a test can see both kinds of failure. Mails are read with Python's parser, not with one that the sender under test might share.

use crate::process::{Launch, Process, folder, free_port};
use crate::programs::{program, python, script};
use rustix::process::{getgid, getuid};
use serde::Deserialize;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The user and password that AUTH accepts.
pub const USER: &str = "pager";
pub const PASSWORD: &str = "mail-password";

/// A name that no machine knows by itself, for tests that ask a name server of their own.
pub const ELSEWHERE: &str = "elsewhere.pager.test";

const START: Duration = Duration::from_secs(20);
/// How often the mailbox is looked into: a delivery takes a few processes, so some tens of milliseconds.
const POLL: Duration = Duration::from_millis(20);

pub struct MailServer {
    port: u16,
    // Dropped in this order: the server goes before its folder.
    _exim: Process,
    folder: TempDir,
}

/// One delivered mail.
#[derive(Debug, Deserialize)]
pub struct Mail {
    /// Names as written and values decoded, in order; `Return-path` and `Envelope-to`, which the server adds, say how
    /// it was addressed.
    pub headers: Vec<(String, String)>,
    pub text: String,
    /// Empty if there is no such part.
    pub html: String,
    /// What a strict reader found wrong with it.
    pub defects: Vec<String>,
    /// The bytes as they were stored.
    #[serde(skip)]
    pub source: Vec<u8>,
}

impl Mail {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl MailServer {
    /// Starts the server and waits until it listens.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> MailServer {
        let folder = folder("smtp");
        let port = free_port();
        make_certificate(folder.path());
        // Deliveries may be made as somebody else, who must get in and write.
        let (enter, write) = (fs::Permissions::from_mode(0o711), fs::Permissions::from_mode(0o777));
        for name in ["spool", "log", "mail"] {
            fs::create_dir(folder.path().join(name)).expect("a folder in a temporary folder");
        }
        fs::set_permissions(folder.path(), enter).expect("our own folder");
        fs::set_permissions(folder.path().join("mail"), write).expect("our own folder");
        let configuration = folder.path().join("exim.conf");
        fs::write(&configuration, configure(folder.path())).expect("a file in a temporary folder");
        let mut exim = Launch::new(program("exim4"), folder.path())
            .args(["-bdf", "-oX", &format!("127.0.0.1.{port}"), "-C"])
            .arg(&configuration)
            .start();
        exim.wait_until_listens(port, START).await.unwrap_or_else(|why| panic!("{why}"));
        MailServer { port, _exim: exim, folder }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate, in PEM, that a client must trust to use STARTTLS with the name `localhost` or [`ELSEWHERE`].
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Its key, for a server that stands beside this one under the same names.
    pub fn private_key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// What arrived so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.files().iter().map(|file| read(file)).collect()
    }

    /// Waits until this many mails arrived, and returns them all.
    ///
    /// # Panics
    /// When `within` has passed, with the server's log.
    pub async fn wait_for(&self, count: usize, within: Duration) -> Vec<Mail> {
        let deadline = Instant::now() + within;
        while self.files().len() < count {
            let arrived = self.files().len();
            assert!(Instant::now() < deadline, "{arrived} of {count} mails within {within:?}\n{}", self.log());
            tokio::time::sleep(POLL).await;
        }
        self.mails()
    }

    /// The server's own account of every connection.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log/mainlog")).unwrap_or_default()
    }

    /// A mail appears in `new` by renaming, so what is there is whole, and its time is that of its last byte.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("mail/new")).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort_by_key(|file| fs::metadata(file).and_then(|data| data.modified()).ok());
        files
    }
}

fn read(file: &Path) -> Mail {
    let output = Command::new(python()).arg(script("read_mail.py")).arg(file).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mail: Mail = serde_json::from_slice(&output.stdout).expect("the script prints one mail");
    Mail { source: fs::read(file).expect("a mail stays where it was delivered"), ..mail }
}

/// Not a certificate authority: clients refuse to see one at the other end of a connection, and take an end
/// certificate as its own anchor.
fn make_certificate(folder: &Path) {
    let output = Command::new(program("openssl"))
        .current_dir(folder)
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext"])
        .arg(format!("subjectAltName=DNS:localhost,DNS:{ELSEWHERE},IP:127.0.0.1"))
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "cert.pem"])
        .output()
        .expect("openssl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Everything runs as whoever runs the test; Exim would otherwise become its own user, who cannot write here. Only
/// deliveries are never made as root: that is compiled in.
fn configure(folder: &Path) -> String {
    let (folder, user, group) = (folder.display(), getuid().as_raw(), getgid().as_raw());
    let mailbox_owner =
        if user == 0 { "user = nobody".to_string() } else { format!("user = {user}\n  group = {group}") };
    format!(
        r"
primary_hostname = localhost
domainlist ours = example.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
exim_user = {user}
exim_group = {group}
deliver_drop_privilege = {unprivileged}
keep_environment =
# Nothing is looked up: there is no network to ask.
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
acl_smtp_rcpt = recipient

begin acl
recipient:
  defer domains = +ours
        local_parts = later
        message = try again later
  accept domains = +ours
  deny message = nobody lives there

begin routers
everybody:
  driver = accept
  transport = mailbox

begin transports
mailbox:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  delivery_date_add
  envelope_to_add
  return_path_add
  {mailbox_owner}

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USER}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
",
        unprivileged = user != 0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client that shares nothing with PagerPal's: STARTTLS verified against the certificate, AUTH, one mail, one
    /// refused recipient.
    const CLIENT: &str = r#"
import smtplib, ssl, sys
from email.message import EmailMessage
port, certificate, user, password = sys.argv[1:]
mail = EmailMessage()
mail["From"], mail["To"] = "PagerPal <pager@example.test>", "alice@example.test"
mail["Subject"] = "[#12 CRITICAL] Größe überschritten"
mail["Message-ID"] = "<pp-1@pager.test>"
mail.set_content("Disk full\n.a line with a dot\n")
with smtplib.SMTP("localhost", int(port), timeout=20) as server:
    server.starttls(context=ssl.create_default_context(cafile=certificate))
    try:
        server.login(user, "wrong")
        sys.exit("a wrong password was taken")
    except smtplib.SMTPAuthenticationError as refusal:
        assert refusal.smtp_code == 535
    server.login(user, password)
    server.send_message(mail)
    for recipient, code in [("bob@elsewhere.test", 550), ("later@example.test", 451)]:
        try:
            server.sendmail("pager@example.test", [recipient], "Subject: x\r\n\r\n")
            sys.exit(f"{recipient} was taken")
        except smtplib.SMTPRecipientsRefused as refusal:
            assert refusal.recipients[recipient][0] == code, refusal
"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mail_sent_over_tls_is_delivered_and_read() {
        let server = MailServer::start().await;
        let (port, certificate) = (server.port().to_string(), server.certificate());
        let run = tokio::process::Command::new(python())
            .args(["-c", CLIENT, &port])
            .arg(certificate)
            .args([USER, PASSWORD])
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(60), run).await.expect("it ends").expect("it starts");
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), server.log());

        let mails = server.wait_for(1, Duration::from_secs(20)).await;
        let mail = &mails[0];
        assert_eq!(mail.header("Subject"), Some("[#12 CRITICAL] Größe überschritten"));
        assert_eq!(mail.header("message-id"), Some("<pp-1@pager.test>"));
        assert_eq!(mail.header("Envelope-to"), Some("alice@example.test"));
        assert_eq!(mail.text.replace("\r\n", "\n"), "Disk full\n.a line with a dot\n");
        assert_eq!((mail.html.as_str(), mail.defects.len(), mails.len()), ("", 0, 1));
        assert!(server.log().contains("TLS1."), "{}", server.log());
    }
}
