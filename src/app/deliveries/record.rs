//! Records what a provider answered, for a message and for all the pages it carried.

use crate::app::deliveries::{carried_by, incident_of, ledger, say, start_next_method};
use crate::app::{AppError, Write, apply};
use crate::domain::access::Role;
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, Delivery, Outcome, Recorded, State};
use crate::domain::effect::Reason;
use crate::domain::id::{DeliveryId, UserId};
use crate::domain::incident::Status;
use crate::domain::throttle::ChannelTrouble;
use crate::domain::timeline::DeliveryNews;
use crate::domain::user::{ContactMethod, User};
use crate::store::{Read, users};

/// Records a provider's answer; `has_receipts` says whether the provider tells later what became of the message. A
/// failure of any kind starts the person's next method at once, besides the retries.
pub fn record(
    tx: &mut Write<'_>,
    id: DeliveryId,
    attempt: usize,
    answer: &Answer,
    has_receipts: bool,
) -> Result<Recorded, AppError> {
    let Some(mut carrier) = tx.get::<Delivery>(id)? else { return Ok(Recorded::Nothing) };
    let members = match carrier.attempts.get(attempt) {
        Some(sent) => carried_by(tx, id, sent)?,
        None => return Ok(Recorded::Nothing),
    };
    account(tx, &carrier, attempt, &answer.outcome)?;
    let recorded = carrier.record(attempt, answer.clone(), has_receipts, tx.given());
    follow_up(tx, &mut carrier, recorded, &answer.text)?;
    for (mut member, index) in members {
        let own = member.record(index, answer.clone(), has_receipts, tx.given());
        keep_in_step(&carrier, &mut member);
        follow_up(tx, &mut member, own, &answer.text)?;
    }
    if let Outcome::Permanent { account_wide: true } = answer.outcome {
        warn_admins(tx, carrier.channel, &answer.text)?;
    }
    Ok(recorded)
}

/// What waits for another try after one message waits for the same instant, and so goes together again.
pub(super) fn keep_in_step(carrier: &Delivery, member: &mut Delivery) {
    if let (State::Retrying { due: together }, State::Retrying { due }) = (&carrier.state, &mut member.state) {
        *due = *together;
    }
}

/// What the number's ledger learns. Texts that never reached the provider's filter do not count; those that may have do.
fn account(tx: &mut Write<'_>, delivery: &Delivery, attempt: usize, outcome: &Outcome) -> Result<(), AppError> {
    if delivery.channel != Channel::Sms {
        return Ok(());
    }
    let mut ledger = ledger(tx, &delivery.address)?;
    let sent = &delivery.attempts[attempt];
    let copies = delivery.attempts.iter().filter(|copy| copy.message_number == sent.message_number).count();
    match outcome {
        Outcome::Muted => ledger.close(tx.now()),
        outcome if outcome.was_not_taken() && copies == 1 => {
            ledger.give_back(delivery.id, sent.message_number);
        }
        _ => return Ok(()),
    }
    Ok(tx.put(&ledger)?)
}

/// Writes the delivery, says on the timeline what matters, and starts the next method after a failure.
pub(super) fn follow_up(
    tx: &mut Write<'_>,
    delivery: &mut Delivery,
    recorded: Recorded,
    text: &str,
) -> Result<(), AppError> {
    let text = text.to_owned();
    let crossed = match incident_of(tx, delivery)? {
        Some(incident) => delivery.is_page() && incident.status != Status::Triggered,
        None => false,
    };
    match recorded {
        Recorded::Sent if crossed => say(tx, delivery, DeliveryNews::Crossed)?,
        Recorded::Sent => say(tx, delivery, DeliveryNews::Sent)?,
        Recorded::Failed => say(tx, delivery, DeliveryNews::Failed { text })?,
        Recorded::Exhausted => say(tx, delivery, DeliveryNews::Exhausted { text })?,
        Recorded::Retrying | Recorded::Nothing => {}
    }
    if matches!(recorded, Recorded::Failed | Recorded::Retrying | Recorded::Exhausted) {
        start_next_method(tx, delivery)?;
    }
    Ok(tx.put(delivery)?)
}

/// No message to anybody works on this channel: admins hear of it on another one, at most hourly.
fn warn_admins(tx: &mut Write<'_>, channel: Channel, text: &str) -> Result<(), AppError> {
    let now = tx.now();
    let told = tx.get_sound::<ChannelTrouble>(channel.word())?;
    if told.is_some_and(|told| !told.may_tell_again(now)) {
        return Ok(());
    }
    tx.put(&ChannelTrouble { channel, told_at: now, why: text.to_owned() })?;
    let words = format!("{} does not work for anybody: {text}", channel.title());
    tell_admins(tx, |_, contact| contact.channel != channel, &words)
}

/// Tells every active admin, by the first method that is right, and by the next ones while none works.
pub(in crate::app) fn tell_admins(
    tx: &mut Write<'_>,
    is_right: impl Fn(UserId, &ContactMethod) -> bool,
    words: &str,
) -> Result<(), AppError> {
    let admins = users::users_active_admins(tx, crate::app::MANY)?;
    for User { id, contacts, .. } in admins.into_iter().filter(|user| user.role == Role::Admin) {
        let enabled = contacts.iter().filter(|contact| contact.enabled && is_right(id, contact));
        // Mail first: it costs no text of anybody's budget.
        if let Some(contact) = enabled.min_by_key(|contact| contact.channel != Channel::Email) {
            apply::tell(tx, id, contact, Reason::Notice, words)?;
        }
    }
    Ok(())
}
