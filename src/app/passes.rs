//! Passes: what a message carries so that its reader can act without signing in.

use crate::app::incidents::{self, Deed};
use crate::app::names::{self, Names};
use crate::app::{AppError, Read, Write, context, preferences, sha256};
use crate::domain::actor::{Actor, Door};
use crate::domain::effect::Reason;
use crate::domain::event;
use crate::domain::id::{ContactId, Id, IncidentId, UserId};
use crate::domain::incident::{Incident, IncidentDetails};
use crate::domain::pass::{self, Pass};
use crate::domain::policy::Policy;
use crate::domain::preferences::Preferences;
use crate::domain::reply::Wish;
use crate::domain::team::Team;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::store::{Read as _, notifications, passes};
use ring::hmac;
use std::net::IpAddr;

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

    /// The token of the link by which a person acts on an incident.
    pub fn link(&self, incident: IncidentId, user: UserId) -> String {
        pass::token(self.bits("incident link", &[incident.number(), user.number()]))
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
    let token = key.link(incident, user);
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

/// What a link shows to whoever holds it.
#[derive(Clone, Debug)]
pub struct Sight {
    pub incident: Incident,
    pub user: User,
    pub preferences: Preferences,
    pub names: Names,
    pub team: String,
    /// Why this person was paged; empty if that is not known any more.
    pub why: String,
    /// The first web address the alert brought: mostly its runbook.
    pub runbook: Option<event::Link>,
    /// The last incident of the same alert, and the last note about it.
    pub last_time: Option<(Incident, Option<String>)>,
    pub next: Option<(String, Timestamp)>,
    /// Whom passing it on would call: names, or "last resort".
    pub passed_on_to: String,
}

/// What a link's token is good for.
#[derive(Clone, Debug)]
pub enum Link {
    Unknown,
    /// The incident has been closed for a day, or the person is deactivated.
    Dead,
    Live(Box<Sight>),
}

pub fn look(read: &Read<'_>, token: &str) -> Result<Link, AppError> {
    let (incident, user) = match holder(read, token, read.now())? {
        Holder::Unknown => return Ok(Link::Unknown),
        Holder::Dead => return Ok(Link::Dead),
        Holder::Live(both) => *both,
    };
    let policy = read.get_sound::<Policy>(incident.policy)?;
    let told = notifications::notifications_of(read, incident.id, super::MANY)?;
    let page = told.iter().find(|n| n.user == user.id && matches!(n.reason, Reason::Page { .. }));
    let why = page.map(|page| names::why(read, page, policy.as_ref())).transpose()?.unwrap_or_default();
    let next = policy.map(|policy| incidents::next_call(read, &incident, &policy)).transpose()?.flatten();
    let team = read.get_sound::<Team>(incident.team)?.map(|team| team.name).unwrap_or_default();
    let names = names::all(read)?;
    let links = read.get_sound::<IncidentDetails>(incident.id)?.map(|details| details.links).unwrap_or_default();
    let runbook = links.into_iter().find(event::Link::is_web);
    let last_time = incidents::last_time(read, &incident)?;
    let passed_on_to = passed_on_to(read, &incident)?;
    let preferences = preferences::of(read, user.id)?;
    let sight = Sight { incident, user, preferences, names, team, why, runbook, last_time, next, passed_on_to };
    Ok(Link::Live(Box::new(sight)))
}

/// As the deed itself chooses: the next level that reaches somebody, past the end from the bottom. Who is called when
/// nobody does anything is another matter, and nobody is once it was taken.
fn passed_on_to(read: &Read<'_>, incident: &Incident) -> Result<String, AppError> {
    let now = read.now();
    let context = context::for_incident(read, incident, now)?;
    let reached = |above| {
        let mut levels = context.policy.levels_above(above).map(|level| context.people_of(level, now).0);
        levels.find(|called| !called.is_empty())
    };
    let Some(called) = reached(incident.ladder.level).or_else(|| reached(None)) else {
        return Ok("last resort".to_owned());
    };
    let names = called.iter().filter_map(|called| context.people.get(&called.user)).map(|user| user.name.as_str());
    Ok(names.collect::<Vec<_>>().join(", "))
}

/// Acts for the person whose link it is, with that person's rights; `address` is where whoever holds it is. `None`: the
/// link opens nothing.
pub fn act(tx: &mut Write<'_>, token: &str, address: IpAddr, deed: Deed) -> Result<Option<Incident>, AppError> {
    let Holder::Live(both) = holder(tx, token, tx.now())? else { return Ok(None) };
    let (incident, user) = *both;
    let actor = Actor::user(user.id, user.role, Door::Link).at(address);
    incidents::act(tx, &actor, &incident.id.to_string(), None, deed).map(Some)
}

/// The incident and the person of a token.
enum Holder {
    Unknown,
    Dead,
    Live(Box<(Incident, User)>),
}

fn holder(read: &impl crate::store::Read, token: &str, now: Timestamp) -> Result<Holder, AppError> {
    let Some(pass) = passes::pass_by_token(read, sha256(token.as_bytes()))? else { return Ok(Holder::Unknown) };
    let (incident, user) = (read.get::<Incident>(pass.incident)?, read.get::<User>(pass.user)?);
    Ok(match (incident, user) {
        (Some(incident), Some(user)) if !pass.is_dead(&incident, &user, now) => {
            Holder::Live(Box::new((incident, user)))
        }
        _ => Holder::Dead,
    })
}
