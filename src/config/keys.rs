//! The one table of settings: what each is called, what it means, what it must look like and what it is when unset.
//!
//! Reading, refusing, `config show`, the settings page, `.env.example` and `pagerpal.toml` all follow from it. To add a
//! setting, add its entry here, read it in `Config`, and let `UPDATE_GOLDEN=1 cargo test config::document` write the
//! two sample files. A setting belongs here only while something obeys it.

use super::values::{self, Network, WebOrigin};
use crate::age::Recipient;
use crate::secret::Secret;
use crate::telemetry;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A setting whose text becomes a `T`.
pub struct Key<T> {
    pub row: Row,
    /// The refusal completes the sentence "SMTP_PORT …" and never repeats the value, which may be a misplaced secret.
    pub parse: fn(&str) -> Result<T, String>,
}

/// What a setting is, whatever its type.
pub struct Row {
    /// The environment's name for it, and ours in messages.
    pub name: &'static str,
    /// The TOML table it stands in; empty for the top level.
    pub group: &'static str,
    pub field: &'static str,
    pub shape: Shape,
    pub default: Fallback,
    /// What the sample files show where there is no default to show.
    pub example: &'static str,
    /// Starts with a capital, ends with a full stop.
    pub meaning: &'static str,
}

/// How a value is written in TOML. In the environment all is text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Text,
    Number,
    Switch,
    /// Separated by commas in the environment; in TOML an array, or the same text.
    List,
    /// Text that is never shown, and may also come from a file or a systemd credential.
    Secret,
}

/// What holds when nothing is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fallback {
    Unset,
    Text(&'static str),
    /// Follows from something else, which these words name.
    Follows(&'static str),
}

impl Row {
    pub fn is_secret(&self) -> bool {
        self.shape == Shape::Secret
    }

    /// Whether SIGHUP is enough for a change of it; all else needs a restart.
    pub fn is_reread(&self) -> bool {
        matches!(self.group, "notification" | "escalation" | "infobip" | "smtp")
            || matches!(self.name, "ALLOWED_ORIGINS" | "LOG_LEVEL")
    }

    /// `smtp.port`, or `base_url` at the top level.
    pub fn toml_path(&self) -> String {
        if self.group.is_empty() { self.field.to_owned() } else { format!("{}.{}", self.group, self.field) }
    }
}

macro_rules! keys {
    ($($name:ident: $type:ty = $parse:path { $($row:tt)* })*) => {
        $(pub static $name: Key<$type> = Key { row: Row { name: stringify!($name), $($row)* }, parse: $parse };)*

        /// Every setting, in the order in which they are listed everywhere.
        pub static ROWS: &[&Row] = &[$(&$name.row),*];
    };
}

use Fallback::{Follows, Text, Unset};

keys! {
    PAGERPAL_BASE_URL: WebOrigin = values::web_origin {
        group: "", field: "base_url", shape: Shape::Text, default: Unset, example: "https://pager.example.org",
        meaning: "The address people open, as it stands in messages: scheme and host, no path.",
    }
    LISTEN_ADDRESS: SocketAddr = values::listen_address {
        group: "", field: "listen_address", shape: Shape::Text, default: Text("127.0.0.1:8000"), example: "",
        meaning: "The address and port the server listens on; put a TLS proxy in front before leaving loopback.",
    }
    DATA_DIR: PathBuf = values::path {
        group: "", field: "data_dir", shape: Shape::Text, default: Text("./pagerpal-data"), example: "",
        meaning: "The directory of the database and the generated secret key, on a local disk.",
    }
    SECRET_KEY: Secret<String> = values::strong_secret {
        group: "", field: "secret_key", shape: Shape::Secret,
        default: Follows("generated once and kept in DATA_DIR/secret.key"), example: "",
        meaning: "What this server signs with: 32 bytes or more, for example from `openssl rand -hex 32`.",
    }
    SESSION_COOKIE_SECURE: bool = values::switch {
        group: "", field: "session_cookie_secure", shape: Shape::Switch,
        default: Follows("true if PAGERPAL_BASE_URL is https"), example: "true",
        meaning: "Whether browsers may send the session cookie over https only.",
    }
    ALLOWED_ORIGINS: Vec<WebOrigin> = values::web_origins {
        group: "", field: "allowed_origins", shape: Shape::List,
        default: Follows("the origin of PAGERPAL_BASE_URL"), example: "https://pager.example.org",
        meaning: "Origins whose pages may call the API and post forms, such as https://portal.example.org.",
    }
    TRUSTED_PROXIES: Vec<Network> = values::networks {
        group: "", field: "trusted_proxies", shape: Shape::List, default: Text("127.0.0.0/8,::1"), example: "",
        meaning: "Addresses or networks of the proxies whose X-Forwarded headers are believed.",
    }
    TLS_CERT_FILE: PathBuf = values::path {
        group: "tls", field: "cert_file", shape: Shape::Text, default: Unset, example: "/etc/pagerpal/tls/fullchain.pem",
        meaning: "The PEM file of this server's certificate and its chain; read again when it changes.",
    }
    TLS_KEY_FILE: PathBuf = values::path {
        group: "tls", field: "key_file", shape: Shape::Text, default: Unset, example: "/etc/pagerpal/tls/privkey.pem",
        meaning: "The PEM file of the certificate's private key; both are set, or a TLS proxy stands in front.",
    }
    METRICS_LISTEN_ADDRESS: SocketAddr = values::listen_address {
        group: "", field: "metrics_listen_address", shape: Shape::Text, default: Unset, example: "127.0.0.1:9187",
        meaning: "Where Prometheus finds /metrics, without a credential: an address that only your monitoring reaches.",
    }
    HEARTBEAT_URL: Secret<String> = values::watcher_url {
        group: "", field: "heartbeat_url", shape: Shape::Secret, default: Unset, example: "https://watcher.example.org/ping/…",
        meaning: "An outside watcher's address, called each minute while paging works; it pages when this falls silent.",
    }
    EXTRA_CA_FILE: PathBuf = values::path {
        group: "", field: "extra_ca_file", shape: Shape::Text, default: Unset, example: "/etc/pagerpal/extra-ca.pem",
        meaning: "A PEM file of root certificates to trust besides the built-in ones, for an internal mail server.",
    }
    NOTIFICATION_SENDING_ENABLED: bool = values::switch {
        group: "notification", field: "sending_enabled", shape: Shape::Switch, default: Text("false"), example: "",
        meaning: "False is safe mode: every message is decided and recorded, and nothing leaves the machine.",
    }
    NOTIFICATION_RETRY_WORKER_ENABLED: bool = values::switch {
        group: "notification", field: "retry_worker_enabled", shape: Shape::Switch, default: Text("true"), example: "",
        meaning: "Whether failed messages are tried again by themselves.",
    }
    ESCALATION_WORKER_ENABLED: bool = values::switch {
        group: "escalation", field: "worker_enabled", shape: Shape::Switch, default: Text("true"), example: "",
        meaning: "Whether an incident nobody takes climbs to the next level by itself.",
    }
    INFOBIP_BASE_URL: String = values::provider_url {
        group: "infobip", field: "base_url", shape: Shape::Text, default: Unset,
        example: "https://xxxxx.api.infobip.com",
        meaning: "The base URL that Infobip shows for the account.",
    }
    INFOBIP_API_KEY: Secret<String> = values::api_key {
        group: "infobip", field: "api_key", shape: Shape::Secret, default: Unset, example: "",
        meaning: "The API key of the Infobip account.",
    }
    INFOBIP_SMS_SENDER: String = values::text {
        group: "infobip", field: "sms_sender", shape: Shape::Text, default: Unset, example: "PagerPal",
        meaning: "The number or name that text messages come from; without it no SMS is sent.",
    }
    INFOBIP_WHATSAPP_SENDER: String = values::text {
        group: "infobip", field: "whatsapp_sender", shape: Shape::Text, default: Unset, example: "447860099299",
        meaning: "The WhatsApp number that messages come from; it needs the template, too.",
    }
    INFOBIP_WHATSAPP_TEMPLATE: String = values::text {
        group: "infobip", field: "whatsapp_template", shape: Shape::Text, default: Unset, example: "pagerpal_incident",
        meaning: "The name of the approved WhatsApp template.",
    }
    INFOBIP_WHATSAPP_LANGUAGE: String = values::text {
        group: "infobip", field: "whatsapp_language", shape: Shape::Text, default: Text("en"), example: "",
        meaning: "The language the WhatsApp template was approved in.",
    }
    SMTP_HOST: String = values::host {
        group: "smtp", field: "host", shape: Shape::Text, default: Unset, example: "mail.example.org",
        meaning: "The mail server.",
    }
    SMTP_PORT: u16 = values::port {
        group: "smtp", field: "port", shape: Shape::Number, default: Text("587"), example: "",
        meaning: "The mail server's port.",
    }
    SMTP_FROM: String = values::mailbox {
        group: "smtp", field: "from", shape: Shape::Text, default: Unset, example: "PagerPal <pager@example.org>",
        meaning: "The address that mail comes from.",
    }
    SMTP_USERNAME: String = values::text {
        group: "smtp", field: "username", shape: Shape::Text, default: Unset, example: "pager@example.org",
        meaning: "The name to sign in to the mail server with, if it wants one; it needs the password, too.",
    }
    SMTP_PASSWORD: Secret<String> = values::secret_text {
        group: "smtp", field: "password", shape: Shape::Secret, default: Unset, example: "",
        meaning: "The password to sign in to the mail server with.",
    }
    SMTP_STARTTLS: bool = values::switch {
        group: "smtp", field: "starttls", shape: Shape::Switch, default: Text("true"), example: "",
        meaning: "Whether the connection must turn to TLS before anything is said; moot with SMTP_TLS.",
    }
    SMTP_TLS: bool = values::switch {
        group: "smtp", field: "tls", shape: Shape::Switch, default: Follows("true if SMTP_PORT is 465"),
        example: "false",
        meaning: "Whether the connection is TLS from its first byte; mail goes unencrypted only if this and SMTP_STARTTLS are both set to false.",
    }
    OIDC_ISSUER: String = values::issuer {
        group: "oidc", field: "issuer", shape: Shape::Text, default: Unset, example: "https://login.example.org",
        meaning: "The OpenID Connect provider people sign in with, exactly as it names itself.",
    }
    OIDC_CLIENT_ID: String = values::text {
        group: "oidc", field: "client_id", shape: Shape::Text, default: Unset, example: "pagerpal",
        meaning: "What the provider calls PagerPal; the redirect address to register there is PAGERPAL_BASE_URL and /login/oidc/callback.",
    }
    OIDC_CLIENT_SECRET: Secret<String> = values::secret_text {
        group: "oidc", field: "client_secret", shape: Shape::Secret, default: Unset, example: "",
        meaning: "The secret the provider gave PagerPal; none for a public client.",
    }
    OIDC_NAME: String = values::text {
        group: "oidc", field: "name", shape: Shape::Text, default: Text("single sign-on"), example: "",
        meaning: "What people call the provider: the button says Sign in with this.",
    }
    OIDC_SCOPES: String = values::text {
        group: "oidc", field: "scopes", shape: Shape::Text, default: Text("openid profile email"), example: "",
        meaning: "What is asked of the provider; some want another scope before they name groups.",
    }
    OIDC_ROLE_CLAIM: String = values::text {
        group: "oidc", field: "role_claim", shape: Shape::Text, default: Text("groups"), example: "",
        meaning: "The claim that lists a person's groups.",
    }
    OIDC_ADMIN_GROUPS: Vec<String> = values::texts {
        group: "oidc", field: "admin_groups", shape: Shape::List, default: Unset, example: "pager-admins",
        meaning: "Groups whose people are admins; while no group is named for any role, the provider decides no role.",
    }
    OIDC_RESPONDER_GROUPS: Vec<String> = values::texts {
        group: "oidc", field: "responder_groups", shape: Shape::List, default: Unset, example: "on-call",
        meaning: "Groups whose people are responders.",
    }
    OIDC_VIEWER_GROUPS: Vec<String> = values::texts {
        group: "oidc", field: "viewer_groups", shape: Shape::List, default: Unset, example: "staff",
        meaning: "Groups whose people are viewers.",
    }
    OIDC_CREATE_USERS: bool = values::switch {
        group: "oidc", field: "create_users", shape: Shape::Switch, default: Text("false"), example: "",
        meaning: "Whether somebody who signs in there and is unknown here becomes a user; otherwise an admin adds them first.",
    }
    BACKUP_INTERVAL: Option<Duration> = values::interval {
        group: "backup", field: "interval", shape: Shape::Text, default: Text("15m"), example: "",
        meaning: "How often the database is copied by itself, such as 15m, 6h or 1d; off takes none.",
    }
    BACKUP_DIR: PathBuf = values::path {
        group: "backup", field: "dir", shape: Shape::Text, default: Follows("DATA_DIR/backups"),
        example: "/mnt/backups/pagerpal",
        meaning: "Where automatic backups go; best on another disk, and copied off this machine.",
    }
    BACKUP_KEEP: u32 = values::count {
        group: "backup", field: "keep", shape: Shape::Number, default: Text("96"), example: "",
        meaning: "How many of the newest automatic backups are kept.",
    }
    BACKUP_KEEP_DAILY: u32 = values::count {
        group: "backup", field: "keep_daily", shape: Shape::Number, default: Text("30"), example: "",
        meaning: "For how many days the last backup of each day is kept besides.",
    }
    BACKUP_RECIPIENTS: Vec<Recipient> = values::recipients {
        group: "backup", field: "recipients", shape: Shape::List, default: Unset,
        example: "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        meaning: "Public keys of age: backups are encrypted so that only their secret keys, which belong elsewhere, open them.",
    }
    LOG_LEVEL: telemetry::Filter = values::log_filter {
        group: "log", field: "level", shape: Shape::Text, default: Text("info"), example: "",
        meaning: "One of off, error, warn, info, debug, trace; libraries can be added, as in `info,hyper=debug`.",
    }
    LOG_FORMAT: Option<telemetry::Form> = values::log_form {
        group: "log", field: "format", shape: Shape::Text, default: Text("auto"), example: "",
        meaning: "One of auto, journal, terminal, json; auto looks where the output goes.",
    }
}

/// The row of that name: `SMTP_PORT` in any case, or `smtp.port`.
pub fn row_called(name: &str) -> Option<&'static Row> {
    ROWS.iter().copied().find(|row| row.name.eq_ignore_ascii_case(name) || row.toml_path() == name)
}

/// The candidate that `word` was probably meant to be: at most two letters wrong, and fewer than half of it.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let scored = candidates.into_iter().map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate));
    let (score, candidate) = scored.min_by_key(|(score, _)| *score)?;
    (score <= 2 && score * 2 <= word.chars().count()).then_some(candidate)
}

/// Letters to insert, remove or replace, and neighbours to swap (optimal string alignment), a row of the table at a time.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut best = replaced.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_and_no_place_is_given_twice() {
        let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        let places: BTreeSet<String> = ROWS.iter().map(|row| row.toml_path()).collect();
        assert_eq!((names.len(), places.len()), (ROWS.len(), ROWS.len()));
    }

    #[test]
    fn every_meaning_is_a_sentence() {
        for row in ROWS {
            assert!(row.meaning.starts_with(char::is_uppercase) && row.meaning.ends_with('.'), "{}", row.name);
        }
    }

    #[test]
    fn a_typo_finds_what_was_meant() {
        let check =
            |word, expected| assert_eq!(nearest(word, ["port", "host", "starttls", "from"]), expected, "{word}");
        check("prot", Some("port"));
        check("HOTS", Some("host"));
        check("start_tls", Some("starttls"));
        check("form", Some("from"));
        check("x", None);
        check("password", None);
    }
}
