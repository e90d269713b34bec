//! `serve`: opens the database, starts the workers, listens, and ends in order.

use crate::app::backups::automatic::Plan;
use crate::app::passes::LinkKey;
use crate::app::system::SettingShown;
use crate::app::{App, Switches, sealed, setup};
use crate::bridge::{self, Bridge};
use crate::cli::host::ThisHost;
use crate::cli::open::{self, say};
use crate::cli::reload::{self, Reload};
use crate::cli::supervised::Supervisor;
use crate::cli::{Exit, ServeArgs};
use crate::config::{self, Config};
use crate::domain::contact::Channel;
use crate::domain::sign_on::Roles;
use crate::egress::Egress;
use crate::notify::infobip;
use crate::notify::registry::{Providers, Registry};
use crate::notify::settings::{Infobip, Login, NotifySettings, Smtp, WhatsApp};
use crate::oidc;
use crate::secret::Secret;
use crate::telemetry::{self, Form, Levels, Recent};
use crate::web::oidc::SignOn;
use crate::web::tls::Tls;
use crate::web::{Web, WebSettings, control, server, setup_code};
use crate::worker;
use ring::hmac;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// `read` reads the configuration anew, for SIGHUP.
pub fn run(config: &Config, args: &ServeArgs, read: reload::Read) -> Exit {
    let journal = std::env::var("JOURNAL_STREAM").ok();
    let form = config.log_form.unwrap_or_else(|| Form::automatic(journal.as_deref()));
    let (levels, recent) = telemetry::install(&config.log_filter, form);
    for problem in config.problems_degraded.iter().chain(&config.warnings) {
        tracing::warn!("{problem}");
    }
    let runtime = match bridge::runtime() {
        Ok(runtime) => runtime,
        Err(error) => return say(Exit::Failed, &format!("The runtime cannot be started: {error}.")),
    };
    runtime.block_on(serve(config, args, read, levels, recent))
}

async fn serve(config: &Config, args: &ServeArgs, read: reload::Read, levels: Levels, recent: Recent) -> Exit {
    // First of all: unheard, the signal would end the process.
    let hangups = signal(SignalKind::hangup());
    // Listened on before the database is opened: a second server that shares only the port leaves the file alone.
    let listener = match server::bind(config.listen_address).await {
        Ok(listener) => listener,
        Err(error) => return say(Exit::Failed, &error.to_string()),
    };
    let metrics = match bound(config.metrics_listen_address).await {
        Ok(metrics) => metrics,
        Err(error) => return say(Exit::Failed, &format!("METRICS_LISTEN_ADDRESS: {error}")),
    };
    let tls = match config.tls.clone().map(|(certificate, key)| Tls::load(certificate, key)).transpose() {
        Ok(tls) => tls.map(Arc::new),
        Err(error) => return say(Exit::ConfigInvalid, &format!("TLS_CERT_FILE and TLS_KEY_FILE: {error}.")),
    };
    let supervisor = Supervisor::from_environment();
    let mut app = match open::open_to_serve(config, !args.no_migrate) {
        Ok(app) => app,
        Err(exit) => return exit,
    };
    if is_in_container() && same_file_system(&config.data_dir, Path::new("/")) {
        tracing::warn!("DATA_DIR is inside the container and will be gone with it; mount a volume there");
    }
    let secret_key = match open::take_secret_key(config, &mut app) {
        Ok(key) => key,
        Err(exit) => return exit,
    };
    app.backup_plan = backup_plan(config);
    app.watcher = config.heartbeat_url.clone();
    let egress = match Egress::new(&config.extra_roots) {
        Ok(egress) => Arc::new(egress),
        Err(error) => return say(Exit::ConfigInvalid, &error.to_string()),
    };
    let registry = Registry::new(&notify_settings(config, callbacks(config, &app.settings.link_key)), &egress);
    app.host = Some(Box::new(ThisHost::new(config, registry.problems(), recent)));
    let app = Arc::new(app);
    app.board.started(app.now(), vec![], vec![]);
    configured(&app, config, config.settings.iter().map(setting).collect(), None, &registry);
    let providers = Providers::new(registry);
    match app.read(|read| sealed::unreadable(read, &app.vault)) {
        // Nothing could be looked through, and that is said louder elsewhere.
        Err(_) if !app.is_open() => {}
        Ok(sentences) => sentences.iter().for_each(|sentence| tracing::warn!("{sentence}")),
        Err(error) => tracing::warn!(%error, "sealed secrets could not be looked through"),
    }

    let bridge = Bridge::new(bridge::cores());
    let workers = worker::start(Arc::clone(&app), bridge.clone(), providers.clone(), &egress).await;
    let web =
        Arc::new(Web::new(Arc::clone(&app), bridge, Arc::clone(&egress), web_settings(config, &secret_key, &egress)));
    if app.is_open() {
        tracing::info!(database = %config.data_dir.join(open::FILE_NAME).display(), "open");
    }
    let address = listener.local_addr().unwrap_or(config.listen_address);
    greet(&app, config, &web, address);

    let mut beside = JoinSet::new();
    if let Some(metrics) = metrics {
        beside.spawn(server::serve_metrics(Arc::clone(&web), metrics));
    }
    let socket = match control::listen(&config.data_dir) {
        Ok((listener, socket)) => {
            beside.spawn(control::serve(Arc::clone(&web), listener, std::future::pending()));
            Some(socket)
        }
        Err(error) => {
            tracing::warn!("commands cannot reach this server: {error}");
            None
        }
    };
    supervisor.ready();
    let (say_stop, stop) = oneshot::channel::<()>();
    let supervisor = Arc::new(supervisor);
    match hangups {
        Ok(hangups) => {
            let (started, wakers) = (config.clone(), workers.wakers());
            let (app, web) = (Arc::clone(&app), Arc::clone(&web));
            let reload = Reload { read, started, app, web, egress, providers, wakers, levels };
            beside.spawn(reload.on_each(hangups, Arc::clone(&supervisor)));
        }
        Err(error) => tracing::warn!("SIGHUP cannot be heard: {error}"),
    }
    let supervising = Arc::clone(&supervisor);
    beside.spawn({
        let app = Arc::clone(&app);
        async move { supervising.say_how_it_is(&app, &address.to_string()).await }
    });
    let supervising = Arc::clone(&supervisor);
    beside.spawn(async move { supervising.feed_watchdog(app).await });
    let ended_by = tokio::spawn(async move {
        let by = told_to_stop().await;
        tracing::info!("stopping: what has begun is finished first");
        supervisor.stopping();
        let _ = say_stop.send(());
        by
    });
    server::serve(web, listener, tls, async move { stop.await.unwrap_or_default() }).await;
    drop(socket);
    workers.stop().await;
    ended_by.await.unwrap_or(Exit::Failed)
}

async fn bound(address: Option<SocketAddr>) -> Result<Option<TcpListener>, server::BindError> {
    match address {
        Some(address) => server::bind(address).await.map(Some),
        None => Ok(None),
    }
}

/// What the status board should know of a configuration in effect.
pub fn configured(app: &App, config: &Config, shown: Vec<SettingShown>, waiting: Option<String>, providers: &Registry) {
    let degraded = config.problems_degraded.iter().map(ToString::to_string);
    let warnings = degraded.chain(providers.problems().iter().cloned()).chain(waiting).collect();
    app.board.configured(warnings, shown);
    for channel in Channel::ALL {
        let provider = providers.provider(channel).map(crate::notify::Provider::name);
        let missing = if provider.is_some() { vec![] } else { missing(config, channel) };
        app.board.channel_configured(channel, provider, missing);
    }
}

pub fn switches(config: &Config) -> Switches {
    Switches {
        sending: config.notification_sending_enabled,
        retry: config.notification_retry_worker_enabled,
        escalation: config.escalation_worker_enabled,
    }
}

pub fn backup_plan(config: &Config) -> Option<Plan> {
    let config::Backups { interval, directory, keep, keep_daily, recipients } = config.backups.clone();
    Some(Plan {
        every_secs: i64::try_from(interval?.as_secs()).unwrap_or(i64::MAX),
        directory,
        scratch: config.data_dir.join("proof.new"),
        keep: keep as usize,
        keep_daily: keep_daily as usize,
        recipients,
    })
}

/// The settings without which a channel cannot work and which nobody has set.
fn missing(config: &Config, channel: Channel) -> Vec<String> {
    let needed: &[&str] = match channel {
        Channel::Sms => &["INFOBIP_BASE_URL", "INFOBIP_API_KEY", "INFOBIP_SMS_SENDER"],
        Channel::WhatsApp => {
            &["INFOBIP_BASE_URL", "INFOBIP_API_KEY", "INFOBIP_WHATSAPP_SENDER", "INFOBIP_WHATSAPP_TEMPLATE"]
        }
        Channel::Email => &["SMTP_HOST", "SMTP_FROM"],
    };
    let unset = config.settings.iter().filter(|setting| setting.origin == "default");
    unset.map(|setting| setting.name).filter(|name| needed.contains(name)).map(str::to_owned).collect()
}

pub fn setting(setting: &config::Setting) -> SettingShown {
    SettingShown {
        name: setting.name,
        value: setting.value.clone(),
        origin: setting.origin.clone(),
        meaning: setting.meaning,
    }
}

/// Providers call only where nobody on the way can read the token; otherwise they are asked.
pub fn callbacks(config: &Config, key: &LinkKey) -> Option<String> {
    let base = config.base_url.as_ref()?.as_str().trim_end_matches('/');
    base.starts_with("https://").then(|| format!("{base}/api/v1/callbacks/infobip/{}", key.callback_token()))
}

/// `callbacks`: where providers may call us, up to and with the token.
pub fn notify_settings(config: &Config, callbacks: Option<String>) -> NotifySettings {
    let infobip = config.providers.infobip.clone().map(|infobip| Infobip {
        base_url: infobip.base_url,
        api_key: infobip.api_key,
        sms_sender: infobip.sms_sender,
        callbacks: callbacks.clone(),
        whatsapp: infobip.whatsapp.map(|config::WhatsApp { sender, template, language }| WhatsApp {
            sender,
            template,
            language,
        }),
    });
    let smtp = config.providers.smtp.clone().map(|smtp| Smtp {
        host: smtp.host,
        port: smtp.port,
        from: smtp.from,
        login: smtp.credentials.map(|(username, password)| Login { username, password }),
        starttls: smtp.starttls,
        tls: smtp.tls,
    });
    NotifySettings { infobip, smtp }
}

pub fn origins(config: &Config) -> Vec<String> {
    config.allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect()
}

fn web_settings(config: &Config, secret_key: &Secret, egress: &Arc<Egress>) -> WebSettings {
    let proxies = config.trusted_proxies.clone();
    WebSettings {
        base_url: config.base_url.as_ref().map(|url| url.as_str().to_owned()),
        cookie_secure: config.session_cookie_secure,
        allowed_origins: origins(config).into(),
        is_trusted_proxy: Box::new(move |address| proxies.iter().any(|network| network.contains(address))),
        listens_on_loopback: config.listen_address.ip().is_loopback(),
        read_call: infobip::inbox::read_call,
        session_key: hmac::Key::new(hmac::HMAC_SHA256, secret_key.expose().as_bytes()),
        sign_on: config.sign_on.clone().map(|provider| sign_on(provider, egress)),
    }
}

fn sign_on(provider: config::SignOn, egress: &Arc<Egress>) -> SignOn {
    let config::SignOn { issuer, client_id, client_secret, name, scopes, role_claim, .. } = provider;
    let settings = oidc::Settings { issuer, client_id, client_secret, name, scopes, role_claim };
    SignOn {
        provider: oidc::Provider::new(settings, Arc::clone(egress)),
        roles: Roles { admins: provider.admins, responders: provider.responders, viewers: provider.viewers },
        creates_users: provider.creates_users,
    }
}

/// Engines leave a file or a variable behind for what runs in them.
fn is_in_container() -> bool {
    let marks = ["/.dockerenv", "/run/.containerenv"];
    std::env::var_os("container").is_some() || marks.iter().any(|mark| Path::new(mark).exists())
}

/// Of a volume that is not so.
fn same_file_system(one: &Path, other: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|about| about.dev());
    device(one).is_some_and(|device_of_one| Some(device_of_one) == device(other))
}

/// The first lines a new operator reads.
fn greet(app: &App, config: &Config, web: &Web, address: SocketAddr) {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    eprintln!("PagerPal listens on {scheme}://{address}");
    if !config.notification_sending_enabled {
        eprintln!("Safe mode: nobody is contacted, pages are only recorded (NOTIFICATION_SENDING_ENABLED=false).");
    }
    let code_file = config.data_dir.join("setup-code");
    if !app.read(|read| setup::needs_first_admin(read)).unwrap_or(false) {
        setup_code::remove(&code_file);
    } else {
        if let Err(error) = web.setup_code.keep_in(&code_file) {
            tracing::warn!(%error, "the setup code cannot be kept in a file");
        }
        eprintln!("Nobody has an account yet. Open {scheme}://{address}/login and create the first admin.");
        eprintln!("Setup code, asked for unless you come from this machine: {}", web.setup_code.text());
        if address.ip().is_loopback() {
            eprintln!("From another machine: ssh -L {0}:127.0.0.1:{0} THIS-HOST, then open it there.", address.port());
        }
    }
}

/// SIGINT or SIGTERM. A second one ends the process at once.
pub async fn told_to_stop() -> Exit {
    let (mut interrupt, mut terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        // Without signals only SIGKILL ends us, which loses nothing.
        _ => std::future::pending().await,
    };
    let by = tokio::select! {
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Done,
    };
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(i32::from(Exit::Interrupted as u8));
    });
    by
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_another_file_system_than_the_root() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        assert!(same_file_system(folder.path(), folder.path()));
        assert!(!same_file_system(Path::new("/proc"), Path::new("/")));
        assert!(!same_file_system(Path::new("/nothing/there"), Path::new("/nothing/there")));
    }
}
