//! Lets people and machines in: pages, API, webhooks and `/health`.
//!
//! A request passes `server` (connections), `layers` (headers, limits, panics), and the `guard` that its row in
//! `routes` asks for: who is it, may they, is the form theirs. Only then a handler runs. A handler turns fields into
//! values, crosses the bridge once into `app`, and turns the answer into a page or a document. It decides nothing, and
//! it never looks at a header to find out who is asking.

pub mod act;
pub mod address;
pub mod api;
pub mod assets;
pub mod basic;
pub mod bearer;
pub mod body;
pub mod calendar;
pub mod callback;
pub mod control;
pub mod denials;
pub mod emergency;
pub mod error;
pub mod extract;
pub mod guard;
pub mod health;
pub mod invite;
pub mod keys;
pub mod layers;
pub mod live;
pub mod metrics;
pub mod narrowed;
pub mod objects;
pub mod oidc;
pub mod openapi;
pub mod origin;
pub mod packing;
pub mod passwords;
pub mod pings;
pub mod probe;
pub mod problems;
pub mod refusals;
pub mod repeats;
pub mod routes;
pub mod seen;
pub mod server;
pub mod session;
pub mod setup_code;
pub mod sign_ins;
pub mod signature;
pub mod sns;
pub mod throttle;
pub mod tls;
pub mod ui;
pub mod webhooks;

use crate::app::{self, App, AppError, Read, Write, change, setup};
use crate::bridge::{Bridge, Lane};
use crate::domain::actor::Actor;
use crate::domain::id::{AlertSourceId, UserId};
use crate::domain::receipt::Reported;
use crate::domain::reply::Inbound;
use crate::egress::Egress;
use crate::web::assets::Packed;
use crate::web::basic::Remembered;
use crate::web::body::LargeBodies;
use crate::web::denials::Denials;
use crate::web::error::WebError;
use crate::web::extract::Fields;
use crate::web::health::LastHealth;
use crate::web::keys::KnownKeys;
use crate::web::live::Live;
use crate::web::probe::Probe;
use crate::web::refusals::Refusals;
use crate::web::repeats::Running;
use crate::web::seen::Seen;
use crate::web::setup_code::SetupCode;
use crate::web::sign_ins::SignIns;
use crate::web::sns::Certificates;
use crate::web::throttle::{Flow, Throttle};
use crate::web::ui::demo::Demo;
use crate::web::ui::stale::Basis;
use ring::hmac;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock, RwLock};
use tokio::sync::oneshot;

/// What every handler has: `State<Arc<Web>>`.
pub struct Web {
    pub app: Arc<App>,
    pub bridge: Bridge,
    pub settings: WebSettings,
    pub egress: Arc<Egress>,
    /// What a stranger has to know to become the first admin.
    pub setup_code: SetupCode,
    /// Set once somebody may sign in, which stays so.
    is_set_up: OnceLock<()>,
    throttle: Throttle,
    /// Beyond it the answer is "try again", never that the sender is wrong.
    alerts: Flow<AlertSourceId>,
    large_bodies: LargeBodies,
    calls: Flow<UserId>,
    /// Links that open nothing, whoever tries them.
    wrong_links: Flow<()>,
    remembered: Remembered,
    known_keys: KnownKeys,
    running: Running,
    seen: Seen,
    certificates: Certificates,
    denials: Denials,
    /// Alerts that were turned away lately.
    pub refusals: Refusals,
    sign_ins: SignIns,
    last_health: LastHealth,
    probe: Probe,
    packed: Packed,
    /// What pages that are open should look at again.
    pub live: Live,
    /// Only `pagerpal demo` has one.
    pub demo: Option<Demo>,
}

/// Takes what a call is about and its body.
pub type ReadCall = fn(&str, &[u8]) -> (Vec<Reported>, Vec<Inbound>);

/// The part of the configuration that the web layer itself needs.
pub struct WebSettings {
    /// `https://pager.example.org`: scheme, host and port as a browser writes them in `Origin`.
    pub base_url: Option<String>,
    /// Whether cookies are marked `Secure`, which also renames them.
    pub cookie_secure: bool,
    /// Origins whose pages may call the API and post forms, written as in `Origin`.
    pub allowed_origins: RwLock<Vec<String>>,
    /// Whether forwarding headers of this address are believed.
    pub is_trusted_proxy: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// Whether the server listens on nothing but this machine.
    pub listens_on_loopback: bool,
    /// How a provider's call is read; what it is about stands in its path.
    pub read_call: ReadCall,
    /// Made of the installation's secret. The store keeps digests of session cookies under it.
    pub session_key: hmac::Key,
    /// The provider people may sign in with.
    pub sign_on: Option<oidc::SignOn>,
}

impl Web {
    pub fn new(app: Arc<App>, bridge: Bridge, egress: Arc<Egress>, settings: WebSettings) -> Web {
        Web {
            setup_code: SetupCode::new(app.random_bytes()),
            remembered: Remembered::new(app.random_bytes()),
            known_keys: KnownKeys::default(),
            is_set_up: OnceLock::new(),
            running: Running::default(),
            throttle: Throttle::default(),
            alerts: Flow::new(1000, 100),
            large_bodies: LargeBodies::default(),
            calls: Flow::new(100, 20),
            wrong_links: Flow::new(200, 5),
            seen: Seen::default(),
            certificates: Certificates::default(),
            denials: Denials::default(),
            refusals: Refusals::default(),
            sign_ins: SignIns::default(),
            last_health: LastHealth::default(),
            probe: Probe::default(),
            packed: Packed::default(),
            live: Live::new(app.random_bytes()),
            demo: None,
            app,
            bridge,
            egress,
            settings,
        }
    }

    /// Whether the first admin is still to be made. Everyone who comes to sign in asks, so the store answers no more once
    /// there is one: a flood of strangers must not take the places of people.
    pub async fn is_fresh(&self) -> Result<bool, WebError> {
        if self.is_set_up.get().is_some() {
            return Ok(false);
        }
        let is_fresh = self.read(|read| setup::needs_first_admin(read)).await?;
        if !is_fresh {
            self.is_set_up.get_or_init(|| ());
        }
        Ok(is_fresh)
    }

    /// Asks what needs more than one transaction, such as the status board.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&App) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        let app = Arc::clone(&self.app);
        Ok(self.bridge.run(Lane::People, move || question(&app)).await??)
    }

    /// Looks something up for a person.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Read<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        self.read_in(Lane::People, look).await
    }

    /// Changes something for a person, in one transaction; the answer comes after the commit. The closure may run
    /// twice: it does nothing but call a use case.
    pub async fn write<T: Send + 'static>(
        &self,
        change: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        self.write_in(app::Lane::People, change).await
    }

    /// As [`Web::write`], for a form that was filled from a record: refused if that is another version by now than the form
    /// says it was made of.
    pub async fn edit<T: Send + 'static>(
        &self,
        actor: Actor,
        form: &Fields,
        change: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        let basis = Basis::read(form);
        let work = move |tx: &mut Write<'_>| {
            if let Some(basis) = &basis {
                change::unless_stale(tx, &actor, &basis.object, basis.version)?;
            }
            change(tx)
        };
        self.write(work).await
    }

    pub(crate) async fn read_in<T: Send + 'static>(
        &self,
        lane: Lane,
        look: impl FnOnce(&Read<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        let app = Arc::clone(&self.app);
        Ok(self.bridge.run(lane, move || app.read(look)).await??)
    }

    /// Needs no thread of the bridge: the write thread keeps its own bounded queue and calls back. Within a call that named
    /// itself, the same transaction says that it was made: see [`repeats`].
    pub(crate) async fn write_in<T: Send + 'static>(
        &self,
        lane: app::Lane,
        change: impl Fn(&mut Write<'_>) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, WebError> {
        let (hand_over, answer) = oneshot::channel();
        self.app.write_then(lane, repeats::marked(change), move |result| {
            // Whoever asked may have gone away; what was committed stays committed.
            let _ = hand_over.send(result);
        });
        // No answer at all means that the store is closing.
        Ok(answer.await.map_err(|_| WebError::Unavailable)??)
    }
}
