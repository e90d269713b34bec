//! `GET /events`: facts for pages that are open, as server-sent events; and `GET /strips`, for pages that have to ask.
//!
//! A fact is a word and an id (`app/facts.rs`), so a stream shows nobody what his own requests would not. The last 500 are
//! kept, each thing once, so that a browser that was away for a moment hears what it missed by the id of its last event
//! (`Last-Event-ID`, or `after` of a page that was just drawn). Who was away longer, or comes from another process, hears
//! `reset`, and looks at everything anew. All of it is memory: a restart loses it, and pages notice by the ids.
//!
//! A stream costs a connection, so a person has so many and the process so many. Every 15 s it says something, so that no
//! proxy thinks it dead, and looks whether the session still stands; when it does not, the stream says `end` and ends. It
//! ends, too, when the server stops, and when its reader has taken nothing for as long.

use crate::app::facts::Fact;
use crate::app::{auth, system};
use crate::bridge::Lane;
use crate::domain::id::UserId;
use crate::hex::hex;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::{QueryFields, SignedIn};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Facts kept for those who were away.
pub const KEPT: usize = 500;
pub const STREAMS: usize = 256;
/// A browser needs one; somebody has a few browsers, and some of them are slow to let go.
pub const STREAMS_PER_USER: usize = 12;
/// Between two comments, and the longest that an ended session keeps its stream.
pub const BEAT: Duration = Duration::from_secs(15);
/// How often it is looked whether the strips are still what they were.
pub const STRIPS_EVERY: Duration = Duration::from_secs(5);
/// A burst of commits is told at once, not one by one.
const GATHER: Duration = Duration::from_millis(150);
/// For a browser whose stream broke.
const RETRY_MILLIS: u32 = 2000;

/// What has happened lately, and who listens.
pub struct Live {
    /// Names this process: an event's number means nothing to another.
    epoch: String,
    told: Mutex<Told>,
    state: watch::Sender<Heard>,
    places: Arc<Mutex<Places>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Heard {
    newest: u64,
    closing: bool,
}

#[derive(Default)]
struct Told {
    newest: u64,
    /// The newest that is not kept any more.
    lost: u64,
    facts: BTreeMap<u64, Fact>,
    /// Where the newest about each thing is kept.
    numbers: BTreeMap<Fact, u64>,
}

impl Told {
    fn tell(&mut self, fact: Fact) {
        self.newest += 1;
        self.facts.insert(self.newest, fact);
        if let Some(older) = self.numbers.insert(fact.about(), self.newest) {
            self.facts.remove(&older);
        }
        if self.facts.len() > KEPT
            && let Some((number, oldest)) = self.facts.pop_first()
        {
            self.numbers.remove(&oldest.about());
            self.lost = number;
        }
    }

    /// `None`: some of it is not kept any more.
    fn since(&self, after: u64) -> Option<Vec<(u64, Fact)>> {
        if after < self.lost || after > self.newest {
            return None;
        }
        Some(self.facts.range(after + 1..).map(|(number, fact)| (*number, *fact)).collect())
    }
}

impl Live {
    /// `random` tells this process from the one before.
    pub fn new(random: [u8; 4]) -> Live {
        let (state, _) = watch::channel(Heard::default());
        Live { epoch: hex(&random), told: Mutex::default(), state, places: Arc::default() }
    }

    pub fn tell(&self, facts: impl IntoIterator<Item = Fact>) {
        let newest = {
            let mut told = lock(&self.told);
            facts.into_iter().for_each(|fact| told.tell(fact));
            told.newest
        };
        self.state.send_modify(|heard| heard.newest = newest);
    }

    /// Where a page stands that is drawn from a state that is read after this was asked.
    pub fn position(&self) -> String {
        self.name(lock(&self.told).newest)
    }

    /// Every stream ends, and none begins.
    pub fn close(&self) {
        self.state.send_modify(|heard| heard.closing = true);
    }

    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The number in an event's id, if this process gave it.
    fn number(&self, id: &str) -> Option<u64> {
        let (epoch, number) = id.split_once('-')?;
        number.parse().ok().filter(|_| epoch == self.epoch)
    }

    /// How many listen now.
    pub fn streams(&self) -> usize {
        lock(&self.places).all
    }

    fn seat(&self, user: UserId) -> Option<Seat> {
        let mut places = lock(&self.places);
        let own = places.by_user.get(&user).copied().unwrap_or(0);
        if places.all >= STREAMS || own >= STREAMS_PER_USER {
            return None;
        }
        places.all += 1;
        places.by_user.insert(user, own + 1);
        Some(Seat { places: Arc::clone(&self.places), user })
    }
}

#[derive(Default)]
struct Places {
    all: usize,
    by_user: BTreeMap<UserId, usize>,
}

/// The place of one stream, given back when dropped.
struct Seat {
    places: Arc<Mutex<Places>>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut places = lock(&self.places);
        places.all -= 1;
        if let Some(own) = places.by_user.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                places.by_user.remove(&self.user);
            }
        }
    }
}

/// Lets commits be told. Called once, when the server begins.
pub fn follow(web: &Arc<Web>) {
    let web: Weak<Web> = Arc::downgrade(web);
    let app = web.upgrade().map(|web| Arc::clone(&web.app)).expect("the caller holds it");
    app.on_facts(Box::new(move |facts| {
        if let Some(web) = web.upgrade() {
            web.live.tell(facts);
        }
    }));
}

/// Tells, for ever, when the strips are not what they were. Nothing of what they are about need come with a commit: a
/// worker that stands still commits nothing.
pub async fn watch_strips(web: &Web) {
    let mut last = None;
    loop {
        let app = Arc::clone(&web.app);
        let now = web.bridge.run(Lane::Paging, move || system::strips(&app)).await.ok();
        // A bridge that is full says nothing about the strips.
        if now.is_some() && now != last {
            if last.is_some() {
                web.live.tell([Fact::Strips]);
            }
            last = now;
        }
        sleep(STRIPS_EVERY).await;
    }
}

pub async fn events(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    headers: HeaderMap,
    query: QueryFields,
) -> Result<Response, WebError> {
    if web.live.state.borrow().closing {
        return Err(WebError::Unavailable);
    }
    let seat = web.live.seat(signed_in.user.id).ok_or(WebError::TooMany { retry_after_secs: BEAT.as_secs() })?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let begin = match last.or(query.optional("after")) {
        None => Some(lock(&web.live.told).newest),
        Some(id) => web.live.number(id),
    };
    let (out, body) = mpsc::channel(4);
    let state = web.live.state.subscribe();
    tokio::spawn(async move {
        let _seat = seat;
        Stream { web, session: signed_in.session.token_hash, out, state }.run(begin).await;
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Else nginx keeps events until it has a pageful.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::new(Streamed(body))).into_response())
}

struct Stream {
    web: Arc<Web>,
    session: [u8; 32],
    out: mpsc::Sender<Bytes>,
    state: watch::Receiver<Heard>,
}

/// Nobody reads any more, or nobody may.
struct Over;

impl Stream {
    async fn run(mut self, begin: Option<u64>) {
        let _over: Result<(), Over> = self.tell_on(begin).await;
    }

    /// `begin`: what the reader has seen; `None` if that is not known here.
    async fn tell_on(&mut self, begin: Option<u64>) -> Result<(), Over> {
        let mut after = begin.unwrap_or(u64::MAX);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is now.
        beats.tick().await;
        self.say(format!("retry: {RETRY_MILLIS}\n\n")).await?;
        loop {
            let heard = *self.state.borrow_and_update();
            let (text, at) = self.web.live.text_since(after);
            after = at;
            if !text.is_empty() {
                self.say(text).await?;
                sleep(GATHER).await;
            }
            if heard.closing {
                return Err(Over);
            }
            let is_time = tokio::select! {
                told = self.state.changed() => { told.map_err(|_| Over)?; false }
                () = self.out.closed() => return Err(Over),
                _ = beats.tick() => true,
            };
            if is_time {
                self.beat().await?;
            }
        }
    }

    async fn beat(&mut self) -> Result<(), Over> {
        let session = self.session;
        let found = self.web.read(move |read| auth::session(read, session)).await;
        if matches!(found, Ok(None)) {
            self.say("event: end\ndata: signed out\n\n".to_owned()).await?;
            return Err(Over);
        }
        // A comment for proxies; scripts hear none, and an event tells them that they are not deaf.
        self.say(":\nevent: beat\ndata:\n\n".to_owned()).await
    }

    async fn say(&mut self, text: String) -> Result<(), Over> {
        match timeout(BEAT, self.out.send(text.into())).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }
}

impl Live {
    /// What a stream says to somebody who has seen all up to `after`, and what he has seen then.
    fn text_since(&self, after: u64) -> (String, u64) {
        let told = lock(&self.told);
        let mut text = String::new();
        match told.since(after) {
            Some(facts) => {
                for (number, fact) in &facts {
                    let _ = write!(text, "id: {}\ndata: {}\n\n", self.name(*number), document(*fact));
                }
            }
            None => {
                let _ = write!(text, "id: {}\nevent: reset\ndata: {{}}\n\n", self.name(told.newest));
            }
        }
        (text, told.newest)
    }
}

fn document(fact: Fact) -> Value {
    match fact {
        Fact::Incident(id, version) => json!({ "kind": "incident", "id": id.to_string(), "version": version }),
        Fact::Notifications(id) => json!({ "kind": "notifications", "id": id.to_string() }),
        Fact::AlertSource(id) => json!({ "kind": "alert_source", "id": id.to_string() }),
        Fact::OnCall => json!({ "kind": "on_call" }),
        Fact::Strips => json!({ "kind": "strips" }),
    }
}

/// What a stream writes, as the body of its answer.
pub struct Streamed(pub mpsc::Receiver<Bytes>);

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{Id, IncidentId};

    fn incident(number: u64) -> Fact {
        Fact::Incident(IncidentId::new(number), 1)
    }

    #[test]
    fn whoever_was_away_for_a_moment_hears_what_was_missed_and_each_thing_once() {
        let live = Live::new([1, 2, 3, 4]);
        live.tell([incident(1), Fact::OnCall]);
        let page = live.position();
        live.tell([Fact::Incident(IncidentId::new(1), 2), incident(2)]);
        live.tell([Fact::Incident(IncidentId::new(1), 3)]);
        let after = live.number(&page).expect("of this process");
        let (text, at) = live.text_since(after);
        assert_eq!(
            text,
            "id: 01020304-4\ndata: {\"id\":\"inc_2\",\"kind\":\"incident\",\"version\":1}\n\n\
             id: 01020304-5\ndata: {\"id\":\"inc_1\",\"kind\":\"incident\",\"version\":3}\n\n"
        );
        assert_eq!(live.text_since(at).0, "");
    }

    #[test]
    fn whoever_was_away_too_long_or_knew_another_process_looks_at_everything_anew() {
        let live = Live::new([0, 0, 0, 9]);
        assert_eq!(live.number("00000008-3"), None);
        live.tell((0..KEPT as u64).map(incident));
        assert_eq!(live.text_since(0).0.matches("data: ").count(), KEPT);
        live.tell([incident(9999)]);
        let newest = KEPT + 1;
        assert_eq!(live.text_since(0), (format!("id: 00000009-{newest}\nevent: reset\ndata: {{}}\n\n"), newest as u64));
        assert_eq!(live.text_since(u64::MAX).0, live.text_since(0).0, "a number that this process never gave");
        assert_eq!(live.text_since(1).0.matches("data: ").count(), KEPT);
    }

    #[test]
    fn a_person_has_so_many_streams_and_so_has_the_process() {
        let live = Live::new([0; 4]);
        let seats = |user: u64, wanted: usize| -> Vec<Seat> {
            (0..wanted).filter_map(|_| live.seat(UserId::new(user))).collect()
        };
        let own = seats(1, STREAMS_PER_USER + 3);
        assert_eq!(own.len(), STREAMS_PER_USER);
        let others: Vec<Vec<Seat>> = (2..100).map(|user| seats(user, STREAMS_PER_USER)).collect();
        assert_eq!(own.len() + others.iter().map(Vec::len).sum::<usize>(), STREAMS);
        drop((own, others));
        assert!(lock(&live.places).by_user.is_empty());
        assert_eq!(seats(1, 1).len(), 1);
    }
}
