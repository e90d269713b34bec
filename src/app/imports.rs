//! Calendars from elsewhere: added to a schedule, used as a layer or as covers, fetched, taken away.
//!
//! An import belongs to one schedule. Adding one fetches it and uses it for nothing yet; its name on a layer or among the
//! covers does. The worker asks [`due`], fetches, and hands [`record`] what came of it: a failure keeps the last good copy,
//! and only a copy that says something else moves the schedule's revision and has incidents looked at again.

use crate::app::{AppError, Write, change, context, schedules};
use crate::domain::actor::Actor;
use crate::domain::entry::Interval;
use crate::domain::id::{Id, ImportId, LayerId, ScheduleId};
use crate::domain::import::{
    AHEAD_DAYS, COPY_FRESH_SECS, CalendarUrl, FETCH_EVERY_SECS, Fetched, Import, ImportCopy, MOST_IMPORTS, Named,
    Problem,
};
use crate::domain::oncall::ImportedShift;
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::schedule::{Layer, Schedule, Turns};
use crate::domain::sealed::Sealed;
use crate::domain::time::{Timestamp, zone_named};
use crate::store::{Read, imports};
use crate::vault::{Nonce, Place, Unreadable, Vault};
use std::collections::{BTreeMap, BTreeSet};

pub fn one(read: &impl Read, id: ImportId) -> Result<Import, AppError> {
    Ok(read.get::<Import>(id)?.ok_or_else(|| Refusal::not_found("calendar"))?)
}

/// One of this schedule; there is none at the address of another.
pub fn one_of(read: &impl Read, schedule: ScheduleId, id: ImportId) -> Result<Import, AppError> {
    let import = one(read, id)?;
    if import.schedule != schedule {
        return Err(Refusal::not_found("calendar").into());
    }
    Ok(import)
}

pub fn of_schedule(read: &impl Read, schedule: ScheduleId) -> Result<Vec<Import>, AppError> {
    let mut all = imports::imports_of(read, schedule, super::MANY)?;
    all.sort_by_key(|import| import.name.to_lowercase());
    Ok(all)
}

/// How far ahead events without a person are looked for.
const UNMATCHED_SECS: i64 = 90 * 86_400;

/// What the events to come say that name nobody, by calendar. One without a title says nothing, which is an empty text.
pub fn unmatched(
    read: &impl Read,
    schedule: ScheduleId,
    now: Timestamp,
) -> Result<BTreeMap<ImportId, BTreeSet<String>>, AppError> {
    let horizon = now.plus_secs(UNMATCHED_SECS);
    let imported = context::calendar(read, schedule, now, super::MANY)?.map(|calendar| calendar.imported);
    let texts = |(id, shifts): (ImportId, Vec<ImportedShift>)| {
        let nobodys = shifts.into_iter().filter(|shift| shift.users.is_empty() && shift.span.start < horizon);
        (id, nobodys.map(|shift| shift.text).collect())
    };
    Ok(imported.unwrap_or_default().into_iter().map(texts).collect())
}

/// How a schedule uses one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    Layer,
    /// Its events win over layers and entries, and overrides made here win over them.
    Cover,
}

pub fn used_as(schedule: &Schedule, import: ImportId) -> Option<Use> {
    if schedule.imported_covers.contains(&import) {
        return Some(Use::Cover);
    }
    schedule.imports().contains(&import).then_some(Use::Layer)
}

/// What people decide about one.
#[derive(Clone, Debug)]
pub struct Basics {
    pub name: String,
    /// `None` keeps the address: it is not shown, so it does not come back with a form.
    pub url: Option<String>,
    /// For dates and times without a zone, unless the calendar names its own.
    pub zone: String,
}

/// Due at once. `nonce` is new and random, for sealing the address.
pub fn create(
    tx: &mut Write<'_>,
    actor: &Actor,
    vault: &Vault,
    nonce: Nonce,
    schedule: ScheduleId,
    basics: &Basics,
) -> Result<ImportId, AppError> {
    change::begin(actor)?;
    let schedule = schedules::one(tx, schedule)?;
    if imports::imports_of(tx, schedule.id, MOST_IMPORTS)?.len() == MOST_IMPORTS {
        let sentence = format!("{} has {MOST_IMPORTS} calendars already. Remove one first.", schedule.name);
        return Err(Refusal::conflict("too_many", sentence).into());
    }
    let (id, now) = (tx.new_id(), tx.now());
    let url = CalendarUrl::checked(basics.url.as_deref().unwrap_or_default())?;
    let import = Import {
        id,
        schedule: schedule.id,
        name: basics.name.clone(),
        url: vault.seal(&place(id), nonce, url.expose().as_bytes()),
        shown_url: url.masked(),
        zone: basics.zone.clone(),
        due: now,
        tried_at: None,
        fetched: None,
        problem: None,
        created_at: now,
        version: 1,
    };
    let import = save(tx, import)?;
    let summary = format!("{}: {} from {}", schedule.name, import.name, import.shown_url);
    change::audit(tx, actor, "import.created", import.id, summary)?;
    Ok(import.id)
}

/// With another address or zone it is fetched anew; until that worked, the old copy stays in force.
pub fn edit(
    tx: &mut Write<'_>,
    actor: &Actor,
    vault: &Vault,
    nonce: Nonce,
    id: ImportId,
    basics: &Basics,
) -> Result<(), AppError> {
    change::begin(actor)?;
    let before = one(tx, id)?;
    let mut import = Import { name: basics.name.clone(), zone: basics.zone.clone(), ..before.clone() };
    if let Some(url) = &basics.url {
        let url = CalendarUrl::checked(url)?;
        import.url = vault.seal(&place(id), nonce, url.expose().as_bytes());
        import.shown_url = url.masked();
    }
    fetch_anew_if_elsewhere(&mut import, &before, tx.now());
    import.version += 1;
    let import = save(tx, import)?;
    change::audit(tx, actor, "import.edited", id, format!("{} from {}", import.name, import.shown_url))
}

/// With another address or zone.
pub(super) fn fetch_anew_if_elsewhere(import: &mut Import, before: &Import, now: Timestamp) {
    if import.url != before.url || import.zone != before.zone {
        import.due = now;
        // The old address's word for "unchanged" means nothing at the new one.
        let known = before.fetched.clone();
        import.fetched = known.map(|fetched| Fetched { etag: None, last_modified: None, ..fetched });
    }
}

pub(super) fn place(id: ImportId) -> Place {
    Place { table: "imports", id: id.number(), field: "url" }
}

/// The address in plain, for fetching.
pub fn address(vault: &Vault, id: ImportId, url: &Sealed) -> Result<String, Unreadable> {
    vault.open_text(&place(id), url)
}

fn save(tx: &mut Write<'_>, mut import: Import) -> Result<Import, AppError> {
    import.name = checked_name(&import.name)?;
    if zone_named(&import.zone).is_none() {
        let sentence = format!("{} is not a place. Choose one, such as America/New_York.", import.zone);
        return Err(Refusal::invalid("zone_unknown", "zone", sentence).into());
    }
    let others = imports::imports_of(tx, import.schedule, super::MANY)?;
    let same_name = |other: &Import| other.id != import.id && other.name.to_lowercase() == import.name.to_lowercase();
    if others.iter().any(same_name) {
        return Err(change::name_taken("calendar of this schedule", &import.name).into());
    }
    tx.put(&import)?;
    Ok(import)
}

/// With its copy. Refused while its schedule uses it.
pub fn delete(tx: &mut Write<'_>, actor: &Actor, id: ImportId) -> Result<(), AppError> {
    change::begin(actor)?;
    let import = one(tx, id)?;
    let schedule = schedules::one(tx, import.schedule)?;
    let mut used_by: Vec<String> = layers_of(&schedule, id).map(|layer| format!("layer {}", layer.name)).collect();
    if schedule.imported_covers.contains(&id) {
        used_by.push(format!("the covers of {}", schedule.name));
    }
    change::refuse_in_use(&import.name, &used_by)?;
    remove(tx, id)?;
    change::audit(tx, actor, "import.deleted", id, format!("{}: {}", schedule.name, import.name))
}

fn remove(tx: &mut Write<'_>, id: ImportId) -> Result<(), AppError> {
    tx.delete::<ImportCopy>(id)?;
    tx.delete::<Import>(id)?;
    Ok(())
}

fn layers_of(schedule: &Schedule, id: ImportId) -> impl Iterator<Item = &Layer> {
    schedule.layers.iter().filter(move |layer| layer.turns == Turns::Imported(id))
}

/// Its schedule is being deleted, which audits itself.
pub(super) fn forget(tx: &mut Write<'_>, schedule: ScheduleId) -> Result<(), AppError> {
    for import in imports::imports_of(tx, schedule, super::MANY)? {
        remove(tx, import.id)?;
    }
    Ok(())
}

/// Puts it to use; one that is used already is refused.
pub fn attach(tx: &mut Write<'_>, actor: &Actor, id: ImportId, uses: Use) -> Result<(), AppError> {
    match uses {
        Use::Layer => attach_as_layer(tx, actor, id).map(drop),
        Use::Cover => attach_as_cover(tx, actor, id),
    }
}

/// The lowest layer of its schedule, named as the import is.
pub fn attach_as_layer(tx: &mut Write<'_>, actor: &Actor, id: ImportId) -> Result<LayerId, AppError> {
    let (import, mut schedule) = free(tx, actor, id)?;
    let layer = tx.new_id();
    schedule.layers.push(Layer { id: layer, name: import.name.clone(), zone: None, turns: Turns::Imported(id) });
    revise(tx, actor, schedule, "import.used_as_layer", &import)?;
    Ok(layer)
}

/// The last of its schedule's covers.
pub fn attach_as_cover(tx: &mut Write<'_>, actor: &Actor, id: ImportId) -> Result<(), AppError> {
    let (import, mut schedule) = free(tx, actor, id)?;
    schedule.imported_covers.push(id);
    revise(tx, actor, schedule, "import.used_as_cover", &import)
}

/// One that is not used yet: a calendar that is both would be asked twice and explained twice.
fn free(tx: &Write<'_>, actor: &Actor, id: ImportId) -> Result<(Import, Schedule), AppError> {
    change::begin(actor)?;
    let import = one(tx, id)?;
    let schedule = schedules::one(tx, import.schedule)?;
    let used = match used_as(&schedule, id) {
        None => return Ok((import, schedule)),
        Some(Use::Layer) => "a layer",
        Some(Use::Cover) => "covers",
    };
    let sentence = format!("{} is used as {used} already. Stop using it there first.", import.name);
    Err(Refusal::conflict("in_use", sentence).into())
}

/// Its layer and its place among the covers go; the import stays. Not being used at all is no error.
pub fn detach(tx: &mut Write<'_>, actor: &Actor, id: ImportId) -> Result<(), AppError> {
    change::begin(actor)?;
    let import = one(tx, id)?;
    let mut schedule = schedules::one(tx, import.schedule)?;
    if used_as(&schedule, id).is_none() {
        return Ok(());
    }
    schedule.layers.retain(|layer| layer.turns != Turns::Imported(id));
    schedule.imported_covers.retain(|cover| *cover != id);
    revise(tx, actor, schedule, "import.not_used", &import)
}

fn revise(
    tx: &mut Write<'_>,
    actor: &Actor,
    mut schedule: Schedule,
    action: &str,
    import: &Import,
) -> Result<(), AppError> {
    schedule.revision += 1;
    schedule.revised_at = tx.now();
    schedule.version += 1;
    tx.put(&schedule)?;
    change::audit(tx, actor, action, import.id, format!("{}: {}", schedule.name, import.name))?;
    change::recheck(tx, actor)
}

/// Fetched at the worker's next look, which follows this commit.
pub fn refresh(tx: &mut Write<'_>, actor: &Actor, id: ImportId) -> Result<(), AppError> {
    change::begin(actor)?;
    let mut import = one(tx, id)?;
    import.due = tx.now();
    import.version += 1;
    tx.put(&import)?;
    change::audit(tx, actor, "import.refreshed", id, import.name)
}

/// One to fetch now.
#[derive(Clone, Debug)]
pub struct Due {
    pub id: ImportId,
    pub url: Sealed,
    pub zone: String,
    pub due: Timestamp,
    /// For asking whether it changed; absent when the copy has to be made anew in any case.
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

pub fn due(read: &impl Read, now: Timestamp, limit: usize) -> Result<Vec<Due>, AppError> {
    let one = |import: Import| {
        let known = import.fetched.filter(|fetched| now.secs_since(fetched.copied_at) < COPY_FRESH_SECS);
        let (etag, last_modified) = known.map(|known| (known.etag, known.last_modified)).unwrap_or_default();
        Due { id: import.id, url: import.url, zone: import.zone, due: import.due, etag, last_modified }
    };
    Ok(imports::imports_due(read, now, limit)?.into_iter().map(one).collect())
}

pub fn next_due(read: &impl Read) -> Result<Option<Timestamp>, AppError> {
    Ok(imports::import_next_due(read)?)
}

/// What came of fetching one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is as the copy is.
    Unchanged,
    Read(Contents),
    /// The sentence is for people and holds no address.
    Failed(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contents {
    /// In the order of time.
    pub events: Vec<(Interval, Named)>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

/// Answers whether who is on call may have changed. What was fetched from an address or read in a zone that was changed
/// meanwhile counts for nothing, nor does an import that is gone.
pub fn record(tx: &mut Write<'_>, fetched: &Due, outcome: &Outcome) -> Result<bool, AppError> {
    let known = tx.get::<Import>(fetched.id)?;
    let Some(mut import) = known.filter(|import| import.url == fetched.url && import.zone == fetched.zone) else {
        return Ok(false);
    };
    let now = tx.now();
    import.tried_at = Some(now);
    import.due = now.plus_secs(FETCH_EVERY_SECS);
    let copy = match outcome {
        Outcome::Unchanged => Ok(None),
        Outcome::Failed(sentence) => Err(sentence.clone()),
        Outcome::Read(contents) => {
            ImportCopy::of(import.id, contents.events.iter().cloned()).map(Some).ok_or_else(|| {
                "The calendar's events say more than can be kept. Share one with shorter titles.".to_owned()
            })
        }
    };
    let copy = match copy {
        Ok(copy) => copy,
        Err(sentence) => {
            let since = import.problem.map_or(now, |problem| problem.since);
            import.problem = Some(Problem { since, sentence });
            tx.put(&import)?;
            return Ok(false);
        }
    };
    import.problem = None;
    let known_until = import.fetched.as_ref().map_or(now, |known| known.copied_at.plus_secs(AHEAD_DAYS * 86_400));
    if let (Outcome::Read(contents), Some(copy)) = (outcome, &copy) {
        let events = copy.events.len() as u32;
        let (etag, last_modified) = (contents.etag.clone(), contents.last_modified.clone());
        import.fetched = Some(Fetched { at: now, copied_at: now, etag, last_modified, events });
    } else if let Some(fetched) = &mut import.fetched {
        fetched.at = now;
    }
    tx.put(&import)?;
    let Some(copy) = copy else { return Ok(false) };
    let before = tx.get::<ImportCopy>(import.id)?;
    if before.as_ref() == Some(&copy) {
        return Ok(false);
    }
    tx.put(&copy)?;
    let Some(schedule) = tx.get::<Schedule>(import.schedule)? else { return Ok(false) };
    // A window that moved on is no news for whoever watches the schedule.
    let is_news = before.is_none_or(|before| differs(&before, &copy, now, known_until));
    if used_as(&schedule, import.id).is_some() && is_news {
        revise(tx, &Actor::SYSTEM, schedule, "import.changed", &import)?;
        return Ok(true);
    }
    Ok(false)
}

/// Whether two copies differ in what both can know: from now to where the earlier one ends.
fn differs(before: &ImportCopy, after: &ImportCopy, now: Timestamp, known_until: Timestamp) -> bool {
    let seen = |copy: &ImportCopy| -> Vec<(Interval, Option<Named>)> {
        let ahead = copy.events.iter().filter(|(span, _)| span.end > now && span.start < known_until);
        ahead.map(|(span, place)| (*span, copy.named.get(*place as usize).cloned())).collect()
    };
    seen(before) != seen(after)
}
