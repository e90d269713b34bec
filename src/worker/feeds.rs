//! Calendars: fetches those from elsewhere every 15 minutes, and remembers what ours gave out.
//!
//! When an import is due is part of its record, so a restart fetches what became due meanwhile. Addresses come from users and
//! lead to public addresses only (`egress`); an answer is limited in time and size. Whatever goes wrong, the last good copy
//! stays and the schedule's page says since when and why. In safe mode nothing leaves the machine, so nothing is fetched.

use crate::app::imports::{self, Contents, Due, Outcome};
use crate::app::system::Worker;
use crate::app::{AppError, publication, sealed};
use crate::bridge::{Crossing, Lane};
use crate::domain::entry::Interval;
use crate::domain::import::{AHEAD_DAYS, BACK_DAYS};
use crate::domain::time::{Timestamp, zone_named};
use crate::egress::{self, BodyError, Client, Refused};
use crate::exchange::ical::import;
use crate::worker::{Shop, wheel};
use jiff::tz::TimeZone;

/// Asked together; one that hangs holds up seven others for as long as a call may take.
const TOGETHER: usize = 8;
/// What schedules give out changes with people, too, which no revision tells.
const LOOK_EVERY_SECS: i64 = 15 * 60;
const DAY: i64 = 86_400;

pub async fn run(shop: Shop) {
    let mut looked_at = None;
    loop {
        let going_on = match round(&shop, &mut looked_at).await {
            Ok(next) => wheel::rest(&shop, &shop.wakers.feeds, next).await,
            Err(error) => {
                shop.ran(Worker::Feeds, 0, Some(error.to_string()));
                wheel::pause(&shop, wheel::AFTER_ERROR, &shop.wakers.feeds).await
            }
        };
        if !going_on {
            return;
        }
    }
}

/// Does everything that is due and answers when the next import is.
async fn round(shop: &Shop, looked_at: &mut Option<Timestamp>) -> Result<Option<Timestamp>, AppError> {
    let now = shop.app.now();
    let is_time = looked_at.is_none_or(|looked| now.is_past(looked, LOOK_EVERY_SECS));
    let schedules = shop
        .read(move |read| if is_time { publication::read_by_somebody(read) } else { publication::stale(read, now) });
    for schedule in schedules.await? {
        shop.write(move |tx| publication::publish(tx, schedule)).await?;
    }
    if is_time {
        *looked_at = Some(now);
    }
    if !shop.app.switches().sending {
        shop.ran(Worker::Feeds, 0, None);
        return Ok(None);
    }
    loop {
        let now = shop.app.now();
        let due = shop.read(move |read| imports::due(read, now, TOGETHER)).await?;
        let lag = due.first().map_or(0, |first| now.secs_since(first.due));
        shop.ran(Worker::Feeds, lag, None);
        if due.is_empty() || shop.is_stopping() {
            break;
        }
        let tasks: Vec<_> = due.into_iter().map(|due| tokio::spawn(one(shop.clone(), due))).collect();
        for task in tasks {
            task.await.map_err(|failed| AppError::Internal(format!("a fetch ended: {failed}")))??;
        }
    }
    shop.read(|read| imports::next_due(read)).await
}

async fn one(shop: Shop, due: Due) -> Result<(), AppError> {
    let answer = match imports::address(&shop.app.vault, due.id, &due.url) {
        Ok(address) => fetch(&shop.calendars, &address, &due).await,
        Err(unreadable) => Answer::Failed(sealed::address_sentence(unreadable)),
    };
    let outcome = match answer {
        Answer::Unchanged => Outcome::Unchanged,
        Answer::Failed(sentence) => Outcome::Failed(sentence),
        Answer::Body { bytes, etag, last_modified } => {
            let (zone, now) = (due.zone.clone(), shop.app.now());
            match shop.bridge.run(Lane::People, move || read(&bytes, &zone, now, etag, last_modified)).await {
                Ok(outcome) => outcome,
                Err(Crossing::Full) => return Err(AppError::Unavailable(Crossing::Full.to_string())),
                // That calendar's trouble: the others must not wait for it.
                Err(Crossing::Panicked(text)) => {
                    tracing::error!(import = %due.id, text, "reading a calendar panicked");
                    Outcome::Failed(
                        "PagerPal stumbled over this calendar, which is a bug. The log has more.".to_owned(),
                    )
                }
            }
        }
    };
    if let Outcome::Failed(sentence) = &outcome {
        tracing::warn!(import = %due.id, sentence, "a calendar could not be fetched; the last good copy stays");
    }
    shop.write(move |tx| imports::record(tx, &due, &outcome).map(drop)).await
}

/// What a calendar's bytes say, around now.
pub fn read(bytes: &[u8], zone: &str, now: Timestamp, etag: Option<String>, last_modified: Option<String>) -> Outcome {
    let zone = zone_named(zone).unwrap_or(TimeZone::UTC);
    let window = Interval { start: now.plus_secs(-BACK_DAYS * DAY), end: now.plus_secs(AHEAD_DAYS * DAY) };
    match import::read(bytes, &zone, window) {
        Ok(events) => {
            let events = events.into_iter().map(|event| (event.span, event.named)).collect();
            Outcome::Read(Contents { events, etag, last_modified })
        }
        Err(unreadable) => Outcome::Failed(unreadable.0),
    }
}

/// What came over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    Unchanged,
    Body {
        bytes: Vec<u8>,
        etag: Option<String>,
        last_modified: Option<String>,
    },
    /// For people, without the address: it is a secret.
    Failed(String),
}

/// Asks for one calendar, within the limits of the client.
pub async fn fetch(client: &Client, address: &str, due: &Due) -> Answer {
    match asked(client, address, due).await {
        Ok(answer) => answer,
        Err(sentence) => Answer::Failed(sentence),
    }
}

async fn asked(client: &Client, address: &str, due: &Due) -> Result<Answer, String> {
    let mut request = client.get(address).map_err(|refused| not_allowed(&refused))?;
    request = request.header("accept", "text/calendar, */*;q=0.1");
    for (name, value) in [("if-none-match", &due.etag), ("if-modified-since", &due.last_modified)] {
        if let Some(value) = value {
            request = request.header(name, value.as_str());
        }
    }
    let response = request.send().await.map_err(|error| {
        if error.is_timeout() {
            format!("The server did not answer within {} seconds.", egress::CALL_LIMIT.as_secs())
        } else if error.is_connect() || error.is_dns() {
            "The server could not be reached: no such name, no public address, or no answer.".to_owned()
        } else {
            "The connection to the server broke off.".to_owned()
        }
    })?;
    let status = response.status().as_u16();
    match status {
        200 => {}
        304 => return Ok(Answer::Unchanged),
        300..=399 => {
            return Err(format!(
                "The server sends on to another address ({status}), which is not followed. Enter the final address."
            ));
        }
        401 | 403 => {
            return Err(format!("The server refuses ({status}). The link may have been revoked; get a new one."));
        }
        404 | 410 => return Err(format!("There is nothing at this address ({status}). Get a new link.")),
        _ => return Err(format!("The server answered {status}.")),
    }
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| value.len() <= 300).map(str::to_owned)
    };
    let (etag, last_modified) = (header("etag"), header("last-modified"));
    let bytes = egress::read_at_most(response, import::LONGEST_BYTES).await.map_err(|error| match error {
        BodyError::TooLong { .. } => "The calendar is longer than 5 MiB. Share one with fewer events.".to_owned(),
        BodyError::Lost(_) => "The calendar broke off on its way.".to_owned(),
    })?;
    Ok(Answer::Body { bytes, etag, last_modified })
}

fn not_allowed(refused: &Refused) -> String {
    match refused {
        Refused::NotAUrl => "This is not a web address.".to_owned(),
        Refused::NotHttps => "The address must begin with https://.".to_owned(),
        Refused::Credentials => "The address must not carry a user name or password.".to_owned(),
        Refused::NotPublic(_) => {
            "The address leads into a private network, where calendars are not fetched.".to_owned()
        }
    }
}
