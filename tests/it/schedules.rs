//! Schedules as people make them: rotations, overrides and swaps, what is said about a change, and times that the clocks
//! make ambiguous. The forms are found on their pages and sent as a browser without script sends them.

use crate::ui::{Answer, Site, Visitor, between};
use crate::world::World;
use axum::http::StatusCode;
use pagerpal::app::{oncall, schedules};
use pagerpal::clock::Clock;
use pagerpal::domain::access::Role;
use pagerpal::domain::actor::Actor;
use pagerpal::domain::contact::Channel;
use pagerpal::domain::entry::{Interval, OverrideMode};
use pagerpal::domain::id::{ScheduleId, UserId};
use pagerpal::domain::layer::Draft;
use pagerpal::domain::rotation::{Cadence, Civil};
use pagerpal::domain::schedule::Turns;
use pagerpal::domain::warning::Warning;

const DAY: i64 = 86_400;

/// Ana and Bo in turn, a day each, from now on.
fn daily(world: &mut World) -> (ScheduleId, [UserId; 2]) {
    let people = ["ana", "bo"].map(|name| world.person(name, Role::Responder, &[Channel::Sms]));
    let basics = schedules::Basics { name: "daily".into(), team: world.team, zone: "UTC".into(), fallback: None };
    let draft = draft(world, Cadence::Days(1), &people);
    let made = world.write(move |tx| {
        let id = schedules::create(tx, &Actor::SYSTEM, &basics)?;
        schedules::add_layer(tx, &Actor::SYSTEM, id, &draft).map(|saved| (id, saved.warnings))
    });
    let (id, warnings) = made.expect("a schedule");
    assert_eq!(warnings, [Warning::NotTeamMember]);
    (id, people)
}

fn draft(world: &World, cadence: Cadence, people: &[UserId]) -> Draft {
    Draft {
        name: "Daily".into(),
        zone: "UTC".into(),
        from: None,
        anchor: Civil(world.clock.now().as_second() / 60),
        cadence,
        slots: people.iter().map(|user| vec![*user]).collect(),
        windows: vec![],
    }
}

/// Hours from now.
fn span(world: &World, from: i64, to: i64) -> Interval {
    let now = world.clock.now();
    Interval { start: now.plus_secs(from * 3600), end: now.plus_secs(to * 3600) }
}

/// Who is on call on each of the next days, an hour after its handoff.
fn on_call(world: &World, id: ScheduleId, days: i64) -> Vec<Option<UserId>> {
    let now = world.clock.now();
    let at = |day: i64| now.plus_secs(day * DAY + 3600);
    let first = |day| world.read(|read| Ok(oncall::on_schedule(read, id, at(day))?.places.first().map(|p| p.user)));
    (0..days).map(first).collect()
}

#[test]
fn a_swap_is_made_and_undone_as_one() {
    let mut world = World::new(false);
    let (id, [ana, bo]) = daily(&mut world);
    assert_eq!(on_call(&world, id, 2), [Some(ana), Some(bo)]);
    let one = schedules::Turn { user: ana, span: span(&world, 0, 24) };
    let other = schedules::Turn { user: bo, span: span(&world, 24, 48) };
    let swap = move |world: &World| {
        world.write(move |tx| schedules::add_swap(tx, &Actor::SYSTEM, id, one, other, "")).expect("a swap").id
    };
    let made = swap(&world);
    assert_eq!(on_call(&world, id, 2), [Some(bo), Some(ana)]);
    let removed = world.write(move |tx| schedules::remove_override(tx, &Actor::SYSTEM, made)).expect("removed");
    assert_eq!((on_call(&world, id, 2), removed.warnings), (vec![Some(ana), Some(bo)], vec![]));

    // One half is over: that stays, and the other is gone.
    let made = swap(&world);
    world.clock.set(world.clock.now().plus_secs(DAY));
    let removed = world.write(move |tx| schedules::remove_override(tx, &Actor::SYSTEM, made)).expect("removed");
    assert_eq!(removed.warnings, [Warning::SwapOrphaned]);
    assert_eq!(on_call(&world, id, 1), [Some(bo)]);
    let same = schedules::Turn { user: ana, ..other };
    let refused = world.write(move |tx| schedules::add_swap(tx, &Actor::SYSTEM, id, one, same, ""));
    assert!(refused.expect_err("nobody swaps with themselves").to_string().contains("two different people"));
}

#[test]
fn two_replacements_that_were_made_one_by_one_are_no_swap() {
    let mut world = World::new(false);
    let (id, [ana, bo]) = daily(&mut world);
    let spans = [span(&world, 0, 24), span(&world, 24, 48)];
    let made = world.write(move |tx| {
        let from = |from| OverrideMode::Replace { from };
        let first = schedules::add_override(tx, &Actor::SYSTEM, id, bo, from(ana), spans[0], "")?;
        schedules::add_override(tx, &Actor::SYSTEM, id, ana, from(bo), spans[1], "")?;
        schedules::remove_override(tx, &Actor::SYSTEM, first.id)
    });
    made.expect("one is removed");
    assert_eq!(on_call(&world, id, 2), [Some(ana), Some(ana)]);
}

#[test]
fn every_change_counts_and_says_what_came_of_it() {
    let mut world = World::new(false);
    let (id, [ana, bo]) = daily(&mut world);
    let vic = world.person("vic", Role::Viewer, &[]);
    let revision = |world: &World| world.read(|read| Ok(schedules::one(read, id)?.revision));
    let before = revision(&world);

    let tomorrow = span(&world, 24, 48);
    let cover = move |user: UserId, span: Interval| {
        move |world: &World| {
            let mode = OverrideMode::Cover;
            world.write(move |tx| schedules::add_override(tx, &Actor::SYSTEM, id, user, mode, span, "")).expect("made")
        }
    };
    let made = cover(vic, tomorrow)(&world);
    assert_eq!(made.warnings, [Warning::Unreachable, Warning::ViewerOnCall, Warning::NotTeamMember]);
    assert_eq!(revision(&world), before + 1);
    let removed = world.write(move |tx| schedules::remove_override(tx, &Actor::SYSTEM, made.id)).expect("removed");
    assert_eq!((removed.warnings, revision(&world)), (vec![], before + 2));

    assert_eq!(cover(bo, tomorrow)(&world).warnings, [Warning::NotTeamMember, Warning::NoEffect]);
    let past = cover(bo, span(&world, -24, 1))(&world);
    assert_eq!(past.warnings, [Warning::NotTeamMember, Warning::StartsInPast]);

    // A year each from the next handoff on: Carol's turn is too far away.
    let carol = world.person("carol", Role::Responder, &[Channel::Sms]);
    let layer = world.read(|read| Ok(schedules::one(read, id)?.layers[0].id));
    let alone = draft(&world, Cadence::Weeks(52), &[ana, carol]);
    let edited = world.write(move |tx| schedules::edit_layer(tx, &Actor::SYSTEM, id, layer, &alone)).expect("edited");
    assert!(edited.warnings.contains(&Warning::Starved), "{:?}", edited.warnings);
    let versions = world.read(|read| match &schedules::one(read, id)?.layers[0].turns {
        Turns::Rotation(versions) => Ok(versions.len()),
        Turns::Imported(_) => Ok(0),
    });
    assert_eq!(versions, 2, "what is in force stays");
    let gone = world.write(move |tx| schedules::remove_layer(tx, &Actor::SYSTEM, id, layer)).expect("removed");
    assert_eq!(gone.warnings, [Warning::GapCreated]);
    let deleted = world.write(move |tx| schedules::delete(tx, &Actor::SYSTEM, id)).expect("deleted");
    assert_eq!(deleted.warnings, [Warning::NoSchedule]);
}

#[test]
fn a_swap_that_a_new_rotation_no_longer_meets_is_orphaned() {
    let mut world = World::new(false);
    let (id, [ana, bo]) = daily(&mut world);
    let carol = world.person("carol", Role::Responder, &[Channel::Sms]);
    let one = schedules::Turn { user: ana, span: span(&world, 48, 72) };
    let other = schedules::Turn { user: bo, span: span(&world, 72, 96) };
    world.write(move |tx| schedules::add_swap(tx, &Actor::SYSTEM, id, one, other, "")).expect("a swap");
    let layer = world.read(|read| Ok(schedules::one(read, id)?.layers[0].id));
    let others = draft(&world, Cadence::Days(1), &[carol]);
    let edited = world.write(move |tx| schedules::edit_layer(tx, &Actor::SYSTEM, id, layer, &others)).expect("edited");
    assert!(edited.warnings.contains(&Warning::SwapOrphaned), "{:?}", edited.warnings);
}

#[test]
fn an_entry_is_moved_and_who_was_deactivated_may_stay_on_it() {
    let mut world = World::new(false);
    let (id, [ana, bo]) = daily(&mut world);
    let (first, second) = (span(&world, 24, 30), span(&world, 30, 36));
    let entry = move |user, span| {
        move |world: &World| {
            world.write(move |tx| schedules::add_entry(tx, &Actor::SYSTEM, id, user, span, "")).map(|saved| saved.id)
        }
    };
    let made = entry(ana, first)(&world).expect("an entry");
    entry(ana, second)(&world).expect("touching is fine");
    world.write(move |tx| pagerpal::app::users::deactivate(tx, &Actor::SYSTEM, ana)).expect("deactivated");
    let edit = |user: UserId, span: Interval| {
        world.write(move |tx| schedules::edit_entry(tx, &Actor::SYSTEM, made, user, span, "moved"))
    };
    edit(ana, span(&world, 20, 30)).expect("it merely keeps her");
    edit(bo, first).expect("somebody active");
    let refused = edit(ana, first).expect_err("she is put there anew").to_string();
    assert!(refused.contains("is deactivated and cannot be added"), "{refused}");
    let refused = edit(bo, span(&world, 24, 31)).expect_err("they overlap").to_string();
    assert!(refused.contains("ana is already entered from"), "{refused}");
}

/// A schedule in New York; answers its path.
async fn schedule(ana: &Visitor<'_>) -> String {
    let (team, _) = ana.done("/teams", &[("name", "Payments")]).await;
    let team = team.rsplit('/').next().expect("an id").to_owned();
    let form = [("name", "Primary"), ("team", team.as_str()), ("zone", "America/New_York"), ("fallback", "")];
    ana.done("/schedules", &form).await.0
}

/// Weekly, Monday 09:00, with these slots.
async fn rotation(ana: &Visitor<'_>, path: &str, slots: &[&str], more: &[(&str, &str)]) -> Answer {
    let names: Vec<String> = (0..slots.len()).map(|row| format!("slot{row}")).collect();
    let mut fields = vec![
        ("name", "Weekly"),
        ("zone", "America/New_York"),
        ("cadence", "1"),
        ("unit", "weeks"),
        ("anchor", "2026-11-16T09:00"),
    ];
    fields.extend(names.iter().zip(slots).map(|(name, user)| (name.as_str(), *user)));
    fields.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    fields.extend(more);
    ana.post(path, &fields).await
}

#[tokio::test]
async fn a_rotation_is_set_up_shown_in_words_and_changed_from_its_next_handoff() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let path = schedule(&ana).await;
    let [a, b] = ["Ana", "Bo"].map(|name| site.id_of(name).to_string());
    ana.get(&path).await.has(&format!("href=\"{path}/layers/new\""));
    ana.get(&format!("{path}/layers/new")).await.is(StatusCode::OK).has("Turn 2").has_not("Turn 3");

    let layers = format!("{path}/layers");
    let more = rotation(&ana, &layers, &[&a, &b], &[("do", "add_turn")]).await;
    more.is(StatusCode::OK).has("Turn 3").has("value=\"2026-11-16T09:00\"");
    let more = rotation(&ana, &layers, &[&a, &b], &[("do", "add_window")]).await;
    more.is(StatusCode::OK).has("Window 1");
    let drawn = rotation(&ana, &layers, &[&a, &b], &[("do", "preview")]).await;
    drawn.is(StatusCode::OK).has("Ana is first, from Mon 16 Nov 09:00.").has("class=\"band\"");
    ana.get(&path).await.has("None. A rotation fills the schedule");

    let saved = rotation(&ana, &layers, &[&a, &b], &[("do", "save")]).await;
    saved.is(StatusCode::SEE_OTHER);
    assert_eq!(saved.location(), format!("{path}?notice=not_team_member"));
    let page = ana.get(saved.location()).await;
    page.has("Somebody named here is not a member of the team.").has("weekly, Monday 09:00, Ana then Bo");
    // Monday 23 November is the second turn.
    page.has("<b>Bo</b>").has("until Mon 30 Nov 09:00, then Ana").has("by rotation Weekly");
    page.has("None: somebody is always on call.");

    let layer = format!("{layers}/{}", between(&page.body, &format!("href=\"{layers}/lay_"), "\""));
    let layer = layer.replace("/layers/", "/layers/lay_");
    let form = ana.get(&layer).await;
    form.has("value=\"2026-11-30T09:00\"").has("Holds from");
    let from = [("from", "2026-11-30T09:00"), ("anchor", "2026-11-30T09:00"), ("unit", "days")];
    rotation(&ana, &layer, &[&a, &b], &from).await.is(StatusCode::SEE_OTHER);
    ana.get(&path)
        .await
        .has("weekly, Monday 09:00, Ana then Bo")
        .has("from Mon 30 Nov 09:00: daily, 09:00, Ana then Bo");
    let past = rotation(&ana, &layer, &[&a, &b], &[("from", "2026-11-23T09:00")]).await;
    past.is(StatusCode::UNPROCESSABLE_ENTITY).has("A rotation changes now or later; the past stays as it was.");
    past.has("rotation-from-problem");
    let zone = rotation(&ana, &layer, &[&a, &b], &[("zone", "UTC")]).await;
    zone.is(StatusCode::UNPROCESSABLE_ENTITY).has("the past stays as it was.");

    ana.done(&format!("{layer}/move"), &[("to", "0")]).await;
    let (_, page) = ana.done(&format!("{layer}/remove"), &[]).await;
    page.has("Nobody is on call now at times that somebody had before.").has("None. A rotation fills");
}

#[tokio::test]
async fn what_a_rotation_may_not_be_is_said_beside_its_field() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let layers = format!("{}/layers", schedule(&ana).await);
    let (a, vic) = (site.id_of("Ana").to_string(), site.id_of("Vic").to_string());
    ana.done(&format!("/users/{vic}/deactivate"), &[]).await;
    let check = async |slots: &[&str], more: &[(&str, &str)], field: &str, sentence: &str| {
        let answer = rotation(&ana, &layers, slots, more).await;
        answer.is(StatusCode::UNPROCESSABLE_ENTITY).has(sentence).has(&format!("id=\"rotation-{field}-problem\""));
        answer.has("value=\"Weekly\"");
    };
    check(&["", ""], &[], "slots", "A rotation has 1 to 100 turns of 1 to 5 people.").await;
    check(&[&a], &[("cadence", "53")], "cadence", "A rotation has turns of 1 to 52 weeks.").await;
    check(&[&a], &[("zone", "EST")], "zone", "EST is not a place. Choose one, such as America/New_York.").await;
    check(&[&vic], &[], "slots", "Vic is deactivated and cannot be added.").await;
    check(&[&a], &[("anchor", "soon")], "anchor", "Write the time as 2026-11-24T09:00.").await;
    let pattern = "Use five fields with fixed minute and hour, matching within five years and at least one hour apart.";
    check(&[&a], &[("unit", "cron"), ("cron", "* * * * *")], "cron", pattern).await;
    let windows = "A turn per window needs exactly one window that does not overlap itself.";
    check(&[&a], &[("unit", "windows")], "windows", windows).await;
    check(&[&a], &[("day0", "4"), ("start_of0", "late")], "windows", "Give every window a start and an end").await;
    let weekend = [("day0", "4"), ("start_of0", "18:00"), ("end_of0", "08:00"), ("extra0", "2"), ("unit", "windows")];
    rotation(&ana, &layers, &[&a], &weekend).await.is(StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_time_that_never_comes_or_comes_twice_is_asked_about() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let path = schedule(&ana).await;
    let (entries, bo) = (format!("{path}/entries"), site.id_of("Bo").to_string());
    let form = |start: &'static str, pass: &'static str| {
        [("user", bo.as_str()), ("start", start), ("start_pass", pass), ("end", "2028-01-01T09:00"), ("note", "kept")]
    };
    let to = async |start, pass| {
        let mut fields = form(start, pass).to_vec();
        fields[3].1 = if start < "2027-06" { "2027-03-20T09:00" } else { "2027-11-20T09:00" };
        ana.post(&entries, &fields).await
    };
    let gap = to("2027-03-14T02:30", "").await;
    gap.is(StatusCode::UNPROCESSABLE_ENTITY).has("clocks jump from 01:59 to 03:00. Choose one of these.");
    gap.has("value=\"2027-03-14T01:59\"").has("value=\"2027-03-14T03:00\"").has("value=\"kept\"");
    to("2027-03-14T02:30", "2027-03-14T03:00").await.is(StatusCode::SEE_OTHER);
    let fold = to("2027-11-07T01:30", "").await;
    fold.is(StatusCode::UNPROCESSABLE_ENTITY).has("01:30 comes twice on 7 Nov").has("the first time, 01:30 EDT");
    to("2027-11-07T01:30", "second").await.is(StatusCode::SEE_OTHER);
    let page = ana.get(&path).await;
    page.has("datetime=\"2027-03-14T07:00:00Z\"").has("datetime=\"2027-11-07T06:30:00Z\"");
    // The form to change it keeps the pass.
    let why = ana.get(&format!("{path}?at=2027-03-14T02:30")).await;
    why.is(StatusCode::OK).has("id=\"why-at-problem\"");
}

#[tokio::test]
async fn overrides_and_swaps_are_made_on_the_page_and_explained() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let path = schedule(&ana).await;
    let [a, b, rea] = ["Ana", "Bo", "Rea"].map(|name| site.id_of(name).to_string());
    rotation(&ana, &format!("{path}/layers"), &[&a, &b], &[]).await.is(StatusCode::SEE_OTHER);
    let swap = [
        ("user", b.as_str()),
        ("start", "2026-11-23T09:00"),
        ("end", "2026-11-30T09:00"),
        ("other_user", a.as_str()),
        ("other_start", "2026-11-30T09:00"),
        ("other_end", "2026-12-07T09:00"),
        ("note", "holiday"),
    ];
    let answer = ana.post(&format!("{path}/swaps"), &swap[..6]).await;
    answer.is(StatusCode::SEE_OTHER);
    let page = ana.get(answer.location()).await;
    page.has("swap: stands in for Bo").has("swap: stands in for Ana").has("in the place of Bo");
    page.has("It begins in the past.");
    let removal = between(&page.body, &format!("action=\"{path}/overrides/"), "\"").to_owned();
    ana.done(&format!("{path}/overrides/{removal}"), &[]).await.1.has_not("swap: stands in for Ana");
    let mut same = swap;
    same[3].1 = b.as_str();
    let answer = ana.post(&format!("{path}/swaps"), &same).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("swap-other_user-problem").has("value=\"holiday\"");

    let cover = [("user", rea.as_str()), ("from", ""), ("start", "2026-12-01T00:00"), ("end", "2026-12-02T00:00")];
    ana.post(&format!("{path}/overrides"), &cover).await.is(StatusCode::SEE_OTHER);
    let why = ana.get(&format!("{path}?at=2026-12-01T12:00")).await;
    why.has("Override, Tue 1 Dec 00:00 to Wed 2 Dec 00:00").has("shadowed by the override above").has("Layer Weekly");
    let ranged = cover.map(|(name, value)| (name, if name == "end" { "2026-12-01T00:00" } else { value }));
    let answer = ana.post(&format!("{path}/overrides"), &ranged).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("The end must come after the start, within 366 days.");
}

#[tokio::test]
async fn the_on_call_page_answers_for_now_and_for_any_moment() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    ana.get("/on-call").await.is(StatusCode::OK).has("No schedule yet.");
    let path = schedule(&ana).await;
    ana.get("/on-call").await.has("Nobody").has("and nobody is ahead");
    let [a, b] = ["Ana", "Bo"].map(|name| site.id_of(name).to_string());
    rotation(&ana, &format!("{path}/layers"), &[&a, &b], &[]).await.is(StatusCode::SEE_OTHER);
    ana.get("/on-call").await.has("<b>Bo</b>").has("covered").has("by rotation Weekly");
    let later = ana.get("/on-call?at=2026-12-01T12:00").await;
    later.has("<b>Ana</b>").has(&format!("{path}?at=2026-12-01T06:00"));
    let vic = site.sign_in("Vic").await;
    for page in ["/on-call".to_owned(), path.clone()] {
        let page = vic.get(&page).await;
        page.is(StatusCode::OK).has_not("tel:").has("Bo");
        assert_eq!(page.body.matches("method=\"post\"").count(), 1, "only the form to sign out: {}", page.body);
    }
    vic.get(&format!("{path}/layers/new")).await.is(StatusCode::FORBIDDEN);
    for page in [path.clone(), format!("{path}/layers/new"), "/on-call".to_owned()] {
        let page = ana.get(&page).await;
        let ids: Vec<&str> = page.body.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "two elements {id}");
        }
        for id in page.body.split(" for=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(ids.contains(&id), "a label leads to {id}, which is not there");
        }
        page.has_not("<script>").has_not(" style=");
    }
}
