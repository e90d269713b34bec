//! Two people in front of the same form: whoever is second reads both values, and keeps one.

use super::*;

/// Rea as a second admin.
async fn second_admin<'a>(site: &'a Site, ana: &Visitor<'_>) -> Visitor<'a> {
    let form = [("name", "Rea"), ("email", "rea@example.test"), ("role", "admin"), ("zone", "Europe/Berlin")];
    ana.done(&format!("/users/{}", site.id_of("Rea")), &form).await;
    site.sign_in("Rea").await
}

/// What the form to this address was made of.
fn seen(page: &Answer, action: &str) -> String {
    let form = between(&page.body, &format!("method=\"post\" action=\"{action}\""), "</form>");
    between(form, "name=\"seen\" value=\"", "\"").to_owned()
}

#[tokio::test]
async fn the_second_to_save_reads_both_values_and_keeps_one() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let rea = second_admin(&site, &ana).await;
    let vic = format!("/users/{}", site.id_of("Vic"));
    let form = |name: &'static str, role: &'static str, zone: &'static str| {
        [("name", name), ("email", "vic@example.test"), ("role", role), ("zone", zone)]
    };
    let page = ana.get(&vic).await;
    let seen_by_ana = seen(&page, &vic);
    rea.done(&vic, &form("Victor", "viewer", "Asia/Tokyo")).await;

    let mine = [&form("Vicky", "viewer", "Europe/Berlin")[..], &[("seen", seen_by_ana.as_str())]].concat();
    let answer = ana.post(&vic, &mine).await;
    answer.is(StatusCode::CONFLICT).has("Rea changed this while you were editing.");
    answer.has("Keep mine</button>").has(&format!("href=\"{vic}\">Keep theirs</a>"));
    answer.has("Theirs: <b>Victor</b>").has("value=\"Vicky\"");
    // What only they touched is theirs, with what was seen before beside it; what nobody touched is no question.
    answer.has("value=\"Asia/Tokyo\"").has("Theirs now. You saw: <b>Europe/Berlin</b>").has_not("user-role-other");
    ana.get(&vic).await.has("<h1>Victor</h1>");

    let seen_again = seen(&answer, &vic);
    assert_ne!(seen_again, seen_by_ana);
    let kept = [&form("Vicky", "viewer", "Asia/Tokyo")[..], &[("seen", seen_again.as_str())]].concat();
    let (_, page) = ana.done(&vic, &kept).await;
    page.has("<h1>Vicky</h1>").has("Asia/Tokyo");
}

#[tokio::test]
async fn a_change_of_something_else_is_said_and_asks_nothing() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let vic = format!("/users/{}", site.id_of("Vic"));
    let seen = seen(&ana.get(&vic).await, &vic);
    let contact = [("channel", "sms"), ("address", "+49 170 1234567")];
    ana.done(&format!("{vic}/contacts"), &contact).await;
    let form = [("name", "Vicky"), ("email", "vic@example.test"), ("role", "viewer"), ("zone", "Europe/Berlin")];
    let answer = ana.post(&vic, &[&form[..], &[("seen", seen.as_str())]].concat()).await;
    answer.is(StatusCode::CONFLICT).has("You changed this in another window while you were editing.");
    answer.has("What this form is about was left alone.").has_not("-other\"");
}

/// The page of a form, where it is sent to, its fields, and one of them with another value.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// Every form that is filled from a record brings its version, and is refused when that has passed.
#[tokio::test]
async fn no_form_of_a_record_overwrites_what_it_has_not_seen() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let page = ana.get("/escalation-policies").await;
    let policy = format!("/escalation-policies/pol_{}", between(&page.body, "href=\"/escalation-policies/pol_", "\""));
    let schedule = a_schedule(&ana).await;
    let team = format!("/teams/{}", between(&ana.get(&schedule).await.body, "href=\"/teams/", "\""));
    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    let team_id = team.trim_start_matches("/teams/").to_owned();
    let policy_id = policy.trim_start_matches("/escalation-policies/").to_owned();
    let source_id = source.trim_start_matches("/alert-sources/").to_owned();

    let entry = [("user", ana_id.as_str()), ("start", "2026-12-01T09:00"), ("end", "2026-12-01T17:00"), ("note", "")];
    let (_, page) = ana.done(&format!("{schedule}/entries"), &entry).await;
    let entries = format!("{schedule}/entries/ent_");
    let entry_form = format!("{entries}{}", between(&page.body, &format!("action=\"{entries}"), "/remove"));
    let rotation = [
        ("name", "Weekly"),
        ("zone", "Europe/Berlin"),
        ("cadence", "1"),
        ("unit", "weeks"),
        ("anchor", "2026-11-30T09:00"),
        ("slot0", ana_id.as_str()),
    ];
    let (_, page) = ana.done(&format!("{schedule}/layers"), &rotation).await;
    let layers = format!("{schedule}/layers/");
    let layer = format!("{layers}{}", between(&page.body, &format!("action=\"{layers}"), "/"));
    let window = [
        ("occurs", "once"),
        ("name", "Upgrade"),
        ("team", team_id.as_str()),
        ("zone", "UTC"),
        ("start", "2026-12-01T09:00"),
        ("end", "2026-12-01T17:00"),
    ];
    let (_, page) = ana.done("/maintenance", &window).await;
    let window_form = format!("/maintenance/{}", between(&page.body, "href=\"/maintenance/", "\""));
    let beat = [("source", source_id.as_str()), ("name", "nightly"), ("interval", "60"), ("grace", "5")];
    let (heartbeat, _) = ana.done("/heartbeats", &beat).await;

    let settings = [
        ("name", "alertmanager-prod"),
        ("kind", "alertmanager"),
        ("team", team_id.as_str()),
        ("policy", policy_id.as_str()),
        ("default_severity", "critical"),
        ("urgency", "by_severity"),
    ];
    let basics = [("name", "Payments 24×7"), ("repeat", "1"), ("repage_minutes", "30")];
    let level = [("number", "2"), ("delay", "20"), ("recipients", bo_id.as_str())];
    let calendar = [("name", "Primary"), ("team", team_id.as_str()), ("zone", "Europe/Berlin"), ("fallback", "")];
    let level_form = format!("{policy}/levels/2");
    let table: [Row; 9] = [
        (&team, &team, &[("name", "Nights")], "name", "Dawns"),
        (&source, &source, &settings, "name", "alertmanager-two"),
        (&policy, &policy, &basics, "repeat", "3"),
        (&policy, &level_form, &level, "delay", "25"),
        (&schedule, &schedule, &calendar, "zone", "Asia/Tokyo"),
        (&schedule, &entry_form, &entry, "note", "dentist"),
        (&layer, &layer, &rotation, "cadence", "2"),
        (&window_form, &window_form, &window, "name", "Downgrade"),
        (&heartbeat, &heartbeat, &[("interval", "60"), ("grace", "5")], "grace", "9"),
    ];
    for (page, action, fields, field, value) in table {
        let seen = seen(&ana.get(page).await, action);
        let mut sent = [fields, &[("seen", seen.as_str())]].concat();
        let late = sent.clone();
        sent.iter_mut().filter(|(name, _)| *name == field).for_each(|pair| pair.1 = value);
        let first = ana.post(action, &sent).await;
        assert_eq!(first.status, StatusCode::SEE_OTHER, "{action}: {}", first.body);
        let answer = ana.post(action, &late).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{action}: {}", answer.body);
        answer.has("in another window while you were editing.").has("Keep mine</button>").has("-other\">");
    }
}
