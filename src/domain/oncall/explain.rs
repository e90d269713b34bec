//! Every claim on an instant, with its verdict: why me, and why not somebody else.

use super::moment::{Duty, Moment, in_force};
use super::prepared::Track;
use super::{Claim, People, Place, Prepared, Source, Verdict};
use crate::domain::entry::{Override, OverrideMode};
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;

impl Prepared<'_> {
    pub fn explain(&self, at: Timestamp) -> Vec<Claim> {
        let moment = Moment::at(self, at);
        let mut claims: Vec<Claim> = Vec::new();
        for (age, o) in moment.overrides.iter().enumerate().rev() {
            let ignored = !moment.is_active(o.user);
            if ignored || o.mode == OverrideMode::Cover {
                claims.push(of_override(&moment, o, &moment.overrides[age + 1..], ignored));
            }
        }
        claims.extend(moment.base().filter_map(|(source, duty)| {
            let (users, verdict) = match &*duty {
                Duty::Named(users) => (&**users, Verdict::Shadowed),
                Duty::OutsideWindows => (&[][..], Verdict::OutsideWindows),
                Duty::BeforeAnchor => (&[][..], Verdict::BeforeAnchor),
                Duty::Unmatched => (&[][..], Verdict::Unmatched),
                Duty::Nothing => return None,
            };
            let mut places: Vec<Place> = Vec::new();
            for place in users.iter().map(|user| moment.stand_in(*user, source, &moment.overrides)) {
                if places.iter().all(|other| other.user != place.user) {
                    places.push(place);
                }
            }
            Some(Claim { verdict, places, ..self.blank(source, at) })
        }));

        let mut taken = false;
        for claim in claims.iter_mut().filter(|claim| claim.verdict == Verdict::Shadowed) {
            if !claim.places.iter().any(|place| moment.is_active(place.user)) {
                claim.verdict = Verdict::Inactive;
            } else if !taken {
                taken = true;
                claim.verdict = Verdict::OnCall;
            }
        }
        claims
    }

    /// A claim of a source with what is known about it at an instant, besides whom it names.
    fn blank(&self, source: Source, at: Timestamp) -> Claim {
        let (mut turn, mut window) = (None, None);
        let layer = self.layers.iter().find(|layer| source == Source::Layer(layer.id));
        if let Some(Track::Rotation { zone, versions }) = layer.map(|layer| &layer.track)
            && let Some((in_force, cut)) = in_force(versions, at)
        {
            let zone = &self.zones[*zone];
            turn = crate::domain::rotation::turn_at(in_force.version, zone, at);
            if let Some(turn) = &mut turn {
                turn.end = turn.end.min(cut);
            }
            window = in_force.version.window_at(zone, at);
        }
        let entry = self.entries.iter().find(|entry| source == Source::Entry(entry.id));
        let recorded_afterwards = entry.is_some_and(|entry| entry.recorded_at > at);
        Claim { source, places: Vec::new(), verdict: Verdict::Shadowed, turn, window, recorded_afterwards }
    }
}

fn of_override(moment: &Moment<'_, '_>, o: &Override, newer: &[&Override], ignored: bool) -> Claim {
    let source = Source::Override(o.id);
    let own = Place { user: o.user, claim: source, replaced: None };
    Claim {
        source,
        places: vec![if ignored { own } else { moment.stand_in(o.user, source, newer) }],
        verdict: if ignored { Verdict::Inactive } else { Verdict::Shadowed },
        turn: None,
        window: None,
        recorded_afterwards: o.recorded_at > moment.at,
    }
}

/// Since when somebody who is inactive at an instant has been so; `None` if they are active, unknown, or never were.
pub fn inactive_since(people: &People, user: UserId, at: Timestamp) -> Option<Timestamp> {
    let user = people.get(&user).filter(|user| !user.is_active_at(at))?;
    user.activity.iter().filter_map(|span| span.to).filter(|to| *to <= at).max()
}
