//! Invitations: made by an admin, mailed if that is wished, used once by whoever holds the link.
//!
//! A link's token follows from the invitation's id and the installation's secret key, like that of a message's link: a
//! copy of the database opens nothing, and a mail needs no secret in the queue. After a change of the key old links are
//! dead.

use crate::app::passes::LinkKey;
use crate::app::{App, AppError, Write, apply, auth, change, sha256, users};
use crate::domain::actor::{Actor, Door};
use crate::domain::contact::Channel;
use crate::domain::effect::Reason;
use crate::domain::id::{Id, InvitationId, UserId};
use crate::domain::invitation::{Invitation, Login as State, require_invitable};
use crate::domain::pass;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::{ContactMethod, Login, User};
use crate::store::{Read, deliveries, invitations};
use std::net::IpAddr;

/// What an admin is told, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    pub token: String,
    pub ends_at: Timestamp,
    /// Where it was mailed to.
    pub mailed_to: Option<String>,
}

/// The path of the link.
pub fn path(token: &str) -> String {
    format!("/invite/{token}")
}

/// Whether a mail with a link could be sent at all: mail is set up, and we know what we are called.
pub fn can_mail(app: &App) -> bool {
    let mail = app.board.channels().remove(&Channel::Email);
    app.settings.base_url.is_some() && mail.is_some_and(|mail| mail.provider.is_some())
}

/// Refuses to promise a mail that cannot be sent.
pub fn require_mail(app: &App) -> Result<(), Refusal> {
    if can_mail(app) {
        return Ok(());
    }
    let sentence = "Mail is not set up, or PAGERPAL_BASE_URL is missing. Make the link and hand it over.";
    Err(Refusal::conflict("mail_off", sentence))
}

/// Makes a link by which somebody chooses a password; an older one opens nothing from now on. `mails`: it is sent to the
/// person, too.
pub fn invite(tx: &mut Write<'_>, actor: &Actor, key: &LinkKey, user: UserId, mails: bool) -> Result<Made, AppError> {
    change::begin(actor)?;
    let user = users::one(tx, user)?;
    require_invitable(&user)?;
    let contact = if mails { Some(mail_of(&user)?.clone()) } else { None };
    forget(tx, user.id)?;
    let (id, created_at) = (tx.new_id(), tx.now());
    let token = token(key, id);
    let token_hash = sha256(token.as_bytes());
    let invitation = Invitation { id, user: user.id, token_hash, created_at, author: actor.user_id() };
    tx.put(&invitation)?;
    if let Some(contact) = &contact {
        apply::tell(tx, user.id, contact, Reason::Invitation, "")?;
    }
    let action = if user.login.is_some() { "user.reset_link_made" } else { "user.invited" };
    let by_mail = if mails { ", by mail" } else { "" };
    change::audit(tx, actor, action, user.id, format!("{}{by_mail}", user.name))?;
    Ok(Made { token, ends_at: invitation.ends_at(), mailed_to: contact.map(|contact| contact.address) })
}

/// Where a link may be mailed to: the address the person signs in with, else another of theirs.
pub fn mail_of(user: &User) -> Result<&ContactMethod, Refusal> {
    let on = user.contacts.iter().filter(|contact| contact.enabled && contact.channel == Channel::Email);
    on.min_by_key(|contact| user.email.as_ref() != Some(&contact.address)).ok_or_else(|| {
        let sentence = format!("{} has no mail address among the contact methods. Hand the link over.", user.name);
        Refusal::conflict("mail_missing", sentence)
    })
}

/// The person a link was made for, if it is good now.
pub fn look(
    read: &impl Read,
    key: &LinkKey,
    token: &str,
    now: Timestamp,
) -> Result<Option<(Invitation, User)>, AppError> {
    let found = invitations::invitation_by_token(read, sha256(token.as_bytes()))?;
    let is_good = |invitation: &Invitation| {
        invitation.is_good_at(now) && sha256(self::token(key, invitation.id).as_bytes()) == invitation.token_hash
    };
    let Some(invitation) = found.filter(is_good) else { return Ok(None) };
    let user = read.get::<User>(invitation.user)?.filter(User::is_active);
    Ok(user.map(|user| (invitation, user)))
}

/// Uses a link up: from now on this is the person's password, and every older sign-in of theirs is over. `None`: the
/// link opens nothing.
pub fn accept(
    tx: &mut Write<'_>,
    key: &LinkKey,
    token: &str,
    password_hash: &str,
    address: IpAddr,
) -> Result<Option<UserId>, AppError> {
    let now = tx.now();
    let Some((_, mut user)) = look(tx, key, token, now)? else { return Ok(None) };
    let actor = Actor::user(user.id, user.role, Door::Link).at(address);
    user.login = Some(Login { password_hash: password_hash.to_owned(), changed_at: now });
    users::save(tx, &user)?;
    auth::end_sessions(tx, user.id)?;
    forget(tx, user.id)?;
    change::audit(tx, &actor, "user.invitation_used", user.id, format!("{} chose a password", user.name))?;
    Ok(Some(user.id))
}

/// Whatever link there is opens nothing from now on, and does not leave by mail any more. Whether there was one.
pub(super) fn forget(tx: &mut Write<'_>, user: UserId) -> Result<bool, AppError> {
    if tx.get::<Invitation>(user)?.is_none() {
        return Ok(false);
    }
    tx.delete::<Invitation>(user)?;
    for mut delivery in deliveries::deliveries_open_of_user(tx, user, super::MANY)? {
        if delivery.reason == Reason::Invitation && delivery.withdraw("the link is over") {
            tx.put(&delivery)?;
        }
    }
    Ok(true)
}

/// Whether somebody can sign in, and until when the link is good that is under way to them.
pub fn state(read: &impl Read, user: &User, now: Timestamp) -> Result<(State, Option<Timestamp>), AppError> {
    let invitation = read.get::<Invitation>(user.id)?.filter(|invitation| invitation.is_good_at(now));
    let state = State::of(user, invitation.as_ref(), now);
    Ok((state, invitation.filter(|_| user.is_active()).map(|invitation| invitation.ends_at())))
}

/// What a mail says, and the token of its link; `None` if that is over.
pub fn message(read: &impl Read, key: &LinkKey, user: &User) -> Result<Option<(String, String)>, AppError> {
    let Some(invitation) = read.get::<Invitation>(user.id)? else { return Ok(None) };
    let sentence = if user.login.is_some() {
        "Here you choose a new password for PagerPal. The link works once, for 72 hours. If you did not ask for it, \
         tell your admin."
    } else {
        "You are invited to sign in to PagerPal. Here you choose your password; the link works once, for 72 hours."
    };
    Ok(Some((sentence.to_owned(), token(key, invitation.id))))
}

fn token(key: &LinkKey, id: InvitationId) -> String {
    pass::token(key.bits("invitation", &[id.number()]))
}
