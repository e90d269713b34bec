//! The configuration as a document: out, in, and out again; what an import would do, what it refuses, and what it leaves
//! alone.

pub mod random;

use crate::house::{House, KEY, SIGNING_SECRET};
use crate::organisation;
use clap::Parser;
use pagerpal::app::passes::LinkKey;
use pagerpal::app::transfer::{Deed, Imported, Means, NotImported};
use pagerpal::app::{
    App, AppError, Settings, alert_sources, audit, auth, heartbeats, imports, incidents, oncall, schedules,
};
use pagerpal::app::{policies, teams, users};
use pagerpal::cli::{self, Arguments, Exit};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::time::Timestamp;
use pagerpal::exchange::document::Document;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::{Store, Take};
use pagerpal::vault::Vault;
use pagerpal::web::control;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const SECRET: &[u8] = b"another installation's secret";

/// An installation in which nothing was ever set up.
fn empty(now: Timestamp) -> App {
    let clock = Arc::new(ScriptedClock::at(now));
    let random = Arc::new(ScriptedRandom::new(3));
    let store = Store::in_memory(clock, random.clone());
    let settings = Settings {
        sending_enabled: true,
        retry_enabled: true,
        escalation_enabled: true,
        base_url: None,
        link_key: LinkKey::new(SECRET),
    };
    let mut app = App::new(store, random, settings);
    app.vault = Vault::new(SECRET);
    app
}

fn written(app: &App, secrets: bool) -> Vec<u8> {
    let exported = app.export(secrets).expect("exported");
    assert_eq!(exported.left_out, Vec::<String>::new());
    exported.document.write()
}

fn read(bytes: &[u8]) -> Document {
    Document::read(bytes).unwrap_or_else(|error| panic!("{error:?}"))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("JSON is UTF-8")
}

fn means(app: &App) -> Means {
    control::means(app)
}

fn import(app: &App, document: &Value) -> Result<Imported, NotImported> {
    app.import(read(document.to_string().as_bytes()), means(app), false)
}

fn imported(app: &App, document: &Value) -> Vec<String> {
    import(app, document).unwrap_or_else(|why| panic!("{why:?}")).sentences(false)
}

/// `document` without the bytes' order of lines: for edits.
fn document_of(app: &App, secrets: bool) -> Value {
    serde_json::from_slice(&written(app, secrets)).expect("JSON")
}

/// The item of that name.
fn item<'a>(document: &'a mut Value, list: &str, name: &str) -> &'a mut Value {
    let items = document[list].as_array_mut().expect("a list");
    items.iter_mut().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{list} has no {name}"))
}

fn audited(app: &App) -> u64 {
    app.read(audit::verify).expect("a proof").entries
}

fn installations() -> [(&'static str, App); 2] {
    let house = House::new(str::to_owned);
    let app = house.app();
    // The house keeps its own; a copy of its rows is an installation with the same secret.
    let clock = Arc::new(ScriptedClock::at(app.now()));
    let random = Arc::new(ScriptedRandom::new(1));
    let store = Store::on_engine(Box::new(house.shelf.clone()), clock, random.clone()).expect("memory");
    let settings = Settings {
        sending_enabled: false,
        retry_enabled: false,
        escalation_enabled: false,
        base_url: app.settings.base_url.clone(),
        link_key: app.settings.link_key.clone(),
    };
    let mut copy = App::new(store, random, settings);
    copy.vault = app.vault.clone();
    [("house", copy), ("organisation", organisation::grown())]
}

#[test]
fn an_export_makes_the_same_in_an_empty_installation() {
    for (name, original) in installations() {
        for secrets in [false, true] {
            let document = written(&original, secrets);
            let copy = empty(original.now());
            let done =
                copy.import(read(&document), means(&copy), false).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            assert!(done.changes.len() > 10 && done.changes.iter().all(|change| change.deed == Deed::Add), "{done:?}");
            let again = written(&copy, secrets);
            assert!(again == document, "{name}: {}", first_difference(text(&document), text(&again)));
            let found = copy.verify().expect("a verdict");
            assert!(found.is_well() && found.records > 30, "{found:?}");

            // The same people are on call, and were.
            let mut answers = Vec::new();
            for hours in (-24 * 7..24 * 60).step_by(5) {
                let at = original.now().plus_secs(hours * 3600);
                let of = |app: &App| who(app, at);
                assert_eq!(of(&original), of(&copy), "{name} after {hours} h");
                answers.push(of(&copy));
            }
            answers.dedup();
            assert!(answers.len() > 3, "{name}: people take turns");
        }
    }
}

/// Who is on call on each schedule, by names.
fn who(app: &App, at: Timestamp) -> Vec<(String, Vec<String>)> {
    app.read(|read| {
        let mut answer = Vec::new();
        for schedule in schedules::all(read)? {
            let segments = oncall::rendered(read, schedule.id, at, at.plus_secs(1))?.2;
            let places = segments.iter().flat_map(|segment| &segment.places);
            let people: Result<Vec<String>, AppError> =
                places.map(|place| Ok(users::one(read, place.user)?.name)).collect();
            answer.push((schedule.name, people?));
        }
        Ok(answer)
    })
    .expect("an answer")
}

fn first_difference(one: &str, other: &str) -> String {
    let pair = one.lines().zip(other.lines()).enumerate().find(|(_, (one, other))| one != other);
    pair.map_or_else(|| "one is longer".to_owned(), |(line, (one, other))| format!("line {line}: {one} | {other}"))
}

#[test]
fn an_export_changes_nothing_where_it_came_from() {
    for (name, app) in installations() {
        for secrets in [false, true] {
            let (document, entries) = (written(&app, secrets), audited(&app));
            let done = app.import(read(&document), means(&app), false).unwrap_or_else(|why| panic!("{name}: {why:?}"));
            assert_eq!(done, Imported::default(), "{name}");
            assert_eq!(audited(&app), entries, "nothing changed, so nothing is audited");
            assert!(written(&app, secrets) == document);
        }
    }
}

#[test]
fn with_secrets_logins_keys_and_addresses_go_on_to_work() {
    let house = House::new(str::to_owned);
    let copy = empty(house.app().now());
    copy.import(read(&written(house.app(), true)), means(&copy), false).expect("imported");
    copy.read(|read| {
        let (_, hash) = auth::login_of(read, "admin@example.test")?.expect("a login");
        assert!(auth::verify_password(crate::house::PASSWORD, Some(&hash)));
        let sources = alert_sources::all(read)?;
        let named = |name: &str| sources.iter().find(|source| source.name == name).expect("a source");
        assert_eq!(named("source").key_hash, pagerpal::app::sha256(KEY.as_bytes()));
        let signing = alert_sources::signing_secret(&copy.vault, named("grafana")).expect("a secret");
        assert_eq!(signing.as_deref(), Ok(SIGNING_SECRET));
        assert_eq!(pings_at(&house), heartbeats::all(read)?.iter().map(|beat| beat.token_hash).collect::<Vec<_>>());
        let schedule = schedules::all(read)?.into_iter().find(|schedule| schedule.name == "schedule").expect("there");
        for import in imports::of_schedule(read, schedule.id)? {
            let address = imports::address(&copy.vault, import.id, &import.url);
            assert_eq!(address.as_deref(), Ok("https://calendar.example.net/private-5e1f/basic.ics"));
            assert_eq!(import.due, copy.now(), "fetched at once");
        }
        Ok(())
    })
    .expect("reads");
}

fn pings_at(house: &House) -> Vec<[u8; 32]> {
    let all = house.app().read(|read| heartbeats::all(read)).expect("reads");
    all.iter().map(|beat| beat.token_hash).collect()
}

#[test]
fn without_secrets_there_is_none_and_what_is_missing_is_said() {
    let house = House::new(str::to_owned);
    let (plain, with) = (written(house.app(), false), written(house.app(), true));
    let hash = pagerpal::hex::hex(&pagerpal::app::sha256(KEY.as_bytes()));
    for secret in ["argon2id", SIGNING_SECRET, "private-5e1f", &hash, "address_sha256", "last_four"] {
        assert!(text(&with).contains(secret) && !text(&plain).contains(secret), "{secret}");
    }
    for never in [KEY, crate::house::PASSWORD, "usr_", "sch_", "pol_"] {
        assert!(!text(&with).contains(never), "{never}");
    }

    let copy = empty(house.app().now());
    let done = copy.import(read(&plain), means(&copy), false).expect("imported");
    let said = done.to_do.join("\n");
    for part in
        ["5 new people cannot sign in", "Alert source source has a key", "Heartbeat nightly-job", "Calendar import"]
    {
        assert!(said.contains(part), "{part} is not in:\n{said}");
    }
    copy.read(|read| {
        let keys: Vec<_> = alert_sources::all(read)?.iter().map(|source| source.key_hash).collect();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "each has a key of its own");
        assert!(imports::due(read, copy.now().plus_secs(86_400 * 365), 10)?.is_empty(), "there is nothing to fetch");
        let heartbeat = heartbeats::all(read)?.into_iter().next().expect("there");
        assert!(heartbeats::token(&copy.settings.link_key, &heartbeat).is_some(), "its page shows the new address");
        Ok(())
    })
    .expect("reads");
    // A rehearsal without the secrets of a document with them leaves those that are here.
    assert_eq!(copy.import(read(&plain), means(&copy), true), Ok(Imported::default()));
}

#[test]
fn a_rehearsal_says_what_would_change_and_changes_nothing() {
    let house = House::new(str::to_owned);
    let app = house.app();
    let mut document = document_of(app, false);
    item(&mut document, "users", "viewer")["role"] = json!("responder");
    let new = json!({"name": "Cy", "email": "Cy@example.test", "role": "responder"});
    document["users"].as_array_mut().expect("a list").push(new);
    item(&mut document, "users", "responder")["active"] = json!(false);
    let members = item(&mut document, "teams", "team")["members"].as_array_mut().expect("a list");
    members.push(json!("Cy"));
    let policy = item(&mut document, "escalation_policies", "policy");
    policy["levels"][1]["delay_minutes"] = json!(9);
    policy["levels"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"number": 3, "delay_minutes": 5, "recipients": [{"user": "cy@example.test"}, {"team": "team"}]}));
    let entries = item(&mut document, "schedules", "schedule")["entries"].as_array_mut().expect("a list");
    entries
        .push(json!({"person": "admin@example.test", "start": "2027-01-04T08:00:00Z", "end": "2027-01-05T08:00:00Z"}));

    let (before, entries) = (house.state_hash(), audited(app));
    let would = app.import(read(document.to_string().as_bytes()), means(app), true).expect("it could be");
    assert_eq!((house.state_hash(), audited(app)), (before, entries), "a rehearsal");
    let would = would.sentences(true);
    for expected in [
        "would change the user viewer: role viewer → responder",
        "would add the user Cy",
        "would change the team team: members + cy@example.test",
        "would change the escalation policy policy: levels 2: delay minutes 5 → 9; levels + 3",
        "would change the schedule schedule: entries + admin@example.test 2027-01-04T08:00:00Z to 2027-01-05T08:00:00Z",
        "would deactivate the user responder",
    ] {
        assert!(would.iter().any(|line| line == expected), "{expected} is not in {would:#?}");
    }
    assert_eq!(would.len(), 6, "{would:#?}");

    let did = imported(app, &document);
    assert_eq!(did.len(), 6);
    assert!(did.contains(&"deactivated the user responder".to_owned()), "{did:#?}");
    assert!(audited(app) >= entries + 7);
    assert_eq!(imported(app, &document), Vec::<String>::new(), "done once, nothing is left to do");
    app.read(|read| {
        let cy = users::all(read)?.into_iter().find(|user| user.name == "Cy").expect("there");
        assert_eq!(cy.contacts.len(), 1, "the mail address is the first contact method");
        assert!(cy.is_active());
        let log = audit::entries(read, Take::last(8))?.items;
        assert!(log.iter().any(|entry| entry.action == "configuration.imported"));
        let policy = log.iter().find(|entry| entry.action == "policy.edited").expect("audited");
        assert!(policy.summary.contains("delay minutes 5 → 9"), "{}", policy.summary);
        Ok(())
    })
    .expect("reads");
}

#[test]
fn all_that_is_wrong_is_said_at_once_with_its_place_and_nothing_changes() {
    let house = House::new(str::to_owned);
    let app = house.app();
    let document = json!({
        "pagerpal_export": 1,
        "users": [
            {"name": "Cy", "email": "cy at example", "role": "admin", "zone": "Mars/North"},
            {"name": "Di", "role": "responder", "contacts": [{"channel": "sms", "address": "0170 1"}],
             "rules": {"high": [{"contact": "sms +4915100", "after_minutes": 0}]}},
            {"name": "Di", "role": "responder"},
        ],
        "teams": [{"name": "Night", "members": ["cy at example", "gone@example.test", "nobody"]}],
        "schedules": [
            {"name": "A", "team": "Night", "zone": "UTC", "layers": []},
            {"name": "B", "team": "team", "zone": "UTC", "layers": [
                {"name": "Both", "rotation": [], "calendar": "x"},
                {"name": "Fast", "rotation": [{"effective_from": "2026-12-01T00:00:00Z", "anchor": "2026-12-01T09:00",
                    "cadence": {"hours": 0}, "slots": [["admin"]]}]},
            ], "entries": [
                {"person": "admin", "start": "2027-01-02T00:00:00Z", "end": "2027-01-01T00:00:00Z"},
                {"person": "admin", "start": "2027-02-01T00:00:00Z", "end": "2027-02-03T00:00:00Z"},
                {"person": "viewer", "start": "2027-02-02T00:00:00Z", "end": "2027-02-04T00:00:00Z"},
            ]},
        ],
        "escalation_policies": [{"name": "P", "repeat": 12, "repage_minutes": 30, "levels": [
            {"number": 1, "delay_minutes": 5, "recipients": [{"schedule": "B"}, {"user": "gone@example.test"}]},
        ]}, {"name": "Q", "repeat": 1, "repage_minutes": 30, "levels": [
            {"number": 1, "delay_minutes": 5, "recipients": [{"user": "admin"}]},
            {"number": 1, "delay_minutes": 5, "recipients": [{"user": "admin"}]},
        ]}],
        "alert_sources": [{"name": "S", "kind": "pigeon", "team": "team", "escalation_policy": "policy",
            "default_severity": "error", "urgency": "by_severity", "key": {"sha256": "12", "last_four": "beef"}}],
        "maintenance": [{"name": "M", "team": "team", "zone": "UTC"}],
    });
    let before = house.state_hash();
    let Err(NotImported::Refused(complaints)) = import(app, &document) else { panic!("refused") };
    assert_eq!(house.state_hash(), before, "nothing has changed");
    let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    for (place, part) in [
        ("users[0] (Cy), email", "Write the mail address"),
        ("users[0] (Cy), zone", "Mars/North is not a place"),
        ("users[1] (Di), contacts[0], address", "international form"),
        ("users[1] (Di), rules.high[0]", "none of the contact methods"),
        ("users[2] (Di)", "comes twice"),
        ("teams[0] (Night), members, user", "gone is deactivated"),
        ("teams[0] (Night), members", "There is no user \"nobody\""),
        ("schedules[1] (B), layers[0] (Both)", "either a rotation or a calendar"),
        ("schedules[1] (B), layers[1] (Fast), cadence", "turns of 1 to 168 hours"),
        ("schedules[1] (B), entries[0], end", "The end must come after the start"),
        ("schedules[1] (B), entries[2]", "overlaps an entry"),
        ("escalation_policies[0] (P), levels[0], user", "gone is deactivated"),
        ("escalation_policies[1] (Q), number", "Level 1 already exists"),
        ("alert_sources[0] (S), kind", "A kind is one of"),
        ("alert_sources[0] (S), key, sha256", "64 hexadecimal digits"),
        ("maintenance[0] (M)", "either once or again"),
    ] {
        let found = said.iter().any(|line| line.starts_with(&format!("{place}: ")) && line.contains(part));
        assert!(found, "{place}: {part} is not in {said:#?}");
    }
    // What is missing for a reason that was said is not a second mistake: A needs Night, P needs B.
    assert_eq!(said.len(), 16, "{said:#?}");
}

#[test]
fn the_last_admin_cannot_be_taken_away_by_a_document() {
    let house = House::new(str::to_owned);
    for change in [json!({"role": "viewer"}), json!({"active": false})] {
        let mut document = document_of(house.app(), false);
        let admin = item(&mut document, "users", "admin");
        for (name, value) in change.as_object().expect("an object") {
            admin[name] = value.clone();
        }
        let Err(NotImported::Refused(complaints)) = import(house.app(), &document) else { panic!("refused") };
        assert!(complaints[0].sentence.contains("the only active admin"), "{complaints:?}");
    }
}

#[test]
fn what_is_not_in_the_document_is_left_alone() {
    let (_, app) = installations().into_iter().next().expect("the house");
    let before = document_of(&app, true);
    let small = json!({"pagerpal_export": 1, "teams": [{"name": "Night", "members": []}]});
    assert_eq!(imported(&app, &small), ["added the team Night"]);
    let mut after = document_of(&app, true);
    after["teams"].as_array_mut().expect("a list").retain(|team| team["name"] != "Night");
    assert_eq!(before, after);
    // Somebody who is named without contact methods keeps those they have.
    let named = json!({"pagerpal_export": 1, "users": [
        {"name": "admin", "email": "admin@example.test", "role": "admin", "zone": "Europe/Berlin"}]});
    assert_eq!(imported(&app, &named), Vec::<String>::new());
}

#[test]
fn whom_a_document_adds_is_paged_for_what_is_open() {
    let house = House::new(str::to_owned);
    let app = house.app();
    let paged = |house: &House| {
        let story = house.app().read(|read| incidents::story(read, &house.ids["incident"])).expect("an incident");
        story.notifications.iter().map(|(notification, _)| notification.user).collect::<Vec<_>>()
    };
    let before = paged(&house);
    let mut document = document_of(app, false);
    for policy in document["escalation_policies"].as_array_mut().expect("a list") {
        let recipients = policy["levels"][0]["recipients"].as_array_mut().expect("a list");
        recipients.push(json!({"user": "viewer"}));
    }
    imported(app, &document);
    let after = paged(&house);
    assert!(after.contains(&house.user("viewer")) && !before.contains(&house.user("viewer")), "{before:?} {after:?}");
    let problems = app.read(pagerpal::app::inspect::inspect).expect("an inspection");
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn people_without_an_address_are_told_apart_by_a_number() {
    let app = empty(Timestamp::from_second(crate::house::START));
    let document = json!({"pagerpal_export": 1, "users": [
        {"name": "Hugo", "role": "responder"},
        {"name": "Hugo", "known_as": "the other", "role": "viewer"},
        {"name": "Hugo (2)", "role": "admin"},
    ], "teams": [{"name": "T", "members": ["Hugo", "the other"]}]});
    imported(&app, &document);
    let first = written(&app, false);
    assert!(text(&first).contains("\"known_as\": \"Hugo (3)\""), "{}", text(&first));
    let copy = empty(app.now());
    copy.import(read(&first), means(&copy), false).expect("imported");
    assert_eq!(text(&written(&copy, false)), text(&first));
    copy.read(|read| {
        assert_eq!((teams::all(read)?[0].members.len(), policies::all(read)?.len()), (2, 0));
        Ok(())
    })
    .expect("reads");
}

#[test]
fn random_organisations_come_through_whole() {
    let seed: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_127);
    for number in 0..25 {
        let seed = seed + number;
        let document = random::document(seed);
        let one = empty(Timestamp::from_second(crate::house::START));
        let done = one.import(document.clone(), means(&one), false);
        let done = done.unwrap_or_else(|why| panic!("seed {seed}: {why:#?}\n{}", text(&document.write())));
        assert!(done.changes.len() >= 8, "seed {seed}");
        let first = written(&one, true);
        assert_eq!(one.import(read(&first), means(&one), false), Ok(Imported::default()), "seed {seed}");
        let other = empty(one.now());
        other.import(read(&first), means(&other), false).unwrap_or_else(|why| panic!("seed {seed}: {why:#?}"));
        let again = written(&other, true);
        assert!(again == first, "seed {seed}: {}", first_difference(text(&first), text(&again)));
        assert!(other.verify().expect("a verdict").is_well(), "seed {seed}");
    }
}

#[test]
fn the_shape_of_the_document_is_published() {
    let mut schema = serde_json::to_value(schemars::schema_for!(Document)).expect("JSON");
    schema["title"] = json!("What pagerpal export writes");
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/export.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, &text).expect("schema/ can be written");
    }
    assert!(
        fs::read_to_string(path).unwrap_or_default() == text,
        "schema/export.json is what people's documents are checked with. Run this test with UPDATE_GOLDEN=1 and look at \
         the difference; what old documents say must still be read, or the version must rise."
    );
}

/// Runs a command for a data directory as if typed.
fn run(data_dir: &Path, words: &[&str]) -> Exit {
    let directory = data_dir.to_str().expect("a plain path");
    let typed = [&["pagerpal", "--data-dir", directory], words].concat();
    cli::run(Arguments::try_parse_from(typed).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn commands_export_and_import_and_exit_as_the_manual_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let arg = |name: &str| path(name).to_str().expect("a plain path").to_owned();
    let (one, other) = (path("one"), path("other"));
    fs::write(path("house.json"), written(House::new(str::to_owned).app(), true)).expect("a file");
    fs::write(path("broken.json"), "{\"pagerpal_export\": 1, \"users\": [{}]}").expect("a file");
    fs::write(path("wrong.json"), "{\"pagerpal_export\": 1, \"teams\": [{\"name\": \"\", \"members\": []}]}")
        .expect("a file");

    assert_eq!(run(&one, &["export"]), Exit::DatabaseUnreachable, "there is nothing to export");
    assert_eq!(run(&one, &["import", &arg("house.json"), "--dry-run"]), Exit::DatabaseUnreachable);
    assert!(!one.exists(), "a rehearsal makes nothing");
    assert_eq!(run(&one, &["import", &arg("nowhere.json"), "--yes"]), Exit::NotFound);
    assert_eq!(run(&one, &["import", &arg("broken.json"), "--yes"]), Exit::Failed);
    assert!(!one.exists());
    assert_eq!(run(&one, &["import", &arg("house.json"), "--yes"]), Exit::Done, "a new installation");
    assert_eq!(run(&one, &["import", &arg("wrong.json"), "--yes"]), Exit::Failed);
    assert_eq!(run(&one, &["import", &arg("house.json"), "--dry-run"]), Exit::Done);
    assert_eq!(run(&one, &["import", &arg("house.json")]), Exit::Done, "nothing to change, so nobody is asked");
    assert_eq!(run(&one, &["export", &arg("one.json"), "--include-secrets"]), Exit::Done);
    assert_eq!(run(&other, &["import", &arg("one.json"), "-y"]), Exit::Done);
    assert_eq!(run(&other, &["export", &arg("other.json"), "--include-secrets"]), Exit::Done);
    let bytes = |name: &str| fs::read(path(name)).expect("there");
    assert!(bytes("one.json") == bytes("other.json"));
    assert_eq!(run(&other, &["verify"]), Exit::Done);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(fs::metadata(path("one.json")).expect("there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_exports_and_imports_through_its_socket() {
    let house = House::new(str::to_owned);
    let folder = tempfile::tempdir().expect("a folder");
    let (listener, _socket) = control::listen(folder.path()).expect("a socket");
    let serving = tokio::spawn(control::serve(house.web.clone(), listener, std::future::pending()));

    let whole = written(house.app(), true);
    let mut small: Value = serde_json::from_slice(&whole).expect("JSON");
    small["teams"].as_array_mut().expect("a list").push(json!({"name": "Night", "members": ["viewer"]}));
    let (edited, out) = (folder.path().join("edited.json"), folder.path().join("out.json"));
    fs::write(&edited, small.to_string()).expect("a file");
    let wrong = folder.path().join("wrong.json");
    fs::write(&wrong, json!({"pagerpal_export": 1, "teams": [{"name": "", "members": []}]}).to_string())
        .expect("a file");
    let (data, before) = (folder.path().to_owned(), house.state_hash());
    let (typed_edited, typed_out, typed_wrong) = (edited.clone(), out.clone(), wrong.clone());
    let commands = tokio::task::spawn_blocking(move || {
        let name = |path: &Path| path.to_str().expect("a plain path").to_owned();
        let done = [
            run(&data, &["export", &name(&typed_out), "--include-secrets"]),
            run(&data, &["import", &name(&typed_edited), "--dry-run"]),
            run(&data, &["import", &name(&typed_wrong), "--yes"]),
        ];
        (done, run(&data, &["import", &name(&typed_edited), "--yes"]))
    });
    let (first, last) = commands.await.expect("no panic");
    assert_eq!((first, last), ([Exit::Done, Exit::Done, Exit::Failed], Exit::Done));
    assert!(fs::read(&out).expect("there") == whole, "the server's own");
    assert_ne!(house.state_hash(), before);
    let night = house.app().read(|read| teams::all(read)).expect("reads");
    assert!(night.iter().any(|team| team.name == "Night" && team.members == [house.user("viewer")]));
    serving.abort();
}
