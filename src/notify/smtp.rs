//! Mail, handed to the operator's mail server over SMTP (RFC 5321).
//!
//! A connection per message: name resolved by `egress`, connected by address, TLS checked against the name. STARTTLS,
//! where it is on, is required. The conversation is led step by step, because what a failure means depends on how far
//! it had come: until the final dot nothing is in the server's hands, and after it silence may mean that it is.
//!
//! | the server | the outcome |
//! |---|---|
//! | 2xx after the final dot | accepted: handed over, which is all that mail can say |
//! | 4xx anywhere | temporary |
//! | 5xx at greeting, TLS, sign-in or sender; 530, 534, 535, 538 anywhere; no STARTTLS, no way to sign in | permanent, account-wide |
//! | 5xx at recipient, data or letter | permanent |
//! | silence, a lost connection or nonsense before the letter is sent | temporary |
//! | the same after | ambiguous: `Message-ID` makes a second copy the same mail |

use super::settings;
use super::{Message, Provider, Sending, compose, spoken, with_causes};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, Outcome};
use crate::egress::{CONNECT_LIMIT, Egress};
use lettre::address::Address;
use lettre::message::header::{Date, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::{Instant, timeout, timeout_at};

/// For each step of the conversation.
const STEP_LIMIT: Duration = Duration::from_secs(10);
/// For all steps together.
const CONVERSATION_LIMIT: Duration = Duration::from_secs(35);
/// For saying goodbye, which changes nothing any more.
const QUIT_LIMIT: Duration = Duration::from_millis(500);

pub struct Smtp {
    egress: Arc<Egress>,
    host: String,
    port: u16,
    from: Mailbox,
    login: Option<settings::Login>,
    security: Security,
    step_limit: Duration,
}

enum Security {
    Plain,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

impl Smtp {
    /// Refused, with a sentence for the operator, if the sender or the host's name is not one.
    pub fn new(settings: &settings::Smtp, egress: Arc<Egress>) -> Result<Smtp, String> {
        let from = settings.from.parse().map_err(|error| format!("SMTP_FROM is not a mail address: {error}"))?;
        let tls = || egress.mail_tls(&settings.host).map_err(|error| format!("SMTP_HOST: {}", with_causes(&error)));
        let security = match (settings.tls, settings.starttls) {
            (true, _) => Security::Tls(tls()?),
            (false, true) => Security::StartTls(tls()?),
            (false, false) => Security::Plain,
        };
        let (host, port, login) = (settings.host.clone(), settings.port, settings.login.clone());
        Ok(Smtp { egress, host, port, from, login, security, step_limit: STEP_LIMIT })
    }
}

impl Provider for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let (outcome, text) = match self.converse(message).await {
                Ok(response) => {
                    let lines: Vec<&str> = response.message().collect();
                    (Outcome::Accepted, format!("{} {}", response.code(), lines.join(" ")))
                }
                Err(failure) => (failure.outcome(), failure.to_string()),
            };
            let password = self.login.as_ref().map(|login| login.password.expose().as_str());
            let private: Vec<&str> = password.into_iter().chain(message.content.token()).collect();
            Answer { outcome, text: spoken(&text, &private) }
        })
    }
}

impl Smtp {
    async fn converse(&self, message: &Message) -> Result<Response, Failure> {
        let to: Address = message.to.parse().map_err(|_| Failure::unsendable("the recipient is not a mail address"))?;
        let letter = self.letter(message, &to)?;
        let steps = Steps { each: self.step_limit, all_until: Instant::now() + CONVERSATION_LIMIT };

        let resolved = self.egress.resolve(&self.host).await;
        let addresses = resolved.map_err(|error| Failure::new(Step::Connect, Reply::Nothing, &error))?;
        let addresses: Vec<SocketAddr> = addresses.iter().map(|ip| SocketAddr::new(*ip, self.port)).collect();

        // Our side of EHLO: an address literal would be truer and is what spammers send.
        let hello = ClientId::Domain(self.from.email.domain().to_owned());
        let from_start = match &self.security {
            Security::Tls(tls) => Some(tls.clone()),
            Security::StartTls(_) | Security::Plain => None,
        };
        let connecting =
            AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(CONNECT_LIMIT), &hello, from_start, None);
        let mut connection = steps.take(Step::Connect, connecting).await?;
        let sent = self.hand_over(&mut connection, &steps, &hello, to, &letter).await;
        if !matches!(&sent, Err(failure) if failure.reply == Reply::Nothing) {
            // The answer is known; how the server takes the goodbye cannot change it.
            let _ = timeout(QUIT_LIMIT, connection.quit()).await;
        }
        sent
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        steps: &Steps,
        hello: &ClientId,
        to: Address,
        letter: &[u8],
    ) -> Result<Response, Failure> {
        if let Security::StartTls(tls) = &self.security {
            steps.take(Step::StartTls, connection.starttls(tls.clone(), hello)).await?;
        }
        if let Some(login) = &self.login {
            let credentials = Credentials::new(login.username.clone(), login.password.expose().clone());
            steps.take(Step::SignIn, connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials)).await?;
        }
        let from = self.from.email.clone();
        let mut parameters = Vec::new();
        if !format!("{from}{to}").is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failure::unsendable("the mail server takes only addresses of ASCII letters"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        steps.take(Step::Sender, connection.command(Mail::new(Some(from), parameters))).await?;
        steps.take(Step::Recipient, connection.command(Rcpt::new(to, vec![]))).await?;
        let ready = steps.take(Step::Data, connection.command(Data)).await?;
        if !ready.has_code(354) {
            // It would read the letter as commands.
            return Err(Failure::new(Step::Data, Reply::Nothing, &format!("unexpected {}", ready.code())));
        }
        let taken = steps.take(Step::Letter, connection.message(letter)).await?;
        let code = u16::from(taken.code());
        if code >= 300 {
            return Err(Failure::new(Step::Letter, Reply::Nothing, &format!("unexpected {code}")));
        }
        Ok(taken)
    }

    /// The same bytes for the same message, whenever it is built.
    fn letter(&self, message: &Message, to: &Address) -> Result<Vec<u8>, Failure> {
        let mail = compose::email(&message.content);
        let host = self.from.email.domain();
        let date = UNIX_EPOCH + Duration::from_secs(message.at.as_second().unsigned_abs());
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(mail.subject)
            .header(Date::new(date))
            .message_id(Some(format!("<{}@{host}>", message.message_id)))
            .header(AutoSubmitted);
        if let Some(thread) = &message.thread {
            builder = builder.references(format!("<{thread}@{host}>"));
        }
        let body = MultiPart::alternative().boundary(format!("={}=", message.message_id));
        let body = body.singlepart(SinglePart::plain(mail.text)).singlepart(SinglePart::html(mail.html));
        let letter = builder.multipart(body).map_err(|error| Failure::unsendable(&error.to_string()))?;
        Ok(letter.formatted())
    }
}

/// RFC 3834: no out-of-office answer, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Before the conversation: the message itself.
    Compose,
    /// Name, connection, TLS from the first byte, greeting and EHLO.
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Data,
    /// The letter with its final dot, and what the server says to it.
    Letter,
}

impl Step {
    fn words(self) -> &'static str {
        match self {
            Step::Compose => "not sent",
            Step::Connect => "connecting",
            Step::StartTls => "STARTTLS",
            Step::SignIn => "signing in",
            Step::Sender => "sender",
            Step::Recipient => "recipient",
            Step::Data => "DATA",
            Step::Letter => "after the letter",
        }
    }
}

/// What the server said when a step failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reply {
    /// A code of 400 or more.
    Code(u16),
    /// It lacks what the step needs: STARTTLS, a way to sign in.
    Unsupported,
    /// Nothing, or nothing that can be read.
    Nothing,
}

struct Failure {
    step: Step,
    reply: Reply,
    words: String,
}

impl Failure {
    fn new(step: Step, reply: Reply, words: &dyn fmt::Display) -> Failure {
        Failure { step, reply, words: words.to_string() }
    }

    /// No server would take this message.
    fn unsendable(why: &str) -> Failure {
        Failure::new(Step::Compose, Reply::Unsupported, &why)
    }

    fn outcome(&self) -> Outcome {
        let for_all = matches!(self.step, Step::Connect | Step::StartTls | Step::SignIn | Step::Sender);
        match self.reply {
            Reply::Code(530 | 534 | 535 | 538) => Outcome::Permanent { account_wide: true },
            Reply::Code(500..) | Reply::Unsupported => Outcome::Permanent { account_wide: for_all },
            Reply::Code(_) => Outcome::Temporary { retry_after_secs: None },
            Reply::Nothing if self.step == Step::Letter => Outcome::Ambiguous,
            Reply::Nothing => Outcome::Temporary { retry_after_secs: None },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.step.words(), self.words)
    }
}

/// The clock of one conversation.
struct Steps {
    each: Duration,
    all_until: Instant,
}

impl Steps {
    async fn take<T>(
        &self,
        step: Step,
        doing: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, Failure> {
        let until = self.all_until.min(Instant::now() + self.each);
        let done = timeout_at(until, doing).await;
        let done = done.map_err(|_| Failure::new(step, Reply::Nothing, &"no answer in time"))?;
        done.map_err(|error| {
            let reply = match error.status() {
                Some(code) => Reply::Code(code.into()),
                None if error.is_client() && matches!(step, Step::StartTls | Step::SignIn) => Reply::Unsupported,
                None => Reply::Nothing,
            };
            Failure::new(step, reply, &with_causes(&error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, hostile_page, test_root};
    use super::*;
    use crate::secret::Secret;
    use rustls::pki_types::CertificateDer;

    const TEMPORARY: Outcome = Outcome::Temporary { retry_after_secs: None };
    const PERMANENT: Outcome = Outcome::Permanent { account_wide: false };
    const ACCOUNT: Outcome = Outcome::Permanent { account_wide: true };

    /// `roots` are trusted besides Mozilla's.
    fn smtp(address: SocketAddr, starttls: bool, tls: bool, roots: &[CertificateDer<'static>]) -> Smtp {
        let settings = settings::Smtp {
            host: "localhost".to_owned(),
            port: address.port(),
            from: "PagerPal <pager@example.com>".to_owned(),
            login: Some(settings::Login { username: "pager".to_owned(), password: Secret::new("hunter2".to_owned()) }),
            starttls,
            tls,
        };
        let egress = Arc::new(Egress::new(roots).expect("a sound root or none"));
        Smtp::new(&settings, egress).expect("sound settings")
    }

    fn plain(address: SocketAddr) -> Smtp {
        smtp(address, false, false, &[])
    }

    async fn check(answers: &'static [(&'static str, &'static str)], outcome: Outcome, text: &str) {
        let fake = Fake::smtp(answers).await;
        let mut provider = plain(fake.address);
        if answers.iter().any(|(_, answer)| *answer == "hang") {
            provider.step_limit = Duration::from_millis(200);
        }
        let answer = provider.send(&hostile_page()).await;
        assert_eq!(answer.outcome, outcome, "{answers:?}: {}", answer.text);
        assert!(answer.text.contains(text), "{answers:?}: {}", answer.text);
        assert!(!answer.text.contains("hunter2") && !answer.text.contains("7hQ2"), "{}", answer.text);
        let letters = fake.heard().iter().filter(|line| *line == "DATA").count();
        assert!(letters <= 1, "one attempt, one letter");
    }

    #[tokio::test]
    async fn every_answer_has_its_outcome() {
        check(&[], Outcome::Accepted, "250 fine").await;
        check(&[(".", "250 2.0.0 queued as 4F2")], Outcome::Accepted, "250 2.0.0 queued as 4F2").await;

        check(&[("GREETING", "421 too busy")], TEMPORARY, "connecting: transient error (421): too busy").await;
        check(&[("GREETING", "554 go away")], ACCOUNT, "go away").await;
        check(&[("EHLO", "hang")], TEMPORARY, "connecting: no answer in time").await;
        check(&[("AUTH", "535 wrong password")], ACCOUNT, "signing in: permanent error (535): wrong password").await;
        check(&[("AUTH", "535 no: hunter2")], ACCOUNT, "(removed)").await;
        check(&[("AUTH", "454 later")], TEMPORARY, "later").await;
        check(&[("EHLO", "250 fake")], ACCOUNT, "authentication mechanism").await;
        check(&[("MAIL", "550 not your domain")], ACCOUNT, "sender").await;
        check(&[("MAIL", "530 sign in first")], ACCOUNT, "sender").await;
        check(&[("RCPT", "450 greylisted")], TEMPORARY, "greylisted").await;
        check(&[("RCPT", "550 no such user")], PERMANENT, "no such user").await;
        check(&[("RCPT", "530 sign in first")], ACCOUNT, "sign in first").await;
        check(&[("RCPT", "drop")], TEMPORARY, "recipient").await;
        check(&[("DATA", "hang")], TEMPORARY, "DATA: no answer in time").await;
        check(&[("DATA", "250 what")], TEMPORARY, "unexpected 250").await;

        check(&[(".", "452 disk full")], TEMPORARY, "disk full").await;
        check(&[(".", "554 spam: /a/7hQ2mXk94TcaB8wzK3pLq9dRv5n")], PERMANENT, "spam: /a/(removed)").await;
        check(&[(".", "drop")], Outcome::Ambiguous, "after the letter").await;
        check(&[(".", "hang")], Outcome::Ambiguous, "after the letter: no answer in time").await;
        check(&[(".", "nonsense")], Outcome::Ambiguous, "after the letter").await;
        check(&[(".", "354 more")], Outcome::Ambiguous, "unexpected 354").await;
        check(&[("QUIT", "drop")], Outcome::Accepted, "250").await;
    }

    #[tokio::test]
    async fn mail_leaves_by_tls_from_the_start_or_after_a_greeting() {
        let fake = Fake::smtp(&[]).await;
        let answer = smtp(fake.address, true, false, &[test_root()]).send(&hostile_page()).await;
        assert_eq!(answer.outcome, Outcome::Accepted, "{}", answer.text);
        let commands = fake.heard();
        assert_eq!(commands[1..3], ["STARTTLS", &commands[0]], "and EHLO again");

        let answer = smtp(fake.behind_tls().await, true, true, &[test_root()]).send(&hostile_page()).await;
        assert_eq!(answer.outcome, Outcome::Accepted, "{}", answer.text);
    }

    #[tokio::test]
    async fn no_password_and_no_letter_leave_without_the_tls_that_was_asked_for() {
        let no_offer = Fake::smtp(&[("EHLO", "250-fake\r\n250 AUTH PLAIN")]).await;
        let nonsense = Fake::smtp(&[("STARTTLS", "220 go\r\nplain text")]).await;
        let stranger = Fake::smtp(&[]).await;
        let behind = stranger.behind_tls().await;
        for (provider, outcome) in [
            (smtp(no_offer.address, true, false, &[test_root()]), ACCOUNT),
            (smtp(nonsense.address, true, false, &[test_root()]), TEMPORARY),
            (smtp(stranger.address, true, false, &[]), TEMPORARY),
            (smtp(behind, false, true, &[]), TEMPORARY),
        ] {
            let answer = provider.send(&hostile_page()).await;
            assert_eq!(answer.outcome, outcome, "{}", answer.text);
        }
        for fake in [no_offer, nonsense, stranger] {
            let heard = fake.heard();
            assert!(!heard.iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{heard:?}");
        }
    }

    #[tokio::test]
    async fn before_there_is_a_connection_nothing_was_sent() {
        let closed = Fake::closed_port().await;
        assert_eq!(plain(closed).send(&hostile_page()).await.outcome, TEMPORARY);
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_refused_here() {
        let fake = Fake::smtp(&[]).await;
        for to in ["ana", "ana@example.net>\r\nRCPT TO:<all@example.net", "+12025550123", ""] {
            let message = Message { to: to.to_owned(), ..hostile_page() };
            assert_eq!(plain(fake.address).send(&message).await.outcome, PERMANENT, "{to:?}");
        }
        let message = Message { to: "añа@example.net".to_owned(), ..hostile_page() };
        let answer = plain(fake.address).send(&message).await;
        assert_eq!(answer.outcome, PERMANENT, "{}", answer.text);
        assert!(!fake.heard().iter().any(|line| line.starts_with("RCPT")));
    }

    #[tokio::test]
    async fn a_hostile_title_stays_in_its_header_and_a_repeat_is_the_same_mail() {
        let fake = Fake::smtp(&[]).await;
        let provider = plain(fake.address);
        for _ in 0..2 {
            assert_eq!(provider.send(&hostile_page()).await.outcome, Outcome::Accepted);
        }
        let heard = fake.heard();
        let conversation = heard.split(|line| line == "QUIT").map(<[String]>::to_vec).collect::<Vec<_>>();
        assert_eq!(conversation[0], conversation[1], "byte for byte");
        let lines = &conversation[0];
        assert_eq!(lines.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
        assert_eq!(lines.iter().filter(|line| *line == ".").count(), 1, "dots inside are doubled");

        let start = lines.iter().position(|line| line == "DATA").expect("a letter") + 1;
        let headers: Vec<&str> =
            lines[start..].iter().map(String::as_str).take_while(|line| !line.is_empty()).collect();
        for expected in [
            "From: PagerPal <pager@example.com>",
            "To: ana@example.net",
            "Subject: [#7 ERROR] disk Bcc: all@example.net . QUIT",
            "Date: Thu, 01 Jan 2026 00:00:00 +0000",
            "Message-ID: <pp-k3x9m2qd-8841-1@example.com>",
            "References: <inc-k3x9m2qd-7@example.com>",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(headers.contains(&expected), "{expected} in {headers:#?}");
        }
        let names: Vec<&str> = headers.iter().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
        assert!(!names.contains(&"Bcc") && !names.contains(&"Precedence"), "{names:?}");
        assert!(
            lines.iter().any(|line| line == "Take it: https://pager.example.com/a/7hQ2mXk94TcaB8wzK3pLq9dRv5n"),
            "{lines:#?}"
        );
    }

    #[test]
    fn a_sender_that_is_no_address_is_named() {
        let egress = Arc::new(Egress::new(&[]).expect("no extra root to go wrong"));
        let settings = settings::Smtp {
            host: "mail.example.net".to_owned(),
            port: 587,
            from: "pager".to_owned(),
            login: None,
            starttls: true,
            tls: false,
        };
        let refused = Smtp::new(&settings, egress).err().expect("refused");
        assert!(refused.starts_with("SMTP_FROM is not a mail address"), "{refused}");
    }
}
