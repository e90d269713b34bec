//! Deliveries: claims what is due, sends it, records the answer.
//!
//! First tries and retries are two workers over the two rings of the delivery wheel, so that retries can be switched off
//! alone and a backlog of them holds up no first try. Sending happens in tasks of their own; how many are under way at
//! once is bounded for each channel, so that a slow provider keeps only its own waiting, and a claim is only made for a
//! message that can leave now.

use crate::app::AppError;
use crate::app::deliveries::{About, Bundled, Facts, Outgoing, Room, Sender, claim_due, next_due, record};
use crate::app::system::Worker;
use crate::bridge::panic_text;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, DeliveryRing, Outcome};
use crate::domain::effect::{Reason, UpdateKind};
use crate::domain::incident::Incident;
use crate::domain::time::{Timestamp, zone_named};
use crate::notify::{Bundle, Content, Headline, Message, NextCall, Page, SEND_LIMIT, Update};
use crate::planted;
use crate::worker::{Shop, Wakers, wheel};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Messages under way at once, per ring and channel. Providers have smaller limits of their own.
const UNDER_WAY: usize = 16;

pub async fn first_tries(shop: Shop) {
    run(shop, Worker::Deliveries, DeliveryRing::First, |wakers| &wakers.first).await;
}

pub async fn retries(shop: Shop) {
    run(shop, Worker::Retry, DeliveryRing::Retry, |wakers| &wakers.retry).await;
}

/// Who is under way, by channel. Only the ring's own task takes places.
struct Places(BTreeMap<Channel, Arc<Semaphore>>);

impl Places {
    fn new() -> Places {
        let each = Channel::ALL.map(|channel| (channel, Arc::new(Semaphore::new(UNDER_WAY))));
        Places(each.into_iter().collect())
    }

    fn room(&self) -> Room {
        self.0.iter().map(|(channel, places)| (*channel, places.available_permits())).collect()
    }

    fn take(&self, channel: Channel) -> OwnedSemaphorePermit {
        let places = Arc::clone(&self.0[&channel]);
        places.try_acquire_owned().expect("claims are made for free places only")
    }

    async fn all_free(&self) {
        for places in self.0.values() {
            let _ = places.acquire_many(UNDER_WAY as u32).await;
        }
    }
}

async fn run(shop: Shop, worker: Worker, ring: DeliveryRing, waker: fn(&Wakers) -> &Notify) {
    let wakers = Arc::clone(&shop.wakers);
    let wake = waker(&wakers);
    let places = Places::new();
    loop {
        let going_on = match round(&shop, worker, ring, waker, &places).await {
            Ok(next) => wheel::rest(&shop, wake, next).await,
            Err(error) => {
                shop.ran(worker, 0, Some(error.to_string()));
                wheel::pause(&shop, wheel::AFTER_ERROR, wake).await
            }
        };
        if !going_on {
            break;
        }
    }
    // What is on the wire is waited for: an answer that is not recorded is a message sent twice.
    let _ = tokio::time::timeout(SEND_LIMIT, places.all_free()).await;
}

/// Claims and hands over everything that is due and has room, and answers when the next is. Whoever leaves a place wakes it.
async fn round(
    shop: &Shop,
    worker: Worker,
    ring: DeliveryRing,
    waker: fn(&Wakers) -> &Notify,
    places: &Places,
) -> Result<Option<Timestamp>, AppError> {
    loop {
        if ring == DeliveryRing::Retry && !shop.app.switches().retry {
            return Ok(None);
        }
        let next = shop.read(move |read| next_due(read, ring)).await?;
        let now = shop.app.now();
        let Some(due) = next.filter(|due| *due <= now) else {
            shop.ran(worker, 0, None);
            return Ok(next);
        };
        // Room before a claim: its lease runs from its commit.
        let (sender, room) = (Sender::of(&shop.app), places.room());
        let claimed = shop.write(move |tx| claim_due(tx, ring, &sender, &room)).await?;
        let error = (!claimed.set_aside.is_empty()).then(|| claimed.set_aside.join("; "));
        shop.ran(worker, now.secs_since(due), error);
        shop.alarm(worker, &claimed.set_aside);
        for outgoing in claimed.outgoing {
            let place = places.take(outgoing.channel);
            let shop = shop.clone();
            tokio::spawn(async move {
                send(&shop, outgoing).await;
                drop(place);
                waker(&shop.wakers).notify_one();
            });
        }
        if claimed.is_idle || shop.is_stopping() {
            return Ok(None);
        }
    }
}

/// One attempt, from the wire to the record. If the store cannot record it, the claim's lease runs out and the message
/// is sent again under the same id. A message over which the sending panics is sent in plain words instead.
async fn send(shop: &Shop, outgoing: Outgoing) {
    let (delivery, attempt, channel) = (outgoing.delivery, outgoing.attempt, outgoing.channel);
    let (answer, has_receipts) = match hand_over(shop, outgoing.clone()).await {
        Ok(answered) => answered,
        Err(panic) => {
            shop.panicked(Worker::Deliveries, panic);
            match hand_over(shop, in_plain_words(outgoing)).await {
                Ok(answered) => answered,
                Err(panic) => {
                    let text = format!("Sending it panicked: {panic}");
                    shop.panicked(Worker::Deliveries, panic);
                    (Answer { outcome: Outcome::Permanent { account_wide: false }, text }, false)
                }
            }
        }
    };
    shop.app.board.channel_answered(channel, shop.app.now(), answer.failure());
    tracing::info!(delivery = %delivery, channel = channel.word(), outcome = ?answer.outcome, "sent");
    let recorded = shop.write(move |tx| record(tx, delivery, attempt, &answer, has_receipts)).await;
    if let Err(error) = recorded {
        tracing::error!(delivery = %delivery, %error, "an answer could not be recorded; the message will be sent again");
    }
}

/// What the provider answers, and whether it will report more; `Err` is the text of a panic.
async fn hand_over(shop: &Shop, outgoing: Outgoing) -> Result<(Answer, bool), String> {
    let shop = shop.clone();
    let sending = tokio::spawn(async move {
        // The same to its end, whatever is read from the configuration meanwhile.
        let providers = shop.providers.current();
        let channel = outgoing.channel;
        let Some(provider) = providers.provider(channel) else {
            let text = format!("{} is not set up, so nothing was sent. See Settings, Channels.", channel.title());
            return (Answer { outcome: Outcome::Permanent { account_wide: true }, text }, false);
        };
        let is_incident = matches!(outgoing.about, About::Incident(_));
        assert!(!(is_incident && planted::is("stumble_over_messages")), "planted");
        (provider.send(&message(&shop, outgoing, provider.hears_replies())).await, provider.has_receipts())
    });
    sending.await.map_err(|failed| failed.try_into_panic().map_or_else(|_| String::new(), |panic| panic_text(&*panic)))
}

/// What cannot be written as it should still wakes somebody.
fn in_plain_words(outgoing: Outgoing) -> Outgoing {
    let (what, path) = match &outgoing.about {
        About::Incident(facts) => (format!("incident #{}", facts.number), format!("/incidents/{}", facts.number)),
        _ => ("something that concerns you".to_owned(), "/incidents".to_owned()),
    };
    let sentence = format!("PagerPal could not write its message about {what}. Open it and look.");
    Outgoing { about: About::Linked { sentence, path }, ..outgoing }
}

/// What the provider needs, from what the claim found.
fn message(shop: &Shop, outgoing: Outgoing, replies: bool) -> Message {
    let base = shop.app.settings.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    let lineage = shop.app.lineage();
    let (thread, content) = match outgoing.about {
        About::Incident(facts) => {
            (Some(format!("incident-{}-{lineage}", facts.number)), about_incident(*facts, base, replies))
        }
        About::Bundle(bundled) => (None, Content::Bundle(bundle(bundled, outgoing.nth, base, replies))),
        About::Test(asked_by) => (None, Content::Test { asked_by }),
        About::Code(code) => (None, Content::Code { code }),
        About::Linked { sentence, path } => {
            let link = base.map(|base| format!("{base}{path}"));
            (None, Content::Update(Update { about: None, sentence, link }))
        }
        About::Words(sentence) => (None, Content::Update(Update { about: None, sentence, link: None })),
    };
    Message {
        message_id: outgoing.message_id,
        channel: outgoing.channel,
        to: outgoing.address,
        at: outgoing.created_at,
        thread,
        content,
        nth: outgoing.nth,
    }
}

/// Incidents a bundle names; the rest are counted.
const NAMED: usize = 3;

fn bundle(bundled: Bundled, nth: Option<u32>, base: Option<&str>, replies: bool) -> Bundle {
    let more = bundled.incidents.len().saturating_sub(NAMED);
    let named = bundled.incidents.into_iter().take(NAMED).map(|(incident, pass)| {
        let Incident { number, severity, title, .. } = incident;
        (Headline { number, severity, title }, replies.then_some(pass.code))
    });
    Bundle {
        named: named.collect(),
        more,
        link: base.map(|base| format!("{base}/incidents")),
        counter: format!("({})", nth.unwrap_or(bundled.counter)),
    }
}

fn about_incident(facts: Facts, base: Option<&str>, replies: bool) -> Content {
    let number = facts.number;
    let link = base.map(|base| match &facts.pass {
        Some(pass) => format!("{base}/a/{}", pass.token),
        None => format!("{base}/incidents/{number}"),
    });
    let about = Headline { number, severity: facts.severity, title: facts.title };
    match facts.reason {
        Reason::Update(kind) => {
            let by = facts.by.as_deref().unwrap_or("its alert source");
            let sentence = match kind {
                UpdateKind::Acknowledged => format!("Taken by {by}. You need not do anything."),
                UpdateKind::Resolved => format!("Resolved by {by}. You need not do anything."),
            };
            Content::Update(Update { about: Some(about), sentence, link })
        }
        _ => Content::Page(Page {
            about,
            team: facts.team,
            details: facts.details,
            why: vec![facts.why],
            next: facts.next.map(|(name, at)| NextCall { name, at: clock_time(at, &facts.zone) }),
            link,
            code: facts.pass.filter(|_| replies).map(|pass| pass.code),
            counter: format!("call {}", facts.counter),
        }),
    }
}

/// `03:19`, on the reader's clock.
fn clock_time(at: Timestamp, zone: &str) -> String {
    let zone = zone_named(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let local = at.in_zone(&zone);
    format!("{:02}:{:02}", local.hour(), local.minute())
}
