//! Sign-ins and what became of tries, for the audit log: who came in, how and from where; who went; who was not let in.
//!
//! A sign-in and its entry are one transaction. Tries that failed are counted by `web::sign_ins` before they come here,
//! because anybody can fail as often as they like; what arrives is bounded by the hour. Twenty of them on one account
//! within an hour are told to its owner and to the admins. Nobody is locked out by anything here.

use crate::app::deliveries::tell_admins;
use crate::app::{AppError, Write, apply, audit, auth, users};
use crate::domain::actor::{Actor, Door};
use crate::domain::contact::Channel;
use crate::domain::effect::Reason;
use crate::domain::id::UserId;
use crate::domain::session::Device;
use crate::domain::user::User;
use std::net::IpAddr;

/// Failed tries on one account within an hour after which its owner and the admins hear of it.
pub const ALARMING: usize = 20;

/// Opens a session and says how its owner came by it: "with the password".
pub fn begin(
    tx: &mut Write<'_>,
    user: UserId,
    token_hash: [u8; 32],
    (device, address): (&Device, IpAddr),
    how: &str,
) -> Result<(), AppError> {
    auth::open_session(tx, user, token_hash, device)?;
    let user = users::one(tx, user)?;
    let actor = auth::actor(&user, Door::Web).at(address);
    audit::note(tx, &actor, "session.signed_in", user.id, format!("{} {how}", user.name))
}

/// Signs out of one session, at its owner's wish.
pub fn end(tx: &mut Write<'_>, actor: &Actor, token_hash: [u8; 32]) -> Result<(), AppError> {
    auth::end_session(tx, token_hash)?;
    let Some(id) = actor.user_id() else { return Ok(()) };
    let name = users::one(tx, id)?.name;
    audit::note(tx, actor, "session.signed_out", id, name)
}

/// A program gave the right password, for the first time in a while.
pub fn note_program(tx: &mut Write<'_>, actor: &Actor) -> Result<(), AppError> {
    let Some(id) = actor.user_id() else { return Ok(()) };
    let name = users::one(tx, id)?.name;
    audit::note(tx, actor, "session.password_used", id, format!("{name} by a program"))
}

/// Tries that failed: one, or all that followed it within an hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failed {
    /// `None` where nobody may sign in.
    pub account: Option<UserId>,
    /// `None`: from many.
    pub address: Option<IpAddr>,
    pub door: Door,
    /// What was wrong: "a wrong password".
    pub what: &'static str,
    /// 0: this is the first one. Otherwise how many followed it.
    pub more: u64,
}

pub fn note_failed(tx: &mut Write<'_>, failed: &Failed) -> Result<(), AppError> {
    let Failed { account, address, door, what, more } = *failed;
    let whose = match account {
        Some(id) => users::one(tx, id)?.name,
        None => "nobody who may sign in".to_owned(),
    };
    let from = if address.is_none() { ", from many addresses" } else { "" };
    let summary = match more {
        0 => format!("{whose}: {what}{from}"),
        1 => format!("{whose}: one more within the hour{from}"),
        more => format!("{whose}: {more} more within the hour{from}"),
    };
    let actor = Actor { address, ..Actor::unknown(door) };
    let object = account.map(|id| id.to_string()).unwrap_or_default();
    audit::note(tx, &actor, "session.refused", object, summary)
}

/// Tells the owner of an account, and the admins, that [`ALARMING`] tries on it have failed; `address` is where the last
/// came from.
pub fn alarm(tx: &mut Write<'_>, account: UserId, address: IpAddr, door: Door) -> Result<(), AppError> {
    let User { id, name, contacts, .. } = users::one(tx, account)?;
    let tried = format!("{ALARMING} wrong passwords within an hour, the last from {address}");
    // Mail first: it costs no text of anybody's budget.
    let on = contacts.iter().filter(|contact| contact.enabled);
    if let Some(contact) = on.min_by_key(|contact| contact.channel != Channel::Email) {
        let words = format!(
            "Somebody tries to sign in as you: {tried}. Nobody came in, and you are not locked out. If it was not you, \
             tell your admin."
        );
        apply::tell(tx, id, contact, Reason::Account, &words)?;
    }
    let words = format!("Somebody tries to sign in as {name}: {tried}. Nobody came in, and nobody is locked out.");
    tell_admins(tx, |admin, _| admin != id, &words)?;
    let actor = Actor::unknown(door).at(address);
    let summary = format!("{name}: {ALARMING} failed within an hour; they and the admins are told");
    audit::note(tx, &actor, "session.tries_told", id, summary)
}
