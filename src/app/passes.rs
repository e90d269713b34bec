//! Passes: what a message carries so that its reader can act without signing in.

use crate::app::{AppError, Read, Write, sha256};
use crate::domain::id::{ContactId, Id, IncidentId, UserId};
use crate::domain::pass::{self, Pass};
use crate::domain::reply::Wish;
use crate::domain::time::Timestamp;
use crate::store::{Read as _, passes};
use ring::hmac;

/// Makes the tokens of links and the codes of proofs. Derived from the secret key, so a copy of the database opens
/// nothing.
#[derive(Clone)]
pub struct LinkKey(hmac::Key);

/// Says nothing of the key.
impl std::fmt::Debug for LinkKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("LinkKey")
    }
}

impl LinkKey {
    /// A key of its own, derived from the process's secret.
    pub fn new(secret: &[u8]) -> LinkKey {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"pagerpal links");
        LinkKey(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The first 160 bits of a MAC over what the token is for. Fields have fixed lengths, so no two purposes meet.
    pub fn bits(&self, purpose: &str, numbers: &[u64]) -> [u8; 20] {
        let mut text = format!("pagerpal {purpose}").into_bytes();
        for number in numbers {
            text.push(0);
            text.extend(number.to_be_bytes());
        }
        let tag = hmac::sign(&self.0, &text);
        tag.as_ref()[..20].try_into().expect("SHA-256 has 32 bytes")
    }
}

impl LinkKey {
    /// Six digits that prove that messages to this contact method arrive, for the proof begun at that second.
    pub fn proof(&self, contact: ContactId, begun_at: Timestamp) -> String {
        let bits = self.bits("contact proof", &[contact.number(), begun_at.as_second().unsigned_abs()]);
        let number = u64::from_be_bytes(bits[..8].try_into().expect("eight of twenty bytes"));
        format!("{:06}", number % 1_000_000)
    }
}

impl LinkKey {
    /// What a provider's calls to us carry in their path.
    pub fn callback_token(&self) -> String {
        pass::token(self.bits("provider callbacks", &[]))
    }

    pub fn is_callback_token(&self, token: &str) -> bool {
        // Compared by digest: how far a guess agrees tells nothing.
        sha256(token.as_bytes()) == sha256(self.callback_token().as_bytes())
    }

    /// What is put behind a button of a message: it acts for one person on one incident.
    pub fn button(&self, incident: IncidentId, user: UserId, wish: Wish) -> String {
        let (incident, user) = (incident.number(), user.number());
        let mac = pass::token(self.bits("button", &[incident, user, wish as u64]));
        format!("{incident}.{user}.{}.{mac}", wish as u64)
    }

    /// What a button of ours asks for; `None` for anything that was not made here.
    pub fn read_button(&self, button: &str) -> Option<(IncidentId, UserId, Wish)> {
        let mut parts = button.split('.');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let (incident, user, wish) = (IncidentId::new(number()?), UserId::new(number()?), number()?);
        let wish = Wish::ALL.into_iter().find(|known| *known as u64 == wish)?;
        let made = self.button(incident, user, wish);
        (sha256(made.as_bytes()) == sha256(button.as_bytes())).then_some((incident, user, wish))
    }
}

/// What goes into a message.
#[derive(Clone, Debug)]
pub struct GivenPass {
    pub token: String,
    pub code: String,
}

/// The person's pass for this incident, made if this is the first message.
pub fn give(tx: &mut Write<'_>, key: &LinkKey, incident: IncidentId, user: UserId) -> Result<GivenPass, AppError> {
    let token = pass::token(key.bits("incident link", &[incident.number(), user.number()]));
    let token_hash = sha256(token.as_bytes());
    let code = match tx.get::<Pass>((incident, user))? {
        // After a change of the key the old links are dead and the new ones must work.
        Some(given) if given.token_hash == token_hash => given.code,
        given => {
            let code = match given {
                Some(given) => given.code,
                None => free_code(tx, user)?,
            };
            let created_at = tx.now();
            tx.put(&Pass { incident, user, token_hash, code: code.clone(), created_at })?;
            code
        }
    };
    Ok(GivenPass { token, code })
}

fn free_code(tx: &mut Write<'_>, user: UserId) -> Result<String, AppError> {
    loop {
        let code = pass::code(tx.given().jitter.number());
        if passes::pass_by_code(tx, user, &code)?.is_none() {
            return Ok(code);
        }
    }
}

/// Whose pass a link's token is.
pub fn by_token(read: &Read<'_>, token: &str) -> Result<Option<Pass>, AppError> {
    Ok(passes::pass_by_token(read, sha256(token.as_bytes()))?)
}
