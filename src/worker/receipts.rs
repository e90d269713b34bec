//! What became of messages: starts the next method when nothing is heard in time, and asks the provider where it cannot
//! call us.
//!
//! The deadline never waits for the network: first the next method is started, then the provider is asked.

use crate::app::AppError;
use crate::app::deliveries::{next_due, receipts_overdue, receive_receipts};
use crate::app::replies;
use crate::app::system::Worker;
use crate::domain::contact::Channel;
use crate::domain::delivery::DeliveryRing;
use crate::domain::receipt::Reported;
use crate::domain::reply::Inbound;
use crate::domain::time::Timestamp;
use crate::notify::infobip::inbox::Inbox;
use crate::worker::{Shop, wheel};
use std::sync::Arc;

/// How often the provider is asked while something is open.
const ASK_SECS: i64 = 15;
/// For so long after the last message of a channel its reports and replies are asked for: texts live a quarter of an
/// hour, and people answer late.
const OPEN_SECS: i64 = 24 * 3600;

pub async fn run(shop: Shop) {
    let wakers = Arc::clone(&shop.wakers);
    let mut asked_at = None;
    loop {
        let going_on = match round(&shop, &mut asked_at).await {
            Ok(next) => wheel::rest(&shop, &wakers.receipts, next).await,
            Err(error) => {
                shop.ran(Worker::Receipts, 0, Some(error.to_string()));
                wheel::pause(&shop, wheel::AFTER_ERROR, &wakers.receipts).await
            }
        };
        if !going_on {
            return;
        }
    }
}

async fn round(shop: &Shop, asked_at: &mut Option<Timestamp>) -> Result<Option<Timestamp>, AppError> {
    let silent = overdue(shop).await?;
    let providers = shop.providers.current();
    if let Some(inbox) = providers.inbox() {
        let now = shop.app.now();
        if !silent.is_empty() {
            take_reports(shop, inbox.logs(&silent).await).await?;
        }
        let is_time = asked_at.is_none_or(|at| now.is_past(at, ASK_SECS));
        if inbox.polled && is_time && is_open(shop, now) {
            *asked_at = Some(now);
            ask(shop, inbox).await?;
        }
    }
    shop.ran(Worker::Receipts, 0, None);
    let next = shop.read(|read| next_due(read, DeliveryRing::Receipt)).await?;
    let ask_next = asked_at.map(|at| at.plus_secs(ASK_SECS)).filter(|at| is_open(shop, *at));
    Ok([next, ask_next].into_iter().flatten().min())
}

/// Starts the next method of every message whose receipt is late.
async fn overdue(shop: &Shop) -> Result<Vec<String>, AppError> {
    let mut silent = Vec::new();
    loop {
        let next = shop.read(|read| next_due(read, DeliveryRing::Receipt)).await?;
        if next.is_none_or(|due| due > shop.app.now()) {
            return Ok(silent);
        }
        let lineage = shop.app.lineage().to_owned();
        silent.extend(shop.write(move |tx| receipts_overdue(tx, &lineage)).await?);
    }
}

/// Whether a text message was taken lately. What an earlier process sent is asked for too, so the first hours count.
fn is_open(shop: &Shop, now: Timestamp) -> bool {
    let board = &shop.app.board;
    let accepted = board.channels().get(&Channel::Sms).and_then(|sms| sms.last_accepted);
    let last = accepted.max(board.started_at());
    shop.app.switches().sending && last.is_some_and(|at| now.secs_since(at) < OPEN_SECS)
}

async fn ask(shop: &Shop, inbox: &Inbox) -> Result<(), AppError> {
    take_reports(shop, inbox.reports().await).await?;
    if inbox.two_way {
        take_replies(shop, inbox.replies().await).await?;
    }
    Ok(())
}

async fn take_reports(shop: &Shop, reports: Vec<Reported>) -> Result<(), AppError> {
    if reports.is_empty() {
        return Ok(());
    }
    let lineage = shop.app.lineage().to_owned();
    let count = reports.len();
    let changed = shop.write(move |tx| receive_receipts(tx, &lineage, &reports)).await?;
    tracing::info!(count, changed, "reports were asked for");
    Ok(())
}

/// Each in a transaction of its own, so that one that fails loses no other.
async fn take_replies(shop: &Shop, inbound: Vec<Inbound>) -> Result<(), AppError> {
    for reply in inbound {
        let key = shop.app.settings.link_key.clone();
        let heard = shop.write(move |tx| replies::receive(tx, &key, &reply)).await?;
        tracing::info!(?heard, "a reply was asked for");
    }
    Ok(())
}
