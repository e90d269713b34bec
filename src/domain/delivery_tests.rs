//! What becomes of a delivery: which id a message has, and what each answer leads to.

use super::testing::delivery;
use super::*;
use crate::domain::access::Role;
use crate::domain::given::Jitter;
use crate::domain::id::NewIds;
use crate::domain::incident::testing as incidents;
use crate::domain::receipt::Fate;

fn given() -> Given {
    Given { now: Timestamp::from_second(1000), ids: NewIds::starting_at(1), jitter: Jitter::seeded(1) }
}

/// Plays attempts with these outcomes, each claimed as if it were wanted, and answers the message numbers used and
/// the state they led to.
fn play(channel: Channel, outcomes: &[Option<Outcome>]) -> (Vec<u32>, &'static str) {
    let mut delivery = delivery(channel);
    for outcome in outcomes {
        delivery.claim(None, Timestamp::from_second(1000));
        if let Some(outcome) = outcome.clone() {
            let attempt = delivery.attempts.len() - 1;
            delivery.record(attempt, Answer { outcome, text: String::new() }, false, &mut given());
        }
    }
    (delivery.attempts.iter().map(|attempt| attempt.message_number).collect(), delivery.state.word())
}

fn check(outcomes: &[Option<Outcome>], numbers: &[u32], state: &str) {
    assert_eq!(play(Channel::Sms, outcomes), (numbers.to_vec(), state), "{outcomes:?}");
}

const TEMPORARY: Option<Outcome> = Some(Outcome::Temporary { retry_after_secs: None });
const PERMANENT: Option<Outcome> = Some(Outcome::Permanent { account_wide: false });
const ACCEPTED: Option<Outcome> = Some(Outcome::Accepted);
const AMBIGUOUS: Option<Outcome> = Some(Outcome::Ambiguous);
const DUPLICATE: Option<Outcome> = Some(Outcome::Duplicate);
/// The process died, or the store could not record the answer.
const CRASH: Option<Outcome> = None;

#[test]
fn the_same_id_is_used_again_exactly_when_the_message_may_have_been_taken() {
    check(&[ACCEPTED], &[1], "accepted");
    check(&[TEMPORARY, ACCEPTED], &[1, 2], "accepted");
    check(&[AMBIGUOUS, ACCEPTED], &[1, 1], "accepted");
    check(&[CRASH, ACCEPTED], &[1, 1], "accepted");
    check(&[CRASH, AMBIGUOUS, TEMPORARY, ACCEPTED], &[1, 1, 1, 2], "accepted");
}

#[test]
fn what_leaves_by_itself_after_it_was_carried_is_another_message() {
    let mut delivery = delivery(Channel::Sms);
    let (carrier, at) = (Some(DeliveryId::new(77)), Timestamp::from_second(1000));
    let doubt = |delivery: &mut Delivery, attempt| {
        let answer = Answer { outcome: Outcome::Ambiguous, text: String::new() };
        delivery.record(attempt, answer, false, &mut given())
    };
    assert_eq!((delivery.claim(carrier, at), delivery.claim(carrier, at)), (1, 1), "a copy of the carrier's message");
    doubt(&mut delivery, 1);
    assert_eq!(delivery.claim(None, at), 2);
    // What is heard of the first says nothing of the second.
    let refused = Fate::Refused(Outcome::Permanent { account_wide: false });
    delivery.receive(1, Receipt { at, fate: refused, text: String::new() }, &mut given());
    assert_eq!(delivery.state.word(), "sending");
    assert_eq!(doubt(&mut delivery, 2), Recorded::Retrying);
    assert_eq!(delivery.claim(None, at), 2);
}

#[test]
fn a_duplicate_was_taken_only_if_an_earlier_attempt_may_have_been() {
    check(&[AMBIGUOUS, DUPLICATE], &[1, 1], "accepted");
    check(&[CRASH, DUPLICATE], &[1, 1], "accepted");
    check(&[DUPLICATE], &[1], "retrying");
    check(&[DUPLICATE, ACCEPTED], &[1, 2], "accepted");
    // The doubt was about another message.
    check(&[AMBIGUOUS, TEMPORARY, DUPLICATE], &[1, 1, 2], "retrying");
}

#[test]
fn a_definite_no_ends_it_and_patience_has_an_end() {
    check(&[PERMANENT], &[1], "failed");
    check(&[Some(Outcome::Muted)], &[1], "failed");
    check(&[TEMPORARY, PERMANENT], &[1, 2], "failed");
    const ONCE: Option<Outcome> = Some(Outcome::TemporaryOnce);
    check(&[ONCE], &[1], "retrying");
    check(&[ONCE, ONCE], &[1, 2], "failed");
    check(&[ONCE, TEMPORARY, ONCE], &[1, 2, 3], "failed");
    check(&[TEMPORARY, ONCE], &[1, 2], "retrying");
    let (numbers, state) = play(Channel::Sms, &vec![TEMPORARY; 9]);
    assert_eq!((numbers.last(), state), (Some(&9), "exhausted"));
    assert_eq!(play(Channel::Sms, &vec![TEMPORARY; 8]).1, "retrying");
    assert_eq!(play(Channel::Email, &vec![TEMPORARY; 5]).1, "exhausted");
}

#[test]
fn a_late_answer_is_believed_if_it_is_good_news_and_else_changes_nothing() {
    let mut delivery = delivery(Channel::Sms);
    let attempt = |message_number| Attempt::new(message_number, Timestamp::MIN);
    delivery.attempts = vec![attempt(1), attempt(1), attempt(1)];
    let sending = State::Sending { lease_until: Timestamp::from_second(2000) };
    delivery.state = sending.clone();
    let answer = |outcome| Answer { outcome, text: String::new() };
    let late_no = answer(Outcome::Permanent { account_wide: false });
    assert_eq!(delivery.record(0, late_no, false, &mut given()), Recorded::Nothing);
    assert_eq!(delivery.state, sending);
    assert_eq!(delivery.record(1, answer(Outcome::Accepted), false, &mut given()), Recorded::Sent);
    assert_eq!(delivery.state.word(), "accepted");
}

#[test]
fn good_news_that_is_known_already_changes_nothing() {
    let mut delivery = delivery(Channel::Sms);
    delivery.attempts = vec![Attempt::new(1, Timestamp::MIN), Attempt::new(1, Timestamp::MIN)];
    let accepted = || Answer { outcome: Outcome::Accepted, text: String::new() };
    // The receipt was quicker than the answer to either of the two sends.
    for known in [State::Delivered, State::Accepted { at_operator: true, receipt_due: None }] {
        let mut delivery = Delivery { state: known.clone(), ..delivery.clone() };
        assert_eq!(delivery.record(0, accepted(), true, &mut given()), Recorded::Nothing);
        assert_eq!(delivery.record(1, accepted(), true, &mut given()), Recorded::Nothing);
        assert_eq!(delivery.state, known);
    }
    let refused = Fate::Refused(Outcome::Permanent { account_wide: false });
    let receipt = Receipt { at: Timestamp::MIN, fate: refused, text: String::new() };
    delivery.attempts[1].receipt = Some(receipt);
    delivery.state = State::Failed;
    assert_eq!(delivery.record(0, accepted(), true, &mut given()), Recorded::Nothing, "of the same message");
    assert_eq!(delivery.state, State::Failed);
}

#[test]
fn why_it_was_not_taken_is_in_the_providers_words() {
    let said = |outcome| {
        let answer = Answer { outcome, text: "no such number".to_owned() };
        answer.failure().map(str::to_owned)
    };
    assert_eq!([Outcome::Accepted, Outcome::Duplicate].map(said), [None, None]);
    assert_eq!(said(Outcome::Muted).as_deref(), Some("no such number"));
}

#[test]
fn only_what_may_have_been_taken_is_the_same_message_again() {
    let mut delivery = delivery(Channel::Sms);
    assert!(!delivery.is_repeat(), "nothing was sent yet");
    delivery.claim(None, Timestamp::MIN);
    assert!(delivery.is_repeat(), "its sender died");
    let answer = |outcome| Some(Answer { outcome, text: String::new() });
    delivery.attempts[0].answer = answer(Outcome::Ambiguous);
    assert!(delivery.is_repeat());
    let refused = Fate::Refused(Outcome::Permanent { account_wide: false });
    delivery.receive(0, Receipt { at: Timestamp::MIN, fate: refused, text: String::new() }, &mut given());
    assert!(!delivery.is_repeat(), "the provider has refused it since");
    assert_eq!(delivery.claim(None, Timestamp::MIN), 2);
    delivery.attempts[1].answer = answer(Outcome::Muted);
    assert!(!delivery.is_repeat());
}

/// One in each state that waits for something, and one that is over.
fn waiting() -> [Delivery; 5] {
    let at = Timestamp::from_second(500);
    let states = [
        State::Queued { due: at },
        State::Retrying { due: at },
        State::Sending { lease_until: at },
        State::Accepted { at_operator: false, receipt_due: Some(at) },
        State::Failed,
    ];
    states.map(|state| Delivery { state, ..delivery(Channel::Sms) })
}

#[test]
fn a_clock_that_is_set_takes_along_what_waits() {
    let shifted = waiting().map(|mut delivery| {
        delivery.shift(100);
        delivery.wheel().map(|(_, due)| due)
    });
    let later = Some(Timestamp::from_second(600));
    assert_eq!(shifted, [later, later, later, later, None]);
}

#[test]
fn only_what_has_not_left_can_be_withdrawn() {
    let withdrawn = waiting().map(|mut delivery| {
        let before = delivery.state.clone();
        let is_withdrawn = delivery.withdraw("taken");
        let expected = if is_withdrawn { State::Withdrawn { reason: "taken".to_owned() } } else { before };
        assert_eq!(delivery.state, expected);
        is_withdrawn
    });
    assert_eq!(withdrawn, [true, true, false, false, false]);
}

#[test]
fn a_restore_loses_track_of_what_was_on_its_way_and_of_nothing_else() {
    let lost = waiting().map(|mut delivery| {
        let before = delivery.clone();
        let is_lost = delivery.lose_track(Timestamp::from_second(900));
        assert!(is_lost || delivery == before);
        is_lost
    });
    assert_eq!(lost, [false, false, true, false, false]);
    let mut delivery = delivery(Channel::Sms);
    delivery.claim(None, Timestamp::MIN);
    assert!(delivery.lose_track(Timestamp::from_second(900)));
    assert_eq!((&delivery.state, delivery.is_open()), (&State::Failed, false));
    let answer = delivery.attempts[0].answer.as_ref().expect("nobody will ever answer");
    assert_eq!(answer.text, LOST_TRACK);
    assert_eq!(delivery.claim(None, Timestamp::MIN), 2, "sent again by hand it is another message");
}

#[test]
fn a_page_leaves_only_while_incident_person_and_method_want_it() {
    let page = delivery(Channel::Sms);
    let mut user = incidents::person(1, Role::Responder);
    user.contacts[0].id = page.contact;
    let mut incident = incidents::climbing();
    assert_eq!(page.unwanted(Some(&incident), &user), None);
    user.contacts[0].enabled = false;
    let why = |incident: &Incident, user: &User| page.unwanted(Some(incident), user).expect("it is unwanted");
    assert_eq!(why(&incident, &user), "the contact method was removed or switched off");
    user.contacts.clear();
    assert_eq!(why(&incident, &user), "the contact method was removed or switched off");
    incident.ladder.bypassed = 1;
    assert_eq!(why(&incident, &user), "somebody else was called instead before it left");
    incident.ladder.phase = Phase::Held;
    assert_eq!(why(&incident, &user), "the incident is held");
    incident.status = Status::Acknowledged;
    assert_eq!(why(&incident, &user), "the incident was acknowledged before it left");
}

#[test]
fn message_ids_name_database_delivery_and_message() {
    assert_eq!(message_id("k3x9m2qd", DeliveryId::new(8841), 1), "pp-k3x9m2qd-8841-1");
    let of = |id| message_of("k3x9m2qd", id);
    assert_eq!(of("pp-k3x9m2qd-8841-1"), Some((DeliveryId::new(8841), 1)));
    for foreign in ["pp-other000-8841-1", "pp-k3x9m2qd-8841", "pp-k3x9m2qd-x-1", "k3x9m2qd-8841-1", ""] {
        assert_eq!(of(foreign), None, "{foreign}");
    }
}

#[test]
fn provider_text_is_one_line_and_cut_where_it_shows() {
    assert_eq!(clip_provider_text(" a\r\n\tb\u{7}c  "), "a b c");
    let long = clip_provider_text(&"x".repeat(501));
    assert_eq!(long.chars().count(), PROVIDER_TEXT_CHARS);
    assert!(long.ends_with('…'));
    assert_eq!(clip_provider_text(&"x".repeat(500)).chars().last(), Some('x'));
}
