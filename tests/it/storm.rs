//! A day of storms, with the provider's flooding filter as it is: everybody is reached, and the filter never refuses.
//!
//! The filter is silent: it takes a text, says so, and drops it. A pager that runs into it believes that it has paged.

use crate::world::{Fault, FloodingFilter, World};
use pagerpal::app::incidents::{self, Deed};
use pagerpal::app::intake::{Received, receive};
use pagerpal::clock::Clock;
use pagerpal::domain::Severity;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::{Actor, Door};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Outcome, State};
use pagerpal::domain::effect::Reason;
use pagerpal::domain::event::{Action, Event, Order, Report, SenderTime};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::id::{AlertSourceId, UserId};
use pagerpal::domain::incident::{Incident, Status};
use pagerpal::domain::policy::{Level, Recipient};
use pagerpal::domain::throttle::{PER_HOUR, PER_QUARTER};
use pagerpal::domain::time::Timestamp;
use pagerpal::domain::user::User;
use pagerpal::store::Read;
use std::collections::{BTreeMap, BTreeSet};

const STORMS: i64 = 5;
const ALERTS: u64 = 44;

#[test]
fn in_a_day_of_storms_everybody_is_reached_and_no_text_is_filtered() {
    use Channel::{Email, Sms, WhatsApp};
    let mut world = World::new(false);
    world.receipts.insert(Sms);
    world.filter = Some(FloodingFilter::default());
    let alice = world.person("alice", Role::Responder, &[Sms, Email]);
    let bob = world.person("bob", Role::Responder, &[Sms]);
    let carol = world.person("carol", Role::Admin, &[Sms]);
    let dave = world.person("dave", Role::Responder, &[WhatsApp, Sms]);
    // One phone is handed from shift to shift.
    let shared = world.read(|read| Ok(read.get::<User>(alice)?.expect("alice").contacts[0].address.clone()));
    let change = move |tx: &mut pagerpal::app::Write<'_>| {
        let mut user = tx.get::<User>(bob)?.expect("bob");
        user.contacts[0].address = shared.clone();
        Ok::<(), pagerpal::app::AppError>(tx.put(&user)?)
    };
    world.write(change).expect("a number is shared");
    let level = |number, delay_minutes, users: &[UserId]| Level {
        number,
        delay_minutes,
        recipients: users.iter().copied().map(Recipient::User).collect(),
    };
    let policies = [
        world.policy("payments", vec![level(1, 12, &[alice]), level(2, 20, &[bob, carol])], 1, vec![dave]),
        world.policy("shop", vec![level(1, 15, &[dave, bob]), level(2, 15, &[alice])], 0, vec![carol]),
    ];
    let sources = [world.source("payments", policies[0], "p"), world.source("shop", policies[1], "s")];

    let mut random = Jitter::seeded(20);
    let begin = world.clock.now();
    for storm in 0..STORMS {
        let start = begin.plus_minutes(storm * 280);
        for alert in 0..ALERTS {
            // Most in the first minutes, the rest over the next hour.
            let secs = if alert % 4 == 3 { random.below(3600) } else { random.below(400) };
            let at = start.plus_secs(i64::try_from(secs).expect("an hour at most"));
            world.run_until(at.max(world.clock.now()));
            weather(&mut world, &mut random);
            let severity = Severity::ALL[random.below(4) as usize];
            let source = sources[random.below(2) as usize];
            trigger(&world, source, &format!("{storm}-{alert}"), severity);
            if alert % 5 == 4 {
                let who = [alice, bob, carol, dave][random.below(4) as usize];
                take_one(&world, who, &mut random);
            }
        }
        world.run_until(start.plus_minutes(150));
        for incident in open(&world) {
            act(&world, carol, incident, Deed::Resolve);
        }
        world.faults.clear();
    }
    world.run_until(begin.plus_minutes(STORMS * 280));
    judge(&world);
}

/// Providers have bad moments, too.
fn weather(world: &mut World, random: &mut Jitter) {
    let fault = match random.below(12) {
        0 => Fault::Answers(Outcome::Temporary { retry_after_secs: None }),
        1 => Fault::Answers(Outcome::Ambiguous),
        2 => Fault::Silence,
        _ => return,
    };
    let channel = Channel::ALL[random.below(3) as usize];
    world.faults.entry(channel).or_default().push_back(fault);
}

fn trigger(world: &World, source: AlertSourceId, id: &str, severity: Severity) {
    let event = Event {
        action: Action::Trigger,
        external_id: id.to_owned(),
        severity: Some(severity),
        title: "Everything is on fire".to_owned(),
        details: String::new(),
        labels: BTreeMap::new(),
        links: vec![],
        occurred_at: SenderTime::from(world.clock.now()),
        order: Order::Arrival,
        actor: None,
        warnings: vec![],
    };
    let reports = vec![Report::Event(event)];
    let received = Received { source, reports, delivery_id: None, key_hash: None, body: String::new(), is_test: false };
    world.write(move |tx| receive(tx, &received)).expect("an alert");
}

fn open(world: &World) -> Vec<Incident> {
    world.read(|read| {
        let mut open = incidents::with_status(read, Status::Triggered, 1000, None)?.items;
        open.extend(incidents::with_status(read, Status::Acknowledged, 1000, None)?.items);
        Ok(open)
    })
}

fn take_one(world: &World, who: UserId, random: &mut Jitter) {
    let open = open(world);
    let chosen = random.below(open.len() as u64) as usize;
    if let Some(incident) = open.into_iter().nth(chosen) {
        act(world, who, incident, Deed::Acknowledge);
    }
}

fn act(world: &World, who: UserId, incident: Incident, deed: Deed) {
    let (actor, reference) = (Actor::user(who, Role::Responder, Door::Web), incident.number.to_string());
    world.write(move |tx| incidents::act(tx, &actor, &reference, None, deed.clone())).expect("somebody acts");
}

fn judge(world: &World) {
    let filter = world.filter.as_ref().expect("it was set up");
    assert_eq!(filter.refused, 0, "the filter refused texts");
    let (in_an_hour, in_a_quarter) = filter.most;
    assert!(in_an_hour <= PER_HOUR && in_a_quarter <= PER_QUARTER, "{in_an_hour} {in_a_quarter}");
    judge_budget(world);

    let all = world.read(|read| incidents::with_status(read, Status::Resolved, 1000, None)).items;
    let (mut pages, mut reached, mut excused, mut bundled, mut texts) = (0, 0, 0, 0, BTreeSet::new());
    for incident in &all {
        let story = world.read(|read| incidents::story(read, &incident.number.to_string()));
        for (notification, deliveries) in story.notifications {
            if !matches!(notification.reason, Reason::Page { .. }) {
                continue;
            }
            pages += 1;
            let arrived = |state: &State| matches!(state, State::Accepted { .. } | State::Delivered);
            let withdrawn = |state: &State| matches!(state, State::Withdrawn { .. });
            if deliveries.iter().any(|delivery| arrived(&delivery.state)) {
                reached += 1;
            } else {
                // Taken before it left; nothing may have ended any other way.
                let states: Vec<&State> = deliveries.iter().map(|delivery| &delivery.state).collect();
                assert!(states.iter().all(|state| withdrawn(state)), "#{} {states:?}", incident.number);
                excused += 1;
            }
            let carried = deliveries.iter().flat_map(|d| &d.attempts).filter(|attempt| attempt.carrier.is_some());
            bundled += carried.count();
            texts.extend(deliveries.iter().filter(|d| d.channel == Channel::Sms).map(|delivery| delivery.id));
        }
    }
    let sent = world.sent.iter().filter(|sent| sent.outgoing.channel == Channel::Sms).count();
    // The storm was one, and what it tests happened.
    assert_eq!(all.len() as u64, ALERTS * STORMS as u64);
    assert!(pages > 400 && reached > 300 && bundled > 100, "{pages} {reached} {bundled}");
    assert!(excused * 4 < pages, "{excused} of {pages} were taken before they left");
    assert!(in_an_hour > 10 && sent * 2 < texts.len(), "{in_an_hour} {sent} {}", texts.len());
}

/// No number gets more than its budget, in any stretch of time; a message sent again under its own id is one message.
fn judge_budget(world: &World) {
    let mut by_number: BTreeMap<&str, BTreeMap<&str, Timestamp>> = BTreeMap::new();
    for sent in world.sent.iter().filter(|sent| sent.outgoing.channel == Channel::Sms && !sent.refused) {
        let first = by_number.entry(&sent.outgoing.address).or_default();
        first.entry(&sent.outgoing.message_id).or_insert(sent.at);
    }
    assert_eq!(by_number.len(), 3, "alice and bob share one of the three numbers");
    for (number, messages) in by_number {
        let mut at: Vec<Timestamp> = messages.into_values().collect();
        at.sort_unstable();
        for (index, first) in at.iter().enumerate() {
            let within = |secs| at[index..].iter().take_while(|later| later.secs_since(*first) < secs).count();
            assert!(within(3600) <= PER_HOUR, "{number}: {} within an hour from {first}", within(3600));
            assert!(within(900) <= PER_QUARTER, "{number}: {} within a quarter from {first}", within(900));
        }
    }
}
