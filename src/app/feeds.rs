//! Feeds: links to calendars, made, shown again, revoked; and what stands in one.
//!
//! A link's token follows from the feed's id and the installation's secret key, so it can be shown again and a copy of the
//! database holds nothing that opens a calendar. After a change of the key old links are dead, and their page says so.

use crate::app::passes::LinkKey;
use crate::app::{AppError, Read, Write, change, context, schedules, sha256, users};
use crate::domain::actor::Actor;
use crate::domain::feed::{EARLIER_DAYS, Event, EventKey, Feed, FeedOf, MOST_FEEDS, Publication, events, window};
use crate::domain::id::{FeedId, Id, ScheduleId, UserId};
use crate::domain::oncall::{Calendar, People, Source};
use crate::domain::pass;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use crate::exchange::ical::export;
use crate::store::{Read as _, feeds, schedules as stored_schedules};
use std::collections::BTreeSet;

/// One on its owner's page.
#[derive(Clone, Debug)]
pub struct Link {
    pub feed: Feed,
    /// `None` if the secret key has changed since: nobody can know the token any more.
    pub token: Option<String>,
}

fn token(key: &LinkKey, id: FeedId, of: FeedOf) -> String {
    let kind = match of {
        FeedOf::Schedule(_) => 0,
        FeedOf::User(_) => 1,
    };
    pass::token(key.bits("calendar feed", &[id.number(), kind, of.number()]))
}

/// A schedule's are for admins to make, a person's for that person alone: the link shows where they are when.
pub fn create(tx: &mut Write<'_>, actor: &Actor, key: &LinkKey, of: FeedOf) -> Result<FeedId, AppError> {
    let name = match of {
        FeedOf::Schedule(id) => {
            change::begin(actor)?;
            schedules::one(tx, id)?.name
        }
        FeedOf::User(id) => {
            require_own(actor, id)?;
            users::active(tx, id)?.name
        }
    };
    if feeds::feeds_open_of(tx, of, MOST_FEEDS)?.len() == MOST_FEEDS {
        let sentence = format!("There are {MOST_FEEDS} links already. Revoke one that nobody uses first.");
        return Err(Refusal::conflict("too_many", sentence).into());
    }
    let id = tx.new_id();
    let token_hash = sha256(token(key, id, of).as_bytes());
    let feed = Feed { id, of, token_hash, created_at: tx.now(), author: actor.user_id(), revoked_at: None };
    tx.put(&feed)?;
    change::audit(tx, actor, "feed.created", id, name)?;
    Ok(id)
}

fn require_own(actor: &Actor, id: UserId) -> Result<(), Refusal> {
    if actor.user_id() == Some(id) {
        return Ok(());
    }
    Err(Refusal::forbidden("Only its owner can make a link to a personal calendar. Ask them for one."))
}

/// There is nothing at this schedule's or person's link from now on. Revoking twice is no error.
pub fn revoke(tx: &mut Write<'_>, actor: &Actor, of: FeedOf, id: FeedId) -> Result<(), AppError> {
    if actor.user_id().is_none_or(|user| of != FeedOf::User(user)) {
        change::begin(actor)?;
    }
    let known = tx.get::<Feed>(id)?.filter(|feed| feed.of == of);
    let mut feed = known.ok_or_else(|| Refusal::not_found("link"))?;
    if feed.revoked_at.is_none() {
        feed.revoked_at = Some(tx.now());
        tx.put(&feed)?;
        let name = match feed.of {
            FeedOf::Schedule(of) => schedules::one(tx, of)?.name,
            FeedOf::User(of) => users::one(tx, of)?.name,
        };
        change::audit(tx, actor, "feed.revoked", id, name)?;
    }
    Ok(())
}

/// Its schedule is being deleted, which audits itself.
pub(super) fn forget(tx: &mut Write<'_>, schedule: ScheduleId) -> Result<(), AppError> {
    for feed in feeds::feeds_open_of(tx, FeedOf::Schedule(schedule), super::MANY)? {
        tx.delete::<Feed>(feed.id)?;
    }
    tx.delete::<Publication>(schedule)?;
    Ok(())
}

/// Those that are not revoked, the oldest first.
pub fn links(read: &Read<'_>, key: &LinkKey, of: FeedOf) -> Result<Vec<Link>, AppError> {
    let link = |feed: Feed| {
        let token = token(key, feed.id, feed.of);
        let is_known = sha256(token.as_bytes()) == feed.token_hash;
        Link { feed, token: is_known.then_some(token) }
    };
    Ok(feeds::feeds_open_of(read, of, MOST_FEEDS)?.into_iter().map(link).collect())
}

/// What a link's token opens. A revoked one, a deactivated person's, and one made under another secret key open nothing.
pub fn by_token(read: &Read<'_>, key: &LinkKey, given: &str) -> Result<Option<Feed>, AppError> {
    let found = feeds::feed_by_token(read, sha256(given.as_bytes()))?;
    let Some(feed) = found.filter(|feed| feed.revoked_at.is_none() && token(key, feed.id, feed.of) == given) else {
        return Ok(None);
    };
    let is_open = match feed.of {
        FeedOf::Schedule(_) => true,
        FeedOf::User(id) => read.get::<User>(id)?.is_some_and(|user| user.is_active()),
    };
    Ok(is_open.then_some(feed))
}

/// The calendar of a feed, without what only the web knows: `host` ends its UIDs.
pub fn document(read: &Read<'_>, feed: &Feed, host: &str) -> Result<export::Document, AppError> {
    let now = read.now();
    let (name, ids, user) = match feed.of {
        FeedOf::Schedule(id) => (schedules::one(read, id)?.name, vec![id], None),
        FeedOf::User(id) => {
            let all = stored_schedules::schedules_all(read, super::MANY)?;
            let name = format!("On call: {}", users::one(read, id)?.name);
            (name, all.into_iter().map(|schedule| schedule.id).collect(), Some(id))
        }
    };
    let mut document = export::Document { name, events: vec![] };
    for id in ids {
        add_schedule(read, id, user, host, now, &mut document)?;
    }
    document.events.sort_by(|a, b| (a.span.start, &a.uid).cmp(&(b.span.start, &b.uid)));
    Ok(document)
}

fn add_schedule(
    read: &Read<'_>,
    id: ScheduleId,
    user: Option<UserId>,
    host: &str,
    now: Timestamp,
    document: &mut export::Document,
) -> Result<(), AppError> {
    let Some((calendar, mut people)) = calendar(read, id, now)? else { return Ok(()) };
    let published = read.get::<Publication>(id)?;
    // Whoever had an event that is gone may be named by nothing else any more.
    let before = published.iter().flat_map(|published| &published.withdrawn).flat_map(|gone| &gone.event.users);
    people.extend(context::load_people(read, &before.copied().collect())?);
    let mut live = events(&calendar, &people, window(now))?;
    live.retain(|event| user.is_none_or(|user| event.users.contains(&user)));
    let keys: BTreeSet<EventKey> = live.iter().map(|event| event.key).collect();
    let write = |event: &Event, sequence, changed_at, is_cancelled| {
        let names = names(&event.users, &people);
        export::Event {
            uid: format!("{id}-{}@{host}", event.key.text()),
            span: event.span,
            summary: if user.is_some() { format!("On call: {}", calendar.schedule.name) } else { names.clone() },
            description: format!("{}, {names}, by {}", calendar.schedule.name, claim_words(&calendar, event.key.claim)),
            sequence,
            changed_at,
            is_cancelled,
        }
    };
    let (revision, revised_at) = (calendar.schedule.revision, calendar.schedule.revised_at);
    document.events.extend(live.iter().map(|event| write(event, revision, revised_at, false)));
    if let Some(published) = published {
        let gone = published.gone(&keys, user);
        document.events.extend(gone.into_iter().map(|gone| write(&gone.event, gone.revision, gone.at, true)));
    }
    Ok(())
}

/// A schedule as far back as a feed needs it, with everybody it names.
pub(super) fn calendar(
    read: &impl crate::store::Read,
    id: ScheduleId,
    now: Timestamp,
) -> Result<Option<(Calendar, People)>, AppError> {
    let from = window(now).start.plus_secs(-EARLIER_DAYS * 86_400);
    let Some(calendar) = context::calendar(read, id, from, super::MANY)? else { return Ok(None) };
    let people = context::load_people(read, &context::people_of(&calendar))?;
    Ok(Some((calendar, people)))
}

/// Names alone, so that whoever imports the feed finds the same people again.
fn names(users: &[UserId], people: &People) -> String {
    let names: Vec<&str> = users.iter().filter_map(|id| people.get(id)).map(|user| user.name.as_str()).collect();
    match names.as_slice() {
        [] => "Somebody who is gone".to_owned(),
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        [one, ..] => (*one).to_owned(),
    }
}

fn claim_words(calendar: &Calendar, claim: Source) -> String {
    match claim {
        Source::Layer(id) => {
            let layer = calendar.schedule.layers.iter().find(|layer| layer.id == id);
            layer.map_or("a layer".to_owned(), |layer| format!("the layer {}", layer.name))
        }
        Source::Override(_) => "an override".to_owned(),
        Source::Entry(_) => "an entry".to_owned(),
        Source::ImportedCover(_) => "an imported calendar".to_owned(),
        Source::Fallback => "being the fallback".to_owned(),
    }
}
