//! The configuration of the machine: read once at start, from defaults, a file, `.env`, the environment and flags.
//!
//! [`load`] finds every mistake before it answers, each with its place and its remedy. A mistake is *fatal* when going
//! on would mean guessing; it *degrades* when one provider is set up by half, because a typo for mail must not stop
//! SMS. What people and rules are is not here: that is edited in the browser and stored.
//!
//! [`keys`] says which settings there are, [`sources`] where their texts come from, [`values`] what a text may be, and
//! [`document`] writes the two sample files. No secret is ever in a [`Problem`], a [`Setting`] or a `Debug`.

mod backups;
pub mod document;
mod env_file;
pub mod keys;
mod providers;
mod reader;
mod secret_key;
mod sign_on;
pub mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod toml_file;
pub mod values;

pub use self::backups::Backups;
use self::keys::ROWS;
pub use self::providers::{Infobip, Providers, Smtp, WhatsApp};
use self::reader::Reader;
pub use self::sign_on::SignOn;
pub use self::sources::Sources;
pub use self::values::{Network, WebOrigin};
use crate::secret::Secret;
use crate::telemetry;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::{env, fmt, fs};

/// What this process is told to do, checked.
#[derive(Clone)]
pub struct Config {
    /// The address in messages; without it they carry no links.
    pub base_url: Option<WebOrigin>,
    pub listen_address: SocketAddr,
    pub data_dir: PathBuf,
    /// `None`: one is generated. [`Config::secret_key`] answers either way.
    given_secret_key: Option<Secret<String>>,
    pub session_cookie_secure: bool,
    pub allowed_origins: Vec<WebOrigin>,
    pub trusted_proxies: Vec<Network>,
    /// Roots to trust besides the built-in ones, for outgoing connections.
    /// Certificate and key, both in PEM files.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub metrics_listen_address: Option<SocketAddr>,
    /// Of an outside watcher.
    pub heartbeat_url: Option<Secret<String>>,
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// False is safe mode.
    pub notification_sending_enabled: bool,
    pub notification_retry_worker_enabled: bool,
    pub escalation_worker_enabled: bool,
    pub providers: Providers,
    /// The provider people may sign in with.
    pub sign_on: Option<SignOn>,
    pub backups: Backups,
    pub log_filter: telemetry::Filter,
    /// `None`: [`telemetry::Form::automatic`].
    pub log_form: Option<telemetry::Form>,
    /// Every setting as it is in effect, in the order of [`ROWS`].
    pub settings: Vec<Setting>,
    /// What is switched off or weakened by a mistake; a red strip on every page.
    pub problems_degraded: Vec<Problem>,
    /// What works, and was probably not meant.
    pub warnings: Vec<Problem>,
}

/// One setting as `config show` and the settings page show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    pub name: &'static str,
    /// A secret reads `set, 32 bytes`.
    pub value: String,
    /// `environment`, `.env:3`, `pagerpal.toml:12`, `flag`, `SECRET_KEY_FILE, environment`, `default`.
    pub origin: String,
    pub meaning: &'static str,
}

impl Setting {
    /// See [`keys::Row::is_reread`].
    pub fn is_reread(&self) -> bool {
        ROWS.iter().any(|row| row.name == self.name && row.is_reread())
    }
}

/// A mistake: where it is, then what it is, what follows from it and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub place: String,
    pub sentence: String,
}

impl Problem {
    pub fn new(place: impl Into<String>, sentence: impl Into<String>) -> Problem {
        Problem { place: place.into(), sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.place, self.sentence)
    }
}

/// All that is wrong, the fatal first.
#[derive(Clone, Debug)]
pub struct Invalid {
    pub problems: Vec<Problem>,
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the configuration is not valid:")?;
        self.problems.iter().try_for_each(|problem| write!(out, "\n  {problem}"))
    }
}

impl Config {
    /// The settings that are not what `running` has and need a restart to take effect.
    pub fn changed_until_restart(&self, running: &Config) -> Vec<&'static str> {
        let key = |config: &Config| config.given_secret_key.as_ref().map(|key| key.expose().clone());
        let client = |config: &Config| {
            let secret = config.sign_on.as_ref().and_then(|provider| provider.client_secret.as_ref());
            secret.map(|secret| secret.expose().clone())
        };
        // Of secrets, the shown value is no more than a length.
        let differs = |(new, old): &(&Setting, &Setting)| match new.name {
            "SECRET_KEY" => key(self) != key(running),
            "OIDC_CLIENT_SECRET" => client(self) != client(running),
            _ => new.value != old.value,
        };
        let pairs = self.settings.iter().zip(&running.settings);
        pairs.filter(|(new, _)| !new.is_reread()).filter(differs).map(|(new, _)| new.name).collect()
    }
}

/// Prints what `config show` prints: settings and origins, no secret.
impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map().entries(self.settings.iter().map(|setting| (setting.name, &setting.value))).finish()
    }
}

/// Reads the process's environment and the files it points to. `flags` is by the environment's names.
pub fn load_from_process(
    config_file: Option<PathBuf>,
    flags: BTreeMap<&'static str, String>,
) -> Result<Config, Invalid> {
    // What is not UTF-8 is kept in a form that every check refuses, instead of being passed over.
    let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
    let env = env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    load(&Sources { flags, env, config_file, read_file: &|path| fs::read(path) })
}

/// The configuration, or everything that is wrong with it.
pub fn load(sources: &Sources<'_>) -> Result<Config, Invalid> {
    let gathered = sources::gather(sources);
    let mut reader = Reader {
        found: gathered.found,
        unusable: gathered.unusable,
        settings: Vec::new(),
        fatal: gathered.fatal,
        degraded: Vec::new(),
        warnings: gathered.warnings,
    };
    let config = config(&mut reader, sources);
    let Reader { mut settings, fatal, degraded, warnings, .. } = reader;
    settings.sort_by_key(|setting| ROWS.iter().position(|row| row.name == setting.name));
    match config {
        Some(config) if fatal.is_empty() => Ok(Config { settings, problems_degraded: degraded, warnings, ..config }),
        _ => Err(Invalid { problems: [fatal, degraded, warnings].concat() }),
    }
}

/// Reads every setting even after one was refused, so that all refusals are heard. `None` only with a fatal problem.
fn config(reader: &mut Reader, sources: &Sources<'_>) -> Option<Config> {
    let base_url = reader.read(&keys::PAGERPAL_BASE_URL);
    let listen_address = reader.read(&keys::LISTEN_ADDRESS);
    let data_dir = reader.read(&keys::DATA_DIR);
    let given_secret_key = reader.read(&keys::SECRET_KEY).ok();
    let session_cookie_secure = session_cookie_secure(reader, base_url.as_ref().ok());
    let allowed_origins = allowed_origins(reader, base_url.as_ref().ok());
    let trusted_proxies = reader.read(&keys::TRUSTED_PROXIES);
    let tls = tls(reader);
    let metrics_listen_address = reader.read(&keys::METRICS_LISTEN_ADDRESS);
    let heartbeat_url = reader.read(&keys::HEARTBEAT_URL);
    let extra_roots = extra_roots(reader, sources);
    let notification_sending_enabled = reader.read(&keys::NOTIFICATION_SENDING_ENABLED);
    let notification_retry_worker_enabled = reader.read(&keys::NOTIFICATION_RETRY_WORKER_ENABLED);
    let escalation_worker_enabled = reader.read(&keys::ESCALATION_WORKER_ENABLED);
    let providers = providers::read(reader);
    let sign_on = sign_on::read(reader);
    let backups = backups::read(reader, data_dir.as_deref().ok());
    let log_filter = reader.read(&keys::LOG_LEVEL);
    let log_form = reader.read(&keys::LOG_FORMAT);
    if let Ok(url) = &base_url
        && !url.is_https()
        && !url.is_loopback()
    {
        let sentence = "is http: passwords and sessions travel in the clear; put a TLS proxy in front and use https";
        reader.warnings.push(reader.about(&keys::PAGERPAL_BASE_URL.row, sentence));
    }
    Some(Config {
        base_url: base_url.ok(),
        listen_address: listen_address.ok()?,
        data_dir: data_dir.ok()?,
        given_secret_key,
        session_cookie_secure,
        allowed_origins,
        trusted_proxies: trusted_proxies.ok()?,
        tls,
        metrics_listen_address: metrics_listen_address.ok(),
        heartbeat_url: heartbeat_url.ok(),
        extra_roots,
        notification_sending_enabled: notification_sending_enabled.ok()?,
        notification_retry_worker_enabled: notification_retry_worker_enabled.ok()?,
        escalation_worker_enabled: escalation_worker_enabled.ok()?,
        providers,
        sign_on,
        backups: backups.ok()?,
        log_filter: log_filter.ok()?,
        log_form: log_form.ok()?,
        settings: Vec::new(),
        problems_degraded: Vec::new(),
        warnings: Vec::new(),
    })
}

fn session_cookie_secure(reader: &mut Reader, base_url: Option<&WebOrigin>) -> bool {
    let key = &keys::SESSION_COOKIE_SECURE;
    let follows = base_url.is_some_and(WebOrigin::is_https);
    let secure = reader.read_or(key, follows, follows);
    let contradiction = match base_url {
        Some(url) if secure && !url.is_https() => {
            "is true, but PAGERPAL_BASE_URL is http: browsers would not send the cookie, and nobody could sign in; \
             remove this setting, or use https"
        }
        Some(url) if !secure && url.is_https() => {
            "is false, but PAGERPAL_BASE_URL is https: a session could be read on its way; remove this setting"
        }
        _ => return secure,
    };
    if reader.is_set(&key.row) {
        reader.degraded.push(reader.about(&key.row, contradiction));
    }
    secure
}

fn allowed_origins(reader: &mut Reader, base_url: Option<&WebOrigin>) -> Vec<WebOrigin> {
    let own: Vec<WebOrigin> = base_url.into_iter().cloned().collect();
    let shown = own.first().map_or("not set", WebOrigin::as_str).to_owned();
    reader.read_or(&keys::ALLOWED_ORIGINS, own, shown)
}

/// One without the other is fatal: passwords would cross the network in the clear behind the operator's back.
fn tls(reader: &mut Reader) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = (reader.read(&keys::TLS_CERT_FILE).ok(), reader.read(&keys::TLS_KEY_FILE).ok());
    let missing = match (&certificate, &key) {
        (Some(_), None) => (&keys::TLS_CERT_FILE, "TLS_KEY_FILE"),
        (None, Some(_)) => (&keys::TLS_KEY_FILE, "TLS_CERT_FILE"),
        _ => return certificate.zip(key),
    };
    let sentence = format!("needs {} as well; TLS takes both, and no TLS takes neither", missing.1);
    let problem = reader.about(&missing.0.row, sentence);
    reader.fatal.push(problem);
    None
}

/// Degrades instead of failing: only servers with a private root suffer, and the others must go on being reached.
fn extra_roots(reader: &mut Reader, sources: &Sources<'_>) -> Vec<CertificateDer<'static>> {
    let key = &keys::EXTRA_CA_FILE;
    let Ok(path) = reader.read(key) else { return Vec::new() };
    let refusal = match (sources.read_file)(&path) {
        Err(error) => format!("names a file that cannot be read: {error}"),
        Ok(pem) => match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
            Ok(roots) if !roots.is_empty() && roots.iter().all(is_root) => return roots,
            _ => "names a file that is not a PEM file of certificates (-----BEGIN CERTIFICATE-----)".to_owned(),
        },
    };
    let sentence = format!("{refusal}; servers with a certificate of your own authority will be refused");
    reader.degraded.push(reader.about(&key.row, sentence));
    Vec::new()
}

fn is_root(certificate: &CertificateDer<'_>) -> bool {
    webpki::anchor_from_trusted_cert(certificate).is_ok()
}
