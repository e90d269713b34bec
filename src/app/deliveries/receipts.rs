//! What providers report of messages they had taken, and what their silence means.

use crate::app::deliveries::record::{follow_up, keep_in_step};
use crate::app::deliveries::{carried_by, ledger, say, start_next_method};
use crate::app::{AppError, Write};
use crate::domain::contact::Channel;
use crate::domain::delivery::{self, Delivery, DeliveryRing, Outcome, clip_provider_text};
use crate::domain::receipt::{Fate, Receipt, Received, Reported};
use crate::domain::timeline::DeliveryNews;
use crate::store::{Read, Take, deliveries};

/// Receipts whose time has run out, looked at in one transaction at most.
const BATCH: usize = 100;

/// Takes reports in, in whatever order they come; answers how many changed something. What is not about a message of
/// ours is dropped: a claim is committed before its message leaves, so a report can overtake the answer to the call, but
/// not the claim.
pub fn receive_receipts(tx: &mut Write<'_>, lineage: &str, reports: &[Reported]) -> Result<usize, AppError> {
    let mut changed = 0;
    for report in reports {
        let Some((id, number)) = delivery::message_of(lineage, &report.message_id) else { continue };
        let Some(mut carrier) = tx.get::<Delivery>(id)? else { continue };
        let Some(index) = carrier.attempt_of_message(number) else { continue };
        let receipt = Receipt { at: tx.now(), fate: report.fate.clone(), text: clip_provider_text(&report.text) };
        let members = carried_by(tx, id, &carrier.attempts[index])?;
        let is_news = take(tx, &mut carrier, index, &receipt, None)?;
        for (mut member, own) in members {
            take(tx, &mut member, own, &receipt, Some(&carrier))?;
        }
        if is_news && carrier.channel == Channel::Sms && receipt.fate == Fate::Refused(Outcome::Muted) {
            let mut ledger = ledger(tx, &carrier.address)?;
            ledger.close(tx.now());
            tx.put(&ledger)?;
        }
        changed += usize::from(is_news);
    }
    Ok(changed)
}

fn take(
    tx: &mut Write<'_>,
    delivery: &mut Delivery,
    attempt: usize,
    receipt: &Receipt,
    carrier: Option<&Delivery>,
) -> Result<bool, AppError> {
    let received = delivery.receive(attempt, receipt.clone(), tx.given());
    if let Some(carrier) = carrier {
        keep_in_step(carrier, delivery);
    }
    match received {
        Received::Nothing | Received::AtOperator => tx.put(delivery)?,
        Received::Delivered => {
            tx.put(delivery)?;
            say(tx, delivery, DeliveryNews::Delivered)?;
        }
        Received::Failed(recorded) => follow_up(tx, delivery, recorded, &receipt.text)?,
    }
    Ok(received != Received::Nothing)
}

/// Accepted, and nothing was heard since: the person's next method starts. Answers the ids of those text messages, which
/// can be asked about.
pub fn receipts_overdue(tx: &mut Write<'_>, lineage: &str) -> Result<Vec<String>, AppError> {
    let mut silent = Vec::new();
    for mut delivery in deliveries::deliveries_due(tx, DeliveryRing::Receipt, tx.now(), Take::first(BATCH))?.items {
        delivery.stop_waiting_for_receipt();
        let had_started = delivery.next_started;
        start_next_method(tx, &mut delivery)?;
        tx.put(&delivery)?;
        if delivery.next_started && !had_started {
            say(tx, &delivery, DeliveryNews::NoReceipt)?;
        }
        let own = delivery.attempts.last().filter(|last| last.carrier.is_none() && delivery.channel == Channel::Sms);
        silent.extend(own.map(|last| delivery::message_id(lineage, delivery.id, last.message_number)));
    }
    Ok(silent)
}
