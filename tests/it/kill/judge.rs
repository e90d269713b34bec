//! What must be true after all those kills, judged from outside: by what clients were told and what the provider was asked.

use super::{LEVEL, PHASES, Phase, Posted, phone, title};
use harness::infobip::{Copy, Fault, Received};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;
use std::time::{Duration, Instant};

/// From the signal until the process was gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// One message of one call to the provider.
#[derive(Clone, Debug)]
pub(super) struct Send {
    pub(super) at: Instant,
    pub(super) id: String,
    pub(super) to: String,
    pub(super) text: String,
    /// Nobody can know from the answer whether it was taken.
    pub(super) is_ambiguous: bool,
}

impl Send {
    pub(super) fn of(call: &Received) -> Vec<Send> {
        let messages = call.body["messages"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let send = |(message, id): (&Value, &String)| Send {
            at: call.at,
            id: id.clone(),
            to: text(&message["destinations"][0]["to"]),
            text: text(&message["content"]["text"]),
            is_ambiguous: matches!(call.fault, Some(Fault::Hang | Fault::AcceptThenDrop)),
        };
        messages.zip(&call.message_ids).map(send).collect()
    }
}

/// What the clients know.
#[derive(Default)]
pub(super) struct Known {
    /// Alert to incident id, and when that was answered first.
    pub(super) confirmed: BTreeMap<usize, (String, Instant)>,
    /// When each was posted first.
    pub(super) posted: BTreeMap<usize, Instant>,
    /// To be sent again.
    pub(super) unanswered: Vec<usize>,
    /// When the acknowledgement was confirmed.
    pub(super) taken: BTreeMap<usize, Instant>,
    pub(super) kills: Vec<Kill>,
}

/// What a run did.
#[derive(Clone, Default, Debug)]
pub(super) struct Tally {
    kills: usize,
    confirmed: usize,
    taken: usize,
    sends: usize,
    messages: usize,
    on_time: usize,
    hits: BTreeMap<Phase, usize>,
}

impl Tally {
    pub(super) fn note(&mut self, phase: Phase, hit: bool) {
        self.kills += 1;
        *self.hits.entry(phase).or_default() += usize::from(hit);
    }

    /// A fifth of the kills is meant for each phase; not every one meets it.
    pub(super) fn hit_every_phase(&self, kills: usize) -> Result<(), String> {
        for phase in PHASES {
            let (hits, floor) = (self.hits.get(&phase).copied().unwrap_or(0), kills.div_ceil(5 * 5));
            if hits < floor {
                return Err(format!("{hits} kills hit the phase {phase:?}, of {floor} at least"));
            }
        }
        if self.kills < kills || self.taken * 20 < kills || self.sends <= self.messages {
            return Err("the run did too little".to_owned());
        }
        Ok(())
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        let Tally { kills, confirmed, taken, sends, messages, on_time, hits } = other;
        self.kills += kills;
        self.confirmed += confirmed;
        self.taken += taken;
        self.sends += sends;
        self.messages += messages;
        self.on_time += on_time;
        for (phase, count) in hits {
            *self.hits.entry(phase).or_default() += count;
        }
    }
}

impl Known {
    pub(super) fn remember(&mut self, posted: Posted) {
        self.posted.entry(posted.alert).or_insert(posted.from);
        match posted.answer {
            Ok(incident) => {
                self.confirmed.entry(posted.alert).or_insert((incident, posted.to));
            }
            Err(_) => self.unanswered.push(posted.alert),
        }
    }

    /// The latest that nobody has.
    pub(super) fn untaken(&self) -> Option<(usize, String)> {
        let untaken = self.confirmed.iter().rev().find(|(alert, _)| !self.taken.contains_key(alert));
        untaken.map(|(alert, (incident, _))| (*alert, incident.clone()))
    }

    /// What was confirmed is there, once, as it was confirmed.
    pub(super) fn everything_is_there(&self, incidents: &BTreeMap<String, Vec<Value>>) -> Result<(), String> {
        for (alert, (id, _)) in &self.confirmed {
            let title = title(*alert);
            let incident = match incidents.get(&title).map(Vec::as_slice) {
                Some([incident]) => incident,
                Some(several) => return Err(format!("{title} has {} incidents", several.len())),
                None => return Err(format!("{title} was confirmed and is not there")),
            };
            if incident["id"].as_str() != Some(id) {
                return Err(format!("{title} was confirmed as {id} and is {}", incident["id"]));
            }
            if self.taken.contains_key(alert) && incident["status"] != "acknowledged" {
                return Err(format!("that {title} was taken was confirmed, and it is {}", incident["status"]));
            }
        }
        Ok(())
    }

    /// Both levels were called about each, unless somebody has it.
    pub(super) fn everybody_heard(
        &self,
        incidents: &BTreeMap<String, Vec<Value>>,
        sends: &[Send],
    ) -> Result<(), String> {
        let heard: BTreeSet<(&str, &str)> = sends.iter().map(|send| (&*send.to, &*send.text)).collect();
        let first = incidents.iter().filter_map(|(title, some)| Some((title, some.first()?)));
        // Somebody may have it whose answer was lost.
        for (title, incident) in first.filter(|(_, incident)| incident["status"] == "triggered") {
            let alert: usize = title.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(usize::MAX);
            for level in 0..2 {
                let (to, begins) = (phone(level, alert), format!("#{} ", incident["number"]));
                let mut texts = heard.range((&*to, "")..).take_while(|(other, _)| *other == to);
                if !texts.any(|(_, text)| text.starts_with(&begins)) {
                    return Err(format!("{title} was never paged at level {}", level + 1));
                }
            }
        }
        Ok(())
    }

    pub(super) fn judge(
        &self,
        mut tally: Tally,
        incidents: &BTreeMap<String, Vec<Value>>,
        sends: &[Send],
        handsets: &[Copy],
    ) -> Result<Tally, String> {
        // Nothing is there that nobody posted, and nothing twice.
        if incidents.values().flatten().count() != self.confirmed.len() {
            return Err(format!("{} incidents of {} alerts", incidents.len(), self.confirmed.len()));
        }
        let again = copies(sends, &self.kills)?;
        *tally.hits.entry(Phase::Record).or_default() += again;
        let mut phones = BTreeSet::new();
        if let Some(twice) = handsets.iter().find(|copy| !phones.insert((&copy.to, &copy.text))) {
            return Err(format!("{} got {:?} twice", twice.to, twice.text));
        }
        tally.on_time = self.second_levels(sends)?;
        tally.confirmed = self.confirmed.len();
        tally.taken = self.taken.len();
        tally.sends = sends.len();
        tally.messages = sends.iter().map(|send| &send.id).collect::<BTreeSet<_>>().len();
        Ok(tally)
    }

    /// The second level comes a minute after the alert, or as soon as the process is there again; not for what was taken.
    fn second_levels(&self, sends: &[Send]) -> Result<usize, String> {
        let (mut all, mut on_time) = (0, 0);
        for (alert, (_, confirmed)) in &self.confirmed {
            let to = phone(1, *alert);
            let Some(send) = sends.iter().find(|send| send.to == to) else { continue };
            // Instants are kept by the second.
            let at_most = send.at.duration_since(self.posted[alert]) + Duration::from_secs(1);
            if at_most < LEVEL {
                return Err(format!("{} was paged at level 2 after {at_most:?} at most", title(*alert)));
            }
            if let Some(taken) = self.taken.get(alert)
                && send.at > *taken + Duration::from_secs(2)
            {
                return Err(format!("{} was paged {:?} after it was taken", title(*alert), send.at - *taken));
            }
            all += 1;
            on_time += usize::from(send.at.duration_since(*confirmed) < LEVEL + Duration::from_secs(6));
        }
        if on_time * 10 < all * 9 {
            return Err(format!("{on_time} of {all} second levels were on time"));
        }
        Ok(on_time)
    }
}

/// What a process wrote before it was killed may be read a little after its end, on a busy machine.
const READ_LATE: Duration = Duration::from_millis(500);

/// Each text under one id; each id again only after a kill, or an answer from which nobody knows whether it was taken. Answers
/// how many were taken, and sent again because a kill came before that was written down.
fn copies(sends: &[Send], kills: &[Kill]) -> Result<usize, String> {
    let mut ids: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut last: BTreeMap<&str, &Send> = BTreeMap::new();
    let mut excuses: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unrecorded = 0;
    for send in sends {
        let id = ids.entry((&send.to, &send.text)).or_insert(&send.id);
        if *id != send.id {
            return Err(format!("{} was sent {:?} as {id} and as {}", send.to, send.text, send.id));
        }
        if let Some(before) = last.insert(&send.id, send)
            && !before.is_ambiguous
        {
            // One copy for each kill.
            let first = excuses.get(send.id.as_str()).map_or(0, |last| last + 1);
            let excuse = (first..kills.len())
                .find(|kill| before.at <= kills[*kill].to + READ_LATE && kills[*kill].from <= send.at);
            let Some(kill) = excuse else {
                return Err(format!("{} was sent again, and nothing had gone wrong", send.id));
            };
            excuses.insert(&send.id, kill);
            unrecorded += 1;
        }
    }
    Ok(unrecorded)
}

#[test]
fn the_judge_tells_a_copy_after_a_kill_from_one_too_many() {
    let begun = Instant::now();
    let at = |millis| begun + Duration::from_millis(millis);
    let send = |millis, id: &str| {
        let (id, to, text) = (id.to_owned(), "1".to_owned(), "#1 a".to_owned());
        Send { at: at(millis), id, to, text, is_ambiguous: false }
    };
    let kills = [Kill { from: at(10), to: at(12) }];
    assert_eq!(copies(&[send(0, "a"), send(20, "a")], &kills), Ok(1));
    assert!(copies(&[send(0, "a"), send(20, "a"), send(30, "a")], &kills).is_err(), "two copies for one kill");
    assert!(copies(&[send(600, "a"), send(610, "a")], &kills).is_err(), "no kill in between");
    assert_eq!(copies(&[send(20, "a"), send(30, "a")], &kills), Ok(1), "written before the kill, and read after it");
    assert!(copies(&[send(0, "a"), send(20, "b")], &kills).is_err(), "another id");
    let lost = Send { is_ambiguous: true, ..send(20, "a") };
    assert_eq!(copies(&[lost, send(30, "a")], &kills), Ok(0));
}

#[test]
fn the_judge_misses_what_was_confirmed_and_who_was_not_called() {
    let incident = |id: &str| serde_json::json!({"id": id, "number": 7, "status": "triggered"});
    let mut known = Known::default();
    known.remember(Posted { alert: 0, from: Instant::now(), to: Instant::now(), answer: Ok("i".to_owned()) });
    let send = |level| {
        let (id, to, text) = (format!("m{level}"), phone(level, 0), "#7 Alert 000000".to_owned());
        Send { at: Instant::now(), id, to, text, is_ambiguous: false }
    };
    let check = |incidents: &[Value], sends: &[Send], expected: Option<&str>| {
        let found = if incidents.is_empty() { vec![] } else { vec![(title(0), incidents.to_vec())] };
        let found = BTreeMap::from_iter(found);
        let judged = known.everything_is_there(&found).and_then(|()| known.everybody_heard(&found, sends));
        match expected {
            None => assert_eq!(judged, Ok(())),
            Some(why) => assert!(judged.as_ref().is_err_and(|said| said.contains(why)), "{why}: {judged:?}"),
        }
    };
    check(&[incident("i")], &[send(0), send(1)], None);
    check(&[], &[send(0), send(1)], Some("not there"));
    check(&[incident("j")], &[send(0), send(1)], Some("was confirmed as i"));
    check(&[incident("i"), incident("i")], &[send(0), send(1)], Some("2 incidents"));
    check(&[incident("i")], &[send(0)], Some("level 2"));
}
