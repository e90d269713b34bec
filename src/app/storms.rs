//! Alert storms: which new alerts become lines of the source's storm incident, and what strikes them.

use crate::app::{AppError, Write, apply, context, intake};
use crate::domain::Severity;
use crate::domain::actor::By;
use crate::domain::alert_source::AlertSource;
use crate::domain::event::Event;
use crate::domain::incident::{self, Incident};
use crate::domain::storm::{IDENTITY, Joined, LINES_AT_MOST, StormLine, Surge, trigger_of};
use crate::planted;
use crate::store::{Read, Take, incidents, storms};

/// What a page shows of a storm's lines.
const LINES_SHOWN: usize = 200;

/// About an alert that would open an incident. `None`: it may, and was counted. Else the storm that has it as a line.
pub fn absorb(
    tx: &mut Write<'_>,
    source: &AlertSource,
    event: &Event,
    severity: Severity,
    by: By,
) -> Result<Option<Incident>, AppError> {
    if event.external_id == IDENTITY {
        return Ok(None);
    }
    let now = tx.now();
    let mut surge = tx.get::<Surge>(source.id)?.unwrap_or_else(|| Surge::new(source.id, now));
    // A source that never had a storm has nothing to look up: this is the path of every new incident.
    let open = match surge.storm {
        Some(_) => incidents::incident_open(tx, source.id, IDENTITY)?,
        None => None,
    };
    let line = match &open {
        Some(storm) => tx.get::<StormLine>((storm.id, event.external_id.clone()))?,
        None => None,
    };
    let trigger = trigger_of(event, source);
    if let (Some(storm), Some(line)) = (&open, &line)
        && line.struck_at.is_none()
    {
        return Ok(Some(intake::heard_again(tx, source, storm, &trigger, severity, by)?));
    }
    if surge.admits(now) || planted::is("storm_unseen") {
        tx.put(&surge)?;
        return Ok(None);
    }
    let open = match open {
        Some(open) => Some(open),
        None => incidents::incident_open(tx, source.id, IDENTITY)?,
    };
    let storm = match &open {
        Some(storm) => intake::heard_again(tx, source, storm, &trigger, severity, by)?,
        None => {
            let previous = incidents::incident_last_closed(tx, source.id, IDENTITY)?.map(|incident| incident.id);
            intake::opened(tx, source, &trigger, severity, previous, false, by)?
        }
    };
    if surge.storm != Some(storm.id) {
        let lines = storms::storm_lines(tx, storm.id, Take::first(LINES_AT_MOST as usize))?.items;
        surge.turn_to(storm.id, &lines);
    }
    if surge.join(line.as_ref()) == Joined::Line {
        let (external_id, title) = (event.external_id.clone(), event.title.clone());
        tx.put(&StormLine { storm: storm.id, external_id, title, at: now, struck_at: None })?;
    }
    tx.put(&surge)?;
    Ok(Some(storm))
}

/// About a recovery that found no incident of its own: strikes its line, if a storm has one. The last resolves the storm.
pub fn strike(tx: &mut Write<'_>, source: &AlertSource, event: &Event, by: By) -> Result<Option<Incident>, AppError> {
    let Some(mut surge) = tx.get::<Surge>(source.id)? else { return Ok(None) };
    let Some(storm) = surge.storm else { return Ok(None) };
    let Some(line) = tx.get::<StormLine>((storm, event.external_id.clone()))? else { return Ok(None) };
    if line.struck_at.is_some() {
        return Ok(None);
    }
    let now = tx.now();
    tx.put(&StormLine { struck_at: Some(now), ..line })?;
    let was_last = surge.strike();
    tx.put(&surge)?;
    // Of one that somebody resolved before, too: it may be opened again.
    let open = incidents::incident_open(tx, source.id, IDENTITY)?;
    let Some(open) = open.filter(|open| open.id == storm) else { return Ok(None) };
    if was_last {
        let context = context::for_incident(tx, &open, now)?;
        if let Some(transition) = incident::recover(&open, event, &context, now, by) {
            return Ok(Some(apply::apply(tx, transition)?));
        }
    }
    Ok(Some(open))
}

/// What a storm swallowed.
#[derive(Clone, Debug)]
pub struct Swallowed {
    /// By external id.
    pub lines: Vec<StormLine>,
    /// Lines in all, those of them that are not struck, and alerts past the last line; known of the source's last storm.
    pub counts: Option<(u64, u64, u64)>,
}

/// `None` for an incident that is no storm.
pub fn swallowed(read: &impl Read, incident: &Incident) -> Result<Option<Swallowed>, AppError> {
    if incident.external_id != IDENTITY {
        return Ok(None);
    }
    let lines = storms::storm_lines(read, incident.id, Take::first(LINES_SHOWN))?.items;
    let surge = read.get::<Surge>(incident.source)?.filter(|surge| surge.storm == Some(incident.id));
    let counts = surge.map(|surge| (surge.lines, surge.firing, surge.unlisted));
    Ok((!lines.is_empty()).then_some(Swallowed { lines, counts }))
}
