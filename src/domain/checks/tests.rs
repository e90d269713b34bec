//! What each check says, one fact changed at a time.

use super::facts::*;
use super::*;
use crate::domain::contact::Channel;
use crate::domain::time::Timestamp;

const NOW: i64 = 1_780_000_000;

fn at(secs_ago: i64) -> Timestamp {
    Timestamp::from_second(NOW - secs_ago)
}

fn channel(channel: Channel, accepted: Option<bool>) -> ChannelFacts {
    let attempt = |accepted| LastAttempt { at: at(7200), accepted, text: "Invalid login".to_owned() };
    ChannelFacts { channel, is_complete: true, missing: vec![], last_attempt: accepted.map(attempt) }
}

/// An installation of which nothing can be said against.
fn sound() -> Facts {
    let contents = Contents {
        schema: 2,
        cannot_save: None,
        verified: Some((at(600), vec![])),
        escalation: WorkerFacts::default(),
        retry: WorkerFacts::default(),
        channels: vec![channel(Channel::Sms, Some(true)), channel(Channel::Email, None)],
        admins: 2,
        policies: 1,
        policies_without_last_resort: vec![],
        levels_empty: vec![],
        people_unreachable: vec![],
        gaps: vec![],
        sources: 1,
        sources_unheard: vec![],
        backup: BackupFacts { is_automatic: true, is_encrypted: true, last: Some(at(240)), problems: vec![] },
    };
    let machine = Machine {
        settings_wrong: vec![],
        settings_odd: vec![],
        secret_key: SecretKey::Private,
        disks: vec![Disk { place: "/data".to_owned(), free_bytes: 20 << 30, size_bytes: 40 << 30 }],
        database_bytes: None,
        cookie_secure: true,
        certificate: Certificate::EndsAt(at(-60 * DAY)),
        zone_data: Some(("2026f".to_owned(), at(10 * DAY))),
        provider_url: None,
    };
    Facts {
        now: at(0),
        is_served: true,
        sending_on: true,
        retry_on: true,
        escalation_on: true,
        base_url: Some("https://pager.example.org".to_owned()),
        machine: Some(machine),
        database: Database::Open(Box::new(contents)),
        online: Some(Online {
            base_url: Some(Ok(())),
            stream: StreamSeen::AtOnce,
            clock: Some(("a provider".to_owned(), 1)),
        }),
    }
}

fn contents(facts: &mut Facts) -> &mut Contents {
    match &mut facts.database {
        Database::Open(contents) => contents,
        other => panic!("{other:?}"),
    }
}

fn machine(facts: &mut Facts) -> &mut Machine {
    facts.machine.as_mut().expect("looked at")
}

/// One thing is changed: one check says something else, and with these words.
fn check(change: impl FnOnce(&mut Facts), item: Item, verdict: Verdict, sentence: &str) {
    let mut facts = sound();
    change(&mut facts);
    let off: Vec<Check> = evaluate(&facts).into_iter().filter(|check| check.verdict != Verdict::Passes).collect();
    let said: Vec<_> = off.iter().map(|check| (check.item, check.verdict)).collect();
    assert_eq!(said, [(item, verdict)], "{off:?}");
    assert!(off[0].sentence.contains(sentence), "{:?}", off[0].sentence);
    assert!(!off[0].remedy.is_empty(), "{item:?} says what to do");
}

#[test]
fn an_installation_that_can_be_relied_on_passes_every_check_once() {
    let checks = evaluate(&sound());
    assert_eq!(worst(&checks), Verdict::Passes, "{checks:?}");
    let mut items: Vec<Item> = checks.iter().map(|check| check.item).collect();
    let count = items.len();
    assert!(items.is_sorted(), "in the order of the list");
    items.dedup();
    assert_eq!((items.len(), count), (24, 24));
    assert_eq!(summary(&checks), "24 of 24 checks pass.");
}

#[test]
fn what_keeps_pages_from_arriving_fails() {
    use Verdict::Fails;
    let wrong = || vec!["SMTP_FROM is not an address".to_owned()];
    check(|facts| machine(facts).settings_wrong = wrong(), Item::Configuration, Fails, "1 setting is wrong");
    let exposed = || SecretKey::Exposed { file: "/etc/key".to_owned() };
    check(|facts| machine(facts).secret_key = exposed(), Item::SecretKey, Fails, "Other users");
    check(|facts| contents(facts).cannot_save = Some("full".to_owned()), Item::Database, Fails, "Nothing can be saved");
    let broken = || Some((at(60), vec!["a row is missing".to_owned()]));
    check(|facts| contents(facts).verified = broken(), Item::Integrity, Fails, "1 problem was found");
    check(|facts| facts.sending_on = false, Item::Sending, Fails, "Safe mode");
    check(|facts| facts.escalation_on = false, Item::Escalation, Fails, "Escalation is off");
    check(|facts| facts.retry_on = false, Item::Retry, Fails, "Retries are off");
    check(|facts| contents(facts).escalation.lag_secs = 61, Item::Escalation, Fails, "1 min late");
    check(|facts| contents(facts).retry.silent_secs = Some(95), Item::Retry, Fails, "has not come round for 1 min");
    check(|facts| machine(facts).cookie_secure = false, Item::Cookie, Fails, "not marked Secure");
    let ends = |days: i64| Certificate::EndsAt(at(-days * DAY));
    check(|facts| machine(facts).certificate = ends(14), Item::Certificate, Fails, "ends in 14 days");
    check(|facts| machine(facts).certificate = ends(-1), Item::Certificate, Fails, "has ended");
}

#[test]
fn the_disk_needs_a_gibibyte_and_a_tenth() {
    let disk = |free_bytes, size_bytes| Disk { place: "/data".to_owned(), free_bytes, size_bytes };
    let tight = [disk((1 << 30) - 1, 2 << 30), disk(3 << 30, 31 << 30)];
    for disk in tight {
        check(|facts| machine(facts).disks.push(disk), Item::DiskSpace, Verdict::Fails, "Less than 1 GiB or a tenth");
    }
    let mut facts = sound();
    machine(&mut facts).disks = vec![disk(1 << 30, 10 << 30)];
    assert_eq!(worst(&evaluate(&facts)), Verdict::Passes);
}

#[test]
fn a_channel_counts_when_its_last_message_was_accepted() {
    let only = |accepted| vec![channel(Channel::Sms, accepted)];
    let fails = |channels: Vec<ChannelFacts>, words: &str| {
        check(|facts| contents(facts).channels = channels, Item::Channel, Verdict::Fails, words);
    };
    fails(only(None), "no message has been sent yet");
    fails(only(Some(false)), "was not accepted");
    let mut facts = sound();
    contents(&mut facts).channels = vec![channel(Channel::Sms, Some(false)), channel(Channel::WhatsApp, Some(true))];
    assert_eq!(worst(&evaluate(&facts)), Verdict::Passes, "one that works is enough");
    contents(&mut facts).channels = vec![];
    let verdicts: Vec<_> = evaluate(&facts).into_iter().filter(|check| check.verdict != Verdict::Passes).collect();
    assert_eq!(verdicts.len(), 2, "none, and none beside email: {verdicts:?}");
}

#[test]
fn what_is_a_risk_warns_and_says_about_whom() {
    use Verdict::Warns;
    let one = || vec!["Nights".to_owned()];
    check(|facts| machine(facts).settings_odd = one(), Item::Configuration, Warns, "1 setting is probably not meant");
    check(|facts| facts.base_url = None, Item::BaseUrl, Warns, "carry no link");
    check(|facts| facts.base_url = Some("http://pager".to_owned()), Item::BaseUrl, Warns, "in the clear");
    let email = || vec![channel(Channel::Email, Some(true))];
    check(|facts| contents(facts).channels = email(), Item::SecondChannel, Warns, "mail wakes nobody");
    check(|facts| contents(facts).admins = 1, Item::Admins, Warns, "one admin");
    check(
        |facts| contents(facts).policies_without_last_resort = one(),
        Item::LastResort,
        Warns,
        "1 policy has no last",
    );
    check(|facts| contents(facts).policies = 0, Item::LastResort, Warns, "no escalation policy yet");
    check(|facts| contents(facts).people_unreachable = one(), Item::Reachable, Warns, "1 person in a level");
    check(|facts| contents(facts).levels_empty = one(), Item::Levels, Warns, "1 level reaches nobody");
    check(|facts| contents(facts).gaps = one(), Item::Coverage, Warns, "1 schedule has a gap");
    check(|facts| contents(facts).sources_unheard = one(), Item::Sources, Warns, "1 alert source");
    check(|facts| contents(facts).sources = 0, Item::Sources, Warns, "no alert source yet");
    check(|facts| contents(facts).backup.last = Some(at(3601)), Item::Backup, Warns, "1 h old");
    check(|facts| contents(facts).backup.last = None, Item::Backup, Warns, "No backup has been taken");
    check(|facts| contents(facts).backup.problems = one(), Item::Backup, Warns, "Backups fail");
    let old = || Some(("2026f".to_owned(), at(181 * DAY)));
    check(|facts| machine(facts).zone_data = old(), Item::ZoneData, Warns, "181 days ago");

    let mut facts = sound();
    contents(&mut facts).gaps = one();
    let checks = evaluate(&facts);
    let gap = checks.iter().find(|check| check.item == Item::Coverage).expect("there");
    assert!(gap.about == ["Nights"] && !gap.sentence.contains("Nights"), "names stand apart: {gap:?}");
}

#[test]
fn what_was_tried_from_outside_warns() {
    let online = |change: fn(&mut Online)| move |facts: &mut Facts| change(facts.online.as_mut().expect("tried"));
    let refused = |online: &mut Online| online.base_url = Some(Err("refused".to_owned()));
    check(online(refused), Item::BaseUrl, Verdict::Warns, "does not answer");
    check(
        online(|online| online.stream = StreamSeen::HeldBack),
        Item::EventStream,
        Verdict::Warns,
        "holds live updates",
    );
    let clock = |online: &mut Online| online.clock = Some(("a provider".to_owned(), -3));
    check(online(clock), Item::Clock, Verdict::Warns, "3 s behind");
}

#[test]
fn what_cannot_be_known_is_unknown_and_never_passes() {
    let unknown = |facts: &Facts| {
        let checks = evaluate(facts);
        assert!(
            checks.iter().all(|check| check.verdict <= Verdict::Unknown || check.item == Item::Database),
            "{checks:?}"
        );
        checks.iter().filter(|check| check.verdict == Verdict::Unknown).map(|check| check.item).collect::<Vec<_>>()
    };
    assert_eq!(unknown(&Facts { online: None, ..sound() }), [Item::EventStream, Item::Clock]);
    assert_eq!(unknown(&Facts { is_served: false, ..sound() }), [Item::Escalation, Item::Retry]);
    let unlooked = unknown(&Facts { machine: None, ..sound() });
    assert_eq!(unlooked.len(), 6, "{unlooked:?}");
    let unread = unknown(&Facts { database: Database::Unreadable("no such file".to_owned()), ..sound() });
    assert_eq!(unread.len(), 13, "{unread:?}");
    let checks = evaluate(&Facts { database: Database::OtherSchema("older".to_owned()), ..sound() });
    let schema = checks.iter().find(|check| check.item == Item::Schema).expect("there");
    assert_eq!(schema.verdict, Verdict::Fails);
}

#[test]
fn the_word_of_an_item_is_the_one_programs_read() {
    for check in evaluate(&sound()) {
        let told = format!("{:?}", check.item).to_lowercase();
        assert_eq!(check.item.word().replace('_', ""), told);
    }
}

/// One thing is changed, and a check says so in these words, whatever its verdict.
fn says(change: impl FnOnce(&mut Facts), item: Item, verdict: Verdict, sentence: &str) {
    let mut facts = sound();
    change(&mut facts);
    let checks = evaluate(&facts);
    let check = checks.iter().find(|check| check.item == item).expect("every item is there");
    assert_eq!((check.verdict, check.sentence.as_str()), (verdict, sentence));
}

#[test]
fn what_just_holds_passes_and_the_next_second_does_not() {
    use Verdict::{Fails, Passes, Warns};
    says(|facts| contents(facts).escalation.lag_secs = 60, Item::Escalation, Passes, "Escalation is on and in time.");
    says(|facts| contents(facts).escalation.lag_secs = 3600, Item::Escalation, Fails, "Escalation is 1 h late.");
    says(|facts| contents(facts).escalation.lag_secs = 3599, Item::Escalation, Fails, "Escalation is 59 min late.");
    let ends = |secs: i64| move |facts: &mut Facts| machine(facts).certificate = Certificate::EndsAt(at(-secs));
    let ended = "The TLS certificate has ended: browsers and senders refuse.";
    says(ends(0), Item::Certificate, Fails, ended);
    says(ends(1), Item::Certificate, Fails, "The TLS certificate ends in 1 s.");
    says(ends(60), Item::Certificate, Fails, "The TLS certificate ends in 1 min.");
    says(ends(2 * DAY - 1), Item::Certificate, Fails, "The TLS certificate ends in 47 h.");
    says(ends(2 * DAY), Item::Certificate, Fails, "The TLS certificate ends in 2 days.");
    says(ends(14 * DAY + 1), Item::Certificate, Passes, "The TLS certificate is good for 14 days.");
    let clock =
        |ahead| move |facts: &mut Facts| facts.online.as_mut().expect("tried").clock = Some(("a".to_owned(), ahead));
    for ahead in [-2, 0, 2] {
        says(clock(ahead), Item::Clock, Passes, "The clock is right within 2 s.");
    }
    says(clock(3), Item::Clock, Warns, "The clock is 3 s ahead of another one.");
    says(clock(-3), Item::Clock, Warns, "The clock is 3 s behind another one.");
    let zones = |days| move |facts: &mut Facts| machine(facts).zone_data = Some(("2026f".to_owned(), at(days * DAY)));
    says(zones(180), Item::ZoneData, Passes, "The time zone data, 2026f, is recent.");
    says(|_| (), Item::DiskSpace, Passes, "There is room: 21.4 GB, 50 % are free.");
}

#[test]
fn a_backup_is_recent_and_better_encrypted() {
    use Verdict::{Passes, Warns};
    let backup = |change: fn(&mut BackupFacts)| move |facts: &mut Facts| change(&mut contents(facts).backup);
    says(backup(|backup| backup.last = Some(at(3600))), Item::Backup, Passes, "The last backup is 1 h old.");
    let plain =
        "The last backup is 4 min old. It is not encrypted: set BACKUP_RECIPIENTS before a copy leaves this machine.";
    says(backup(|backup| backup.is_encrypted = false), Item::Backup, Passes, plain);
    let none = |backup: &mut BackupFacts| (backup.last, backup.is_automatic) = (None, false);
    says(backup(none), Item::Backup, Warns, "No backups are taken by themselves.");
    says(backup(|backup| backup.last = None), Item::Backup, Warns, "No backup has been taken yet.");
}

#[test]
fn a_channel_that_is_not_set_up_says_what_it_lacks() {
    let mut facts = sound();
    let lacking =
        ChannelFacts { is_complete: false, missing: vec!["SMTP_HOST".to_owned()], ..channel(Channel::Email, None) };
    let unused = ChannelFacts { is_complete: false, ..channel(Channel::Sms, None) };
    contents(&mut facts).channels = vec![unused, lacking];
    let checks = evaluate(&facts);
    let check = checks.iter().find(|check| check.item == Item::Channel).expect("there");
    assert_eq!(check.sentence, "No channel is set up, so nobody can be paged.");
    assert_eq!(check.about, ["Email: SMTP_HOST"]);
}

#[test]
fn what_was_not_looked_at_is_named() {
    let unseen = "Secret key: the machine was not looked at.";
    says(|facts| facts.machine = None, Item::SecretKey, Verdict::Unknown, unseen);
    let unread = |facts: &mut Facts| facts.database = Database::Unreadable("no such file".to_owned());
    says(unread, Item::LastResort, Verdict::Unknown, "Last resort: the database could not be read.");
}
