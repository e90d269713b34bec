//! The part of the scenarios that is about reaching people: rules, receipts, shared numbers, replies.
//!
//! ```text
//! rules NAME high sms 0, email 5        or low; in minutes after the page
//! verified NAME                         all contact methods, so that replies are obeyed
//! shares NAME OTHER                     OTHER has NAME's number
//! provider CHANNEL reports              what becomes of a message is told later
//! 00:00  receipt CHANNEL NAME delivered|operator|fails|passes|floods      of the last message
//! 00:00  reply NAME "4 code:ID"         code:ID is their code for that incident
//! 00:00  reply NAME again               the provider repeats the last one
//! 00:00  texts NAME N                   N tests to their number
//! ```

use crate::world::World;
use pagerpal::app::deliveries::About;
use pagerpal::app::{AppError, apply, replies};
use pagerpal::clock::Clock;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{Delivery, Outcome};
use pagerpal::domain::effect::Reason;
use pagerpal::domain::id::UserId;
use pagerpal::domain::incident::{Incident, Status};
use pagerpal::domain::pass::Pass;
use pagerpal::domain::receipt::{Fate, Reported};
use pagerpal::domain::reply::Inbound;
use pagerpal::domain::user::{Rules, Step, User};
use pagerpal::store::{Read, Take, incidents};

/// `None`: not one of these.
pub fn act(world: &mut World, act: &str) -> Option<Result<(), AppError>> {
    let words: Vec<&str> = act.split_whitespace().collect();
    match words.as_slice() {
        ["rules", name, urgency, ..] => {
            let steps = act.split_whitespace().skip(3).collect::<Vec<_>>().join(" ");
            rules(world, world.people[*name], urgency, &steps);
        }
        ["verified", name] => {
            let now = world.clock.now();
            change(world, world.people[*name], move |user| {
                user.contacts.iter_mut().for_each(|contact| contact.verified_at = Some(now));
            });
        }
        ["shares", name, other] => {
            let number = user(world, world.people[*name]).contacts[0].address.clone();
            change(world, world.people[*other], move |user| user.contacts[0].address = number.clone());
        }
        ["provider", channel, "reports"] => {
            world.receipts.insert(Channel::from_word(channel).expect("a channel"));
        }
        ["receipt", channel, name, word] => receipt(world, channel, name, word),
        ["reply", name, "again"] => return Some(reply(world, name, None)),
        ["reply", name, ..] => {
            let text = act.split('"').nth(1).expect("a text in quotes").to_owned();
            return Some(reply(world, name, Some(&text)));
        }
        ["texts", name, count] => {
            let (id, count) = (world.people[*name], count.parse::<usize>().expect("a count"));
            let contact = user(world, id).contacts[0].clone();
            return Some(
                world.write(move |tx| (0..count).try_for_each(|_| apply::tell(tx, id, &contact, Reason::Test, "Ana"))),
            );
        }
        _ => return None,
    }
    Some(Ok(()))
}

/// A message that is about no single incident, as a scenario shows it.
pub fn line(world: &World, delivery: &Delivery, about: &About) -> Option<String> {
    let name = world.people.iter().find(|(_, id)| **id == delivery.user).map(|(name, _)| name.as_str());
    let name = name.unwrap_or_default();
    let text = match about {
        About::Bundle(bundle) => {
            let named = bundle
                .incidents
                .iter()
                .take(3)
                .map(|(incident, _)| format!("{} {}", incident.severity.word().to_uppercase(), incident.title));
            let named = named.collect::<Vec<_>>().join(", ");
            match bundle.incidents.len() {
                count @ 0..=3 => format!("{count} incidents: {named}"),
                count => format!("{count} incidents: {named} and {} more", count - 3),
            }
        }
        About::Words(words) | About::Linked { sentence: words, .. } => format!("\"{words}\""),
        About::Test(_) => "a test".to_owned(),
        About::Incident(_) | About::Code(_) => return None,
    };
    Some(format!("{} {name}  {text}", delivery.channel.word()))
}

fn user(world: &World, id: UserId) -> User {
    world.read(|read| Ok(read.get::<User>(id)?.expect("somebody")))
}

fn change(world: &World, id: UserId, change: impl Fn(&mut User) + Send + 'static) {
    let change = move |tx: &mut pagerpal::app::Write<'_>| {
        let mut user = tx.get::<User>(id)?.expect("somebody");
        change(&mut user);
        Ok::<(), AppError>(tx.put(&user)?)
    };
    world.write(change).expect("a person can be changed");
}

fn rules(world: &World, id: UserId, urgency: &str, steps: &str) {
    let person = user(world, id);
    let step = |step: &str| {
        let (channel, after) = step.trim().split_once(' ').expect("such as sms 5");
        let channel = Channel::from_word(channel).expect("a channel");
        let contact = person.contacts.iter().find(|contact| contact.channel == channel);
        let contact = contact.unwrap_or_else(|| panic!("{} has no {}", person.name, channel.word())).id;
        Step { contact, after_minutes: after.parse().expect("minutes") }
    };
    let steps: Vec<Step> = steps.split(',').map(step).collect();
    let urgency = urgency.to_owned();
    change(world, id, move |user| {
        let Rules { high, low } = &mut user.rules;
        *(if urgency == "high" { high } else { low }) = steps.clone();
    });
}

fn receipt(world: &mut World, channel: &str, name: &str, word: &str) {
    let addresses: Vec<String> =
        user(world, world.people[name]).contacts.iter().map(|contact| contact.address.clone()).collect();
    let channel = Channel::from_word(channel).expect("a channel");
    let mut sent = world.sent.iter().rev().map(|sent| &sent.outgoing);
    let last = sent.find(|sent| sent.channel == channel && addresses.contains(&sent.address)).expect("a message");
    let fate = match word {
        "delivered" => Fate::Delivered,
        "operator" => Fate::AtOperator,
        "fails" => Fate::Refused(Outcome::Permanent { account_wide: false }),
        "passes" => Fate::Refused(Outcome::TemporaryOnce),
        "floods" => Fate::Refused(Outcome::Muted),
        other => panic!("no receipt {other:?}"),
    };
    let report = Reported { message_id: last.message_id.clone(), fate, text: "by its receipt".to_owned() };
    world.report(vec![report]);
}

fn reply(world: &mut World, name: &str, text: Option<&str>) -> Result<(), AppError> {
    let person = user(world, world.people[name]);
    if let Some(text) = text {
        let words = text.split(' ').map(|word| match word.strip_prefix("code:") {
            Some(incident) => code(world, &person, incident),
            None => word.to_owned(),
        });
        let text = words.collect::<Vec<_>>().join(" ");
        let message_id = format!("reply {}", world.replies.len());
        let contact = &person.contacts[0];
        let from = contact.address.trim_start_matches('+').to_owned();
        world.replies.push(Inbound { message_id, channel: contact.channel, from, text, button: None });
    }
    let (inbound, key) = (world.replies.last().expect("a reply").clone(), world.settings.link_key.clone());
    world.write(move |tx| replies::receive(tx, &key, &inbound)).map(drop)
}

/// The person's code for an incident, by its external id.
fn code(world: &World, person: &User, external_id: &str) -> String {
    world.read(|read| {
        for status in Status::ALL {
            for Incident { id, external_id: found, .. } in
                incidents::incidents_with_status(read, status, Take::first(1000))?.items
            {
                if found == external_id
                    && let Some(Pass { code, .. }) = read.get::<Pass>((id, person.id))?
                {
                    return Ok(code);
                }
            }
        }
        panic!("{} has no code for {external_id}", person.name)
    })
}
