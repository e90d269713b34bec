//! Lists of incidents that are narrowed.
//!
//! Status and time are looked up in the index; everything else is looked at one incident after the other. So that a filter
//! that lets little through stays cheap, one call looks at a bounded number, and answers where to go on even if it found
//! fewer than were asked for.

use crate::app::AppError;
use crate::domain::id::IncidentId;
use crate::domain::incident::filter::{Filter, Judged};
use crate::domain::incident::{Incident, IncidentDetails, Status};
use crate::domain::time::Timestamp;
use crate::store::incidents::{incident_place, incidents_between};
use crate::store::{Cursor, Read, Take};
use std::cmp::Reverse;
use std::collections::VecDeque;

/// Incidents that one call looks at.
pub const LOOKED_AT: usize = 2_000;
/// Details that one call reads, for a text: each may have 32 KiB.
pub const READ_FOR_TEXT: usize = 500;
/// Incidents that are read at once.
const CHUNK: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// In the order of [`Status::ALL`], of each status the newest first.
    ByStatus,
    Newest,
    Oldest,
}

/// Where a list stands: after this incident, which may have gone or changed its status since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub status: Status,
    pub created_at: Timestamp,
    pub id: IncidentId,
}

impl Place {
    fn of(incident: &Incident) -> Place {
        Place { status: incident.status, created_at: incident.created_at, id: incident.id }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub incidents: Vec<Incident>,
    /// `None` at the end. Otherwise there may be more behind it, or, if the bound was reached, nothing.
    pub next: Option<Place>,
}

/// Up to `limit` incidents that the filter lets through, from `after` on.
pub fn search(
    read: &impl Read,
    filter: &Filter,
    order: Order,
    limit: usize,
    after: Option<Place>,
) -> Result<Found, AppError> {
    let mut found = Found { incidents: Vec::new(), next: None };
    let (mut looked_at, mut read_for_text) = (0, 0);
    let mut walk = Walk::new(filter, order, after);
    let mut place = after;
    while let Some(incident) = walk.next(read, filter)? {
        if looked_at == LOOKED_AT || read_for_text == READ_FOR_TEXT {
            // It was taken out, and the next call begins with it.
            found.next = place;
            break;
        }
        looked_at += 1;
        let is_shown = match filter.judge(&incident) {
            Judged::Shown => true,
            Judged::Hidden => false,
            Judged::AskDetails => {
                read_for_text += 1;
                let details = read.get::<IncidentDetails>(incident.id)?;
                filter.holds_with(&incident, details.as_ref())
            }
        };
        if is_shown && found.incidents.len() == limit {
            // One more than asked for: so there is a next page, and it begins with this one.
            found.next = place;
            break;
        }
        place = Some(Place::of(&incident));
        if is_shown {
            found.incidents.push(incident);
        }
    }
    Ok(found)
}

/// One status of a walk: what was read of it and not given out.
struct Stretch {
    status: Status,
    ready: VecDeque<Incident>,
    cursor: Option<Cursor>,
    is_over: bool,
}

struct Walk {
    order: Order,
    stretches: Vec<Stretch>,
}

impl Walk {
    fn new(filter: &Filter, order: Order, after: Option<Place>) -> Walk {
        let stretch = |status| {
            let is_behind = order == Order::ByStatus && after.is_some_and(|after| status < after.status);
            let is_ahead = order == Order::ByStatus && after.is_some_and(|after| status > after.status);
            let cursor = after.filter(|_| !is_ahead).map(|after| incident_place(status, after.created_at, after.id));
            Stretch { status, ready: VecDeque::new(), cursor, is_over: is_behind }
        };
        Walk { order, stretches: filter.wanted_statuses().into_iter().map(stretch).collect() }
    }

    fn next(&mut self, read: &impl Read, filter: &Filter) -> Result<Option<Incident>, AppError> {
        for stretch in &mut self.stretches {
            while stretch.ready.is_empty() && !stretch.is_over {
                let take = if self.order == Order::Oldest { Take::last(CHUNK) } else { Take::first(CHUNK) };
                let take = take.after(stretch.cursor.take());
                let page = incidents_between(read, stretch.status, filter.since, filter.until, take)?;
                stretch.ready.extend(page.items);
                stretch.is_over = page.next.is_none();
                stretch.cursor = page.next;
            }
            if self.order == Order::ByStatus && !stretch.ready.is_empty() {
                return Ok(stretch.ready.pop_front());
            }
        }
        // The order of the index: the newest first, of one second by id.
        let rank = |stretch: &&mut Stretch| stretch.ready.front().map(|front| (Reverse(front.created_at), front.id));
        let waiting = self.stretches.iter_mut().filter(|stretch| !stretch.ready.is_empty());
        let first = match self.order {
            Order::Oldest => waiting.max_by_key(rank),
            Order::ByStatus | Order::Newest => waiting.min_by_key(rank),
        };
        Ok(first.and_then(|stretch| stretch.ready.pop_front()))
    }
}
