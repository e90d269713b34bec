//! Personal tokens: made by their owner, revoked by their owner or an admin.

use crate::app::{AppError, Read, Write, auth, change, sha256, users};
use crate::domain::actor::Actor;
use crate::domain::id::{ApiTokenId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::token::{MOST_TOKENS, PersonalToken, Wanted};
use crate::domain::user::User;
use crate::store::{self, tokens};

const PREFIX: &str = "ppt_";
const RANDOM: usize = 40;
const CHECK: usize = 6;

/// A new token from random bytes: a prefix that secret scanners know, 40 random characters, and six that follow from
/// them, so that a mistyped or shortened one is told apart without a look at the store.
pub fn spell(random: &[u8; 64]) -> String {
    let body = format!("{PREFIX}{}", base62(random, RANDOM));
    format!("{body}{}", check_of(&body))
}

/// Whether a text can be a token of ours at all.
pub fn is_well_formed(text: &str) -> bool {
    let is_long_enough = text.len() == PREFIX.len() + RANDOM + CHECK && text.is_ascii() && text.starts_with(PREFIX);
    is_long_enough && {
        let (body, check) = text.split_at(PREFIX.len() + RANDOM);
        check == check_of(body)
    }
}

fn check_of(body: &str) -> String {
    base62(&sha256(body.as_bytes()), CHECK)
}

/// As many letters, each from a byte below the largest multiple of 62; there are always enough of those in what is given
/// here, and a text that ran out would be too short to be taken for a token.
fn base62(bytes: &[u8], letters: usize) -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let even = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(*byte % 62)]));
    even.take(letters).collect()
}

/// The token that is good now, with its owner as they are now.
pub fn owner_of(read: &Read<'_>, text: &str) -> Result<Option<(PersonalToken, User)>, AppError> {
    if !is_well_formed(text) {
        return Ok(None);
    }
    let now = read.now();
    let found = tokens::token_by_hash(read, sha256(text.as_bytes()))?.filter(|token| token.is_good_at(now));
    let Some(token) = found else { return Ok(None) };
    Ok(auth::user_with_login(read, token.user)?.map(|user| (token, user)))
}

/// The oldest first.
pub fn of(read: &Read<'_>, actor: &Actor, user: UserId) -> Result<Vec<PersonalToken>, AppError> {
    auth::require_own_or_admin(actor, user)?;
    users::one(read, user)?;
    Ok(tokens::tokens_of(read, user, MOST_TOKENS)?)
}

pub fn one(read: &impl store::Read, user: UserId, id: ApiTokenId) -> Result<PersonalToken, AppError> {
    let token = read.get::<PersonalToken>(id)?.filter(|token| token.user == user);
    Ok(token.ok_or_else(|| Refusal::not_found("token"))?)
}

/// `text` is shown to its owner once.
pub fn create(tx: &mut Write<'_>, actor: &Actor, wanted: &Wanted, text: &str) -> Result<ApiTokenId, AppError> {
    let user = actor.user_id().ok_or_else(|| Refusal::forbidden("Only a person can have a personal token."))?;
    let (owner, now) = (users::active(tx, user)?, tx.now());
    let Wanted { name, most, expires_at } = wanted.clone().checked(owner.role, now)?;
    let others = tokens::tokens_of(tx, user, MOST_TOKENS)?;
    if others.len() == MOST_TOKENS {
        let sentence = format!("You have {MOST_TOKENS} tokens already. Revoke one that nothing uses first.");
        return Err(Refusal::conflict("too_many", sentence).into());
    }
    if others.iter().any(|other| other.name == name) {
        return Err(change::name_taken("token of yours", &name).into());
    }
    let tail = text[text.len().saturating_sub(4)..].to_owned();
    let token_hash = sha256(text.as_bytes());
    let id = tx.new_id();
    let summary = format!("{name} of {}, at most {}", owner.name, most.word());
    tx.put(&PersonalToken { id, user, name, token_hash, tail, most, created_at: now, expires_at, used_at: None })?;
    change::audit(tx, actor, "token.created", id, summary)?;
    Ok(id)
}

/// It opens nothing from the next call on.
pub fn revoke(tx: &mut Write<'_>, actor: &Actor, user: UserId, id: ApiTokenId) -> Result<(), AppError> {
    auth::require_own_or_admin(actor, user)?;
    let token = one(tx, user, id)?;
    tx.delete::<PersonalToken>(id)?;
    let owner = users::one(tx, user)?.name;
    change::audit(tx, actor, "token.revoked", id, format!("{} of {owner}", token.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_told_from_what_is_none() {
        let random: [u8; 64] = std::array::from_fn(|at| (at * 37 % 251) as u8);
        let token = spell(&random);
        assert_eq!(token.len(), 50);
        assert!(is_well_formed(&token), "{token}");
        let mut typo = token.clone().into_bytes();
        typo[10] = if typo[10] == b'a' { b'b' } else { b'a' };
        let typo = String::from_utf8(typo).expect("ASCII");
        for other in ["", "ppt_", &token[..49], &format!("{token}x"), &typo, &token.replace("ppt_", "ppx_")] {
            assert!(!is_well_formed(other), "{other}");
        }
    }
}
