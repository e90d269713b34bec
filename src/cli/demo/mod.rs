//! `demo`: a sample organisation with sixty days behind it, served on this machine until it is stopped.
//!
//! It reads no configuration, keeps everything in memory and has no way out: every message goes to the pretend phone,
//! which a page shows. The past is made by the product itself ([`past`]); from then on an alert comes every 40 seconds.

mod alerts;
mod organisation;
mod past;

use crate::app::{App, Lane};
use crate::bridge::{self, Bridge};
use crate::cli::open::say;
use crate::cli::{DemoArgs, Exit, serve};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::event::Action;
use crate::egress::Egress;
use crate::notify::infobip;
use crate::notify::phone::Phone;
use crate::notify::registry::{Providers, Registry};
use crate::telemetry::{self, Form};
use crate::vault::Vault;
use crate::web::ui::demo::{Account, Arrived, Demo};
use crate::web::{Web, WebSettings, server};
use crate::worker;
use alerts::ALERTS;
use organisation::Organisation;
use past::Grown;
use ring::hmac;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

const DAYS: i64 = 60;
const EVERY: Duration = Duration::from_secs(40);
const BANNER: &str = "Demo: nobody is contacted, all is gone when you stop it.";

pub fn run(args: &DemoArgs) -> Exit {
    let warnings = "warn".parse().expect("a word that the filter knows");
    telemetry::install(&warnings, Form::automatic(None));
    match bridge::runtime() {
        Ok(runtime) => runtime.block_on(served(args)),
        Err(error) => say(Exit::Failed, &format!("The runtime cannot be started: {error}.")),
    }
}

async fn served(args: &DemoArgs) -> Exit {
    let listener = match server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port))).await {
        Ok(listener) => listener,
        Err(error) => return say(Exit::Failed, &format!("{error} A demo takes --port.")),
    };
    let port = listener.local_addr().map_or(args.port, |address| address.port());
    let base_url = format!("http://127.0.0.1:{port}");
    eprintln!("Making sixty days of history.");
    let (seed, now, base) = (args.seed, args.now, base_url.clone());
    let grown = match tokio::task::spawn_blocking(move || past::grow(DAYS, seed, now, &base)).await {
        Ok(Ok(grown)) => grown,
        Ok(Err(error)) => return say(Exit::Failed, &format!("The demo cannot be made: {error}.")),
        Err(_) => return say(Exit::Failed, "The demo cannot be made: making it panicked."),
    };
    let egress = match Egress::new(&[]) {
        Ok(egress) => Arc::new(egress),
        Err(error) => return say(Exit::Failed, &error.to_string()),
    };
    let Grown { mut app, organisation, key, alerts } = grown;
    app.vault = Vault::new(past::SECRET);
    let app = Arc::new(app);
    app.board.started(app.now(), vec![BANNER.to_owned()], vec![]);
    let phone = Arc::new(Phone::default());
    let registry = Registry::pretend(&phone);
    for channel in Channel::ALL {
        let provider = registry.provider(channel).map(crate::notify::Provider::name);
        app.board.channel_configured(channel, provider, vec![]);
    }
    let bridge = Bridge::new(bridge::cores());
    let workers = worker::start(Arc::clone(&app), bridge.clone(), Providers::new(registry), &egress).await;
    let mut web = Web::new(Arc::clone(&app), bridge, egress, web_settings(&base_url));
    web.demo = Some(Demo { accounts: accounts(&organisation), phone: Box::new(move || arrived(&phone)) });
    eprintln!("PagerPal's demo listens on {base_url}: sign in there with one click. {BANNER}");
    eprintln!("The API takes ana@example.com with the password {:?}.", past::PASSWORD);
    eprintln!("An alert of your own: curl -H 'X-API-Key: {key}' {base_url}/api/v1/webhooks/generic -d title=Hello");
    let alerting = tokio::spawn(go_on(app, organisation, alerts));
    let ended_by = tokio::spawn(serve::told_to_stop());
    let (say_stop, stop) = tokio::sync::oneshot::channel::<Exit>();
    let waiting = tokio::spawn(async move {
        let by = ended_by.await.unwrap_or(Exit::Failed);
        let _ = say_stop.send(by);
        by
    });
    server::serve(Arc::new(web), listener, None, async move { drop(stop.await) }).await;
    alerting.abort();
    workers.stop().await;
    waiting.await.unwrap_or(Exit::Failed)
}

/// An alert every 40 seconds, and every third time one of those before has recovered. Never ends.
async fn go_on(app: Arc<App>, organisation: Organisation, before: u64) {
    let mut ticker = tokio::time::interval(EVERY);
    for turn in 1.. {
        ticker.tick().await;
        let (action, turn) = if turn % 3 == 0 { (Action::Resolve, turn - 2) } else { (Action::Trigger, turn) };
        let nth = before + turn;
        let alert = ALERTS[(nth % ALERTS.len() as u64) as usize];
        let organisation = organisation.clone();
        let work = move |tx: &mut crate::app::Write<'_>| past::receive(tx, &organisation, alert, action, nth);
        app.write_then(Lane::Paging, work, |done| {
            if let Err(error) = done {
                tracing::error!(%error, "the demo's alert was not taken");
            }
        });
    }
}

fn accounts(organisation: &Organisation) -> Vec<Account> {
    vec![
        Account { user: organisation.ana, name: "Ana", role: Role::Admin },
        Account { user: organisation.bo, name: "Bo", role: Role::Responder },
        Account { user: organisation.grace, name: "Grace", role: Role::Viewer },
    ]
}

fn arrived(phone: &Phone) -> Vec<Arrived> {
    let shown = phone.arrived().into_iter().map(|message| Arrived {
        at: message.at,
        channel: message.channel.title(),
        to: message.to,
        text: message.text,
        link: message.link,
    });
    shown.collect()
}

fn web_settings(base_url: &str) -> WebSettings {
    WebSettings {
        base_url: Some(base_url.to_owned()),
        cookie_secure: false,
        allowed_origins: vec![].into(),
        is_trusted_proxy: Box::new(|_| false),
        listens_on_loopback: true,
        read_call: infobip::inbox::read_call,
        session_key: hmac::Key::new(hmac::HMAC_SHA256, past::SECRET),
        sign_on: None,
    }
}
