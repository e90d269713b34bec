//! `GET /events` as a browser reads it: what is told, to whom, for how long; and the strips, which no commit need announce.

use crate::house::{House, cookie, session_of};
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use pagerpal::app::facts::Fact;
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::system::Worker;
use pagerpal::app::{auth, teams, users};
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::web::address::Peer;
use pagerpal::web::live::{self, BEAT, STREAMS_PER_USER};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

fn house() -> House {
    let house = House::new(str::to_owned);
    live::follow(&house.web);
    house
}

struct Stream {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

async fn listen(house: &House, who: &str, path: &str, last: Option<&str>) -> Stream {
    let mut request = Request::get(path).header(header::COOKIE, cookie(&session_of(who)));
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let mut request = request.header("accept-encoding", "gzip").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Peer { address: SocketAddr::from(([127, 0, 0, 1], 50_000)), is_tls: true });
    let (parts, body) = house.router.clone().oneshot(request).await.expect("an answer").into_parts();
    Stream { status: parts.status, headers: parts.headers, body }
}

impl Stream {
    /// The next thing that is said; `None` when the stream has ended.
    async fn hear(&mut self) -> Option<String> {
        let next = timeout(Duration::from_secs(60), self.body.frame()).await.expect("something within a minute")?;
        let bytes = next.expect("a stream breaks off only with its connection").into_data().expect("no trailers");
        Some(String::from_utf8(bytes.to_vec()).expect("UTF-8"))
    }
}

fn act(house: &House, deed: Deed) -> (String, u64) {
    let (incident, actor) = (house.ids["incident"].clone(), Actor::SYSTEM);
    let changed = house.write(move |tx| incidents::act(tx, &actor, &incident, None, deed.clone()));
    (changed.id.to_string(), changed.version)
}

fn position(page: &str) -> &str {
    page.split("data-at=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("the page says where it stands")
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_told_as_a_word_an_id_and_a_version() {
    let house = house();
    let mut stream = listen(&house, "viewer", "/events", None).await;
    assert_eq!(stream.status, 200);
    let header = |name: &str| stream.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((header("cache-control"), header("x-accel-buffering")), ("no-store", "no"));
    assert_eq!((header("content-encoding"), stream.body.size_hint().exact()), ("", None));
    assert_eq!(stream.hear().await.as_deref(), Some("retry: 2000\n\n"));

    let (id, version) = act(&house, Deed::Note("seen".to_owned()));
    let told = stream.hear().await.expect("a fact");
    let fact = format!("data: {{\"id\":\"{id}\",\"kind\":\"incident\",\"version\":{version}}}\n\n");
    assert!(told.starts_with("id: ") && told.ends_with(&fact), "{told}");
    assert!(!told.contains("seen"), "facts carry no words: {told}");

    let boss = Actor::SYSTEM;
    house.write(move |tx| teams::create(tx, &boss, "Newcomers", &[]));
    assert!(stream.hear().await.expect("a fact").ends_with("data: {\"kind\":\"on_call\"}\n\n"));
    assert_eq!(
        stream.hear().await.as_deref(),
        Some(":\nevent: beat\ndata:\n\n"),
        "and then it only says that it lives"
    );
}

#[test]
fn a_commit_wakes_those_whose_work_it_may_have_changed_and_nobody_else() {
    let house = House::new(str::to_owned);
    let woken = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&woken);
    house.web.app.on_work(Box::new(move |work| heard.lock().expect("no panic here").push(work)));
    let next = || std::mem::take(&mut *woken.lock().expect("no panic here"));
    act(&house, Deed::Note("seen".to_owned()));
    assert_eq!(next(), [], "a line on a timeline is nobody's work");
    let resolved = act(&house, Deed::Resolve);
    assert!(next().iter().any(|work| work.timers || work.deliveries), "{resolved:?}");
    house.write(|tx| teams::create(tx, &Actor::SYSTEM, "Newcomers", &[]));
    assert_eq!(next(), [], "who is in a team is looked up when it matters");
}

#[tokio::test(start_paused = true)]
async fn nothing_falls_between_a_page_and_its_stream() {
    let house = house();
    let page = house.get("admin", "/dashboard").await.body;
    let (id, _) = act(&house, Deed::Note("while the page travels".to_owned()));
    let mut stream = listen(&house, "admin", &format!("/events?after={}", position(&page)), None).await;
    stream.hear().await;
    let told = stream.hear().await.expect("what came in between");
    assert!(told.contains(&id), "{told}");

    // A browser whose stream broke says what it heard last; the page's own place counts no more.
    let last = told.trim_start_matches("id: ").lines().next().expect("an id").to_owned();
    let mut again = listen(&house, "admin", &format!("/events?after={}", position(&page)), Some(&last)).await;
    again.hear().await;
    assert_eq!(again.hear().await.as_deref(), Some(":\nevent: beat\ndata:\n\n"), "nothing is told twice");

    // The number of another process says nothing here.
    for unknown in ["/events?after=0badcafe-1", "/events?after=nonsense"] {
        let mut stream = listen(&house, "admin", unknown, None).await;
        stream.hear().await;
        assert!(stream.hear().await.expect("a word").contains("event: reset\n"), "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session_within_one_beat() {
    for end in ["signed out", "deactivated"] {
        let house = house();
        let mut stream = listen(&house, "responder", "/events", None).await;
        stream.hear().await;
        let (user, kept) = (house.user("responder"), session_of("responder").kept(&house.web.settings.session_key));
        let begun = tokio::time::Instant::now();
        match end {
            "signed out" => house.write(move |tx| auth::end_session(tx, kept)),
            _ => house.write(move |tx| users::deactivate(tx, &Actor::SYSTEM, user)),
        }
        let mut heard = Vec::new();
        while let Some(said) = stream.hear().await {
            heard.push(said);
        }
        assert_eq!(heard.last().map(String::as_str), Some("event: end\ndata: signed out\n\n"), "{end}");
        assert!(begun.elapsed() <= BEAT + Duration::from_secs(1), "{end}: {:?}", begun.elapsed());
        assert_eq!(house.web.live.streams(), 0, "{end}");
    }
}

/// News alone must not keep a stream from looking whether its reader may still hear them.
#[tokio::test(start_paused = true)]
async fn a_busy_stream_ends_with_its_session_too() {
    let house = house();
    let mut stream = listen(&house, "responder", "/events", None).await;
    stream.hear().await;
    let kept = session_of("responder").kept(&house.web.settings.session_key);
    house.write(move |tx| auth::end_session(tx, kept));
    let (web, begun) = (Arc::clone(&house.web), tokio::time::Instant::now());
    let busy = tokio::spawn(async move {
        loop {
            web.live.tell([Fact::OnCall]);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    while stream.hear().await.is_some() {
        assert!(begun.elapsed() <= BEAT + Duration::from_secs(1), "still told after {:?}", begun.elapsed());
    }
    busy.abort();
}

#[tokio::test(start_paused = true)]
async fn streams_are_counted_and_end_when_the_server_does() {
    let house = house();
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_USER {
        open.push(listen(&house, "admin", "/events", None).await);
    }
    let refused = listen(&house, "admin", "/events", None).await;
    assert_eq!(
        (refused.status, refused.headers["retry-after"].to_str().expect("ASCII")),
        (StatusCode::TOO_MANY_REQUESTS, "15")
    );
    assert_eq!(listen(&house, "viewer", "/events", None).await.status, 200, "another has places of his own");

    house.web.live.close();
    for stream in &mut open {
        while stream.hear().await.is_some() {}
    }
    assert_eq!(house.web.live.streams(), 0);
    assert_eq!(listen(&house, "admin", "/events", None).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

/// Two rounds of a worker are 30 s. A stopped worker commits nothing, so nobody else would say it.
#[tokio::test(start_paused = true)]
async fn a_stopped_worker_is_on_every_page_at_once_and_told_to_open_ones() {
    let house = house();
    let web = Arc::clone(&house.web);
    let watching = tokio::spawn(async move { live::watch_strips(&web).await });
    let mut stream = listen(&house, "viewer", "/events", None).await;
    stream.hear().await;
    house.app().board.ran(Worker::Escalation, house.app().now(), 0, None);
    let stopped = "Escalation has not run for 31 s. Nobody is being called.";
    house.clock.advance(30);
    assert!(!house.get("viewer", "/strips").await.body.contains(stopped));
    house.clock.advance(1);
    let strips = house.get("viewer", "/strips").await;
    assert_eq!((strips.status.as_u16(), strips.header("x-fragment")), (200, "strips"));
    assert!(strips.body.contains(stopped) && !strips.body.contains("<html"), "{}", strips.body);
    assert!(house.get("viewer", "/users").await.body.contains(stopped));
    assert_eq!(house.get("nobody", "/health").await.status, 503);
    let begun = tokio::time::Instant::now();
    while !stream.hear().await.expect("it goes on").contains("\"strips\"") {}
    assert!(begun.elapsed() <= BEAT, "{:?}", begun.elapsed());

    // It runs again, and five messages in a row fail.
    house.app().board.ran(Worker::Escalation, house.app().now(), 0, None);
    house.app().board.channel_configured(Channel::Sms, Some("Infobip"), vec![]);
    for _ in 0..5 {
        house.app().board.channel_answered(Channel::Sms, house.app().now(), Some("Invalid login details"));
    }
    while !stream.hear().await.expect("it goes on").contains("\"strips\"") {}
    let strips = house.get("viewer", "/strips").await.body;
    assert!(
        strips.contains("the last 5 messages failed (Invalid login details)") && !strips.contains(stopped),
        "{strips}"
    );
    watching.abort();
}
