//! Contact methods, rules, maintenance windows and heartbeats, as people enter them.

use super::*;
use pagerpal::app::deliveries::{Room, Sender, claim_due};
use pagerpal::clock::Clock;
use pagerpal::domain::delivery::DeliveryRing;

/// The id that follows `before` on a page.
fn id_after(page: &Answer, before: &str) -> String {
    between(&page.body, before, "/").to_owned()
}

#[tokio::test]
async fn a_contact_method_is_tried_verified_and_readdressed() {
    let site = Site::staffed();
    let vic = site.sign_in("Vic").await;
    assert_eq!(vic.get("/me").await.location(), format!("/users/{}", site.id_of("Vic")));
    let mine = format!("/users/{}", site.id_of("Vic"));
    let page = vic.get(&mine).await;
    page.has("unverified").has("Send code").has_not("Verify");
    let contact = format!("{mine}/contacts/{}", id_after(&page, &format!("{mine}/contacts/")));

    let (_, page) = vic.done(&format!("{contact}/test"), &[]).await;
    page.has("test to Email vic@example.test: saved");
    let (_, page) = vic.done(&format!("{contact}/code"), &[]).await;
    page.has("Verify").has("code to Email vic@example.test: saved").has("Send another code");
    let answer = vic.post(&format!("{contact}/verify"), &[("code", "nonsense")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("That is not the code that was sent. 4 more tries.");
    answer.has("id=\"code-1-code-problem\"").has("value=\"nonsense\"");

    let sent_at = site.clock.now();
    let code = {
        let user = site.web.app.read(|read| users::one(read, site.id_of("Vic"))).expect("Vic");
        site.web.app.settings.link_key.proof(user.contacts[0].id, sent_at)
    };
    let (_, page) = vic.done(&format!("{contact}/verify"), &[("code", &code)]).await;
    page.has("<span class=\"pill good\">verified</span>").has_not("Send code");
    let answer = vic.post(&format!("{contact}/address"), &[("address", "vic")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"address-1-address-problem\"");
    let (_, page) = vic.done(&format!("{contact}/address"), &[("address", "v@example.test")]).await;
    page.has("unverified").has("v@example.test");

    // In safe mode it is decided and recorded, and the page says that nothing left.
    let sender = Sender::of(&site.web.app);
    let claimed =
        site.web.app.write(Lane::People, move |tx| claim_due(tx, DeliveryRing::First, &sender, &Room::each(32)));
    assert!(claimed.expect("claims work").outgoing.is_empty());
    vic.get(&mine).await.has("test to Email vic@example.test: safe mode: recorded, not sent");
    for _ in 0..2 {
        vic.done(&format!("{contact}/test"), &[]).await;
    }
    vic.done(&format!("{contact}/test"), &[]).await;
    let answer = vic.post(&format!("{contact}/test"), &[]).await;
    answer.is(StatusCode::CONFLICT).has("Enough was sent within the last hour.");
    let anas = format!("/users/{}/contacts/con_1/test", site.id_of("Ana"));
    vic.post(&anas, &[]).await.is(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn rules_are_rows_of_a_form() {
    let site = Site::staffed();
    let rea = site.sign_in("Rea").await;
    let mine = format!("/users/{}", site.id_of("Rea"));
    let form = [("channel", "sms"), ("address", "+49 170 1234567")];
    let (_, page) = rea.done(&format!("{mine}/contacts"), &form).await;
    page.has("Every contact method that is on, at once.");
    let user = site.web.app.read(|read| users::one(read, site.id_of("Rea"))).expect("Rea");
    let (mail, phone) = (user.contacts[0].id.to_string(), user.contacts[1].id.to_string());
    let rules = format!("{mine}/rules");
    let late = [("high_contact", phone.as_str()), ("high_after", "5")];
    let answer = rea.post(&rules, &late).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("The first high-urgency step has no delay: it is the page itself.");
    answer.has("id=\"rules-high-problem\"").has("value=\"5\"").has(&format!("value=\"{phone}\" selected"));
    let rows = [
        ("high_contact", phone.as_str()),
        ("high_after", ""),
        ("high_contact", mail.as_str()),
        ("high_after", "5"),
        ("high_contact", ""),
        ("high_after", "9"),
        ("low_contact", mail.as_str()),
        ("low_after", "10"),
    ];
    let (_, page) = rea.done(&rules, &rows).await;
    page.has("at once: SMS +491701234567").has("after 5 min: Email rea@example.test").has("after 10 min: Email");
    rea.post(&format!("/users/{}/rules", site.id_of("Ana")), &[]).await.is(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_window_is_entered_ended_and_explained() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let source = source.rsplit('/').next().expect("an id").to_owned();
    let form = [
        ("occurs", "once"),
        ("name", "Database upgrade"),
        ("source", source.as_str()),
        ("zone", "Europe/Berlin"),
        ("start", "2026-11-24T03:00"),
        ("end", "2026-11-24T05:00"),
        ("matchers", "service=checkout"),
    ];
    let (_, page) = ana.done("/maintenance", &form).await;
    page.has("Database upgrade").has("silence").has("service=checkout").has("End now").has("alertmanager-prod");
    let window = format!("/maintenance/mnt_{}", between(&page.body, "href=\"/maintenance/mnt_", "\""));
    ana.get(&window).await.has("value=\"2026-11-24T03:00\"").has("running, ends");
    let (_, page) = ana.done(&format!("{window}/end"), &[]).await;
    page.has("Nothing is held back").has("03:00 to 03:14 on 24 Nov");
    ana.post(&window, &form).await.is(StatusCode::CONFLICT).has("This window is over and stays as it was.");

    // Clocks that go forward skip the time, and clocks that go back ask which one is meant.
    let change = |field: &'static str, value: &'static str| {
        let mut form = form.to_vec();
        form.retain(|(name, _)| *name != field);
        form.push((field, value));
        form
    };
    let answer = ana.post("/maintenance", &change("end", "2027-03-28T02:30")).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("02:30 does not exist on 28 Mar in Europe/Berlin");
    answer.has("id=\"once-end-problem\"").has("service=checkout</textarea>");
    let twice = "2026-10-25T02:30";
    let answer = ana.post("/maintenance", &change("start", twice)).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("02:30 comes twice on 25 Oct in Europe/Berlin");
    answer.has("name=\"start_pass\"").has("the second time, 02:30 CET");
    let answer = ana.post("/maintenance", &change("source", "")).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY);

    let again = [
        ("occurs", "again"),
        ("name", "Nightly backup"),
        ("source", source.as_str()),
        ("zone", "Europe/Berlin"),
        ("pattern", "*/5 * * * *"),
        ("minutes", "90"),
    ];
    let answer = ana.post("/maintenance", &again).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"again-pattern-problem\"");
    answer.has("Use five fields with fixed minute and hour, matching within five years and at least one hour apart.");
    let mut again = again.to_vec();
    again[4].1 = "30 1 * * *";
    let (_, page) = ana.done("/maintenance", &again).await;
    page.has("for 1 h 30 min from each match of 30 1 * * *").has("01:30 to 03:00 on 25 Nov");
    site.sign_in("Rea").await.get("/maintenance").await.is(StatusCode::OK).has_not("Add a window");
}

#[tokio::test]
async fn a_sign_in_is_taken_away_and_a_deactivation_says_what_it_touches() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    set_up(&ana).await;
    ana.get(&format!("/users/{}", site.id_of("Bo"))).await.has("Named in level 2 of Payments 24×7.");
    let rea = site.sign_in("Rea").await;
    let (page, _) = ana.done(&format!("/users/{}/remove-login", site.id_of("Rea")), &[]).await;
    ana.get(&page).await.has("no sign-in").has("Give a sign-in");
    assert_eq!(rea.get("/dashboard").await.location(), "/login?next=%2Fdashboard", "the session is over");
    let answer = ana.post(&format!("/users/{}/remove-login", site.id_of("Ana")), &[]).await;
    answer.is(StatusCode::CONFLICT).has("Ana is the only active admin. Make somebody else an admin first.");
}

/// Somebody with no browser and no account.
async fn curl(site: &Site, method: Method, path: &str, key: Option<&str>, body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost:8000");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 40000)), is_tls: false };
    let request = request.extension(peer).body(Body::from(body.to_owned())).expect("a request");
    let response = site.router.clone().oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("it is whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
}

#[tokio::test]
async fn a_heartbeat_is_set_up_and_hears_every_kind_of_ping() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    ana.get("/heartbeats").await.has("Add an alert source");
    let (source, key) = set_up(&ana).await;
    let source = source.rsplit('/').next().expect("an id").to_owned();
    let form = [("name", "night ly"), ("source", source.as_str()), ("interval", "10"), ("grace", "5")];
    let answer = ana.post("/heartbeats", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"heartbeat-name-problem\"").has("value=\"night ly\"");
    let form = [("name", "nightly"), ("source", source.as_str()), ("interval", "10"), ("grace", "5")];
    let (heartbeat, page) = ana.done("/heartbeats", &form).await;
    page.has("waits for its first ping").has("every 10 min, 5 min of grace");
    let address = format!("/ping/{}", between(&page.body, "https://pager.example.test/ping/", "</pre>"));
    site.sign_in("Rea").await.get(&heartbeat).await.is(StatusCode::OK).has_not("/ping/");

    for method in [Method::GET, Method::HEAD, Method::POST] {
        site.clock.advance(60);
        curl(&site, method.clone(), &address, None, "").await.is(StatusCode::OK);
        ana.get(&heartbeat).await.has("a ping, <time").has(">now<").has("healthy");
    }
    curl(&site, Method::GET, &address, None, "").await.has("ok: nightly is healthy\n");
    curl(&site, Method::GET, "/ping/unknown", None, "").await.is(StatusCode::NOT_FOUND);
    curl(&site, Method::GET, &format!("{address}/start"), None, "").await.is(StatusCode::NOT_FOUND);

    let webhook = "/api/v1/webhooks/heartbeat/nightly";
    curl(&site, Method::GET, webhook, Some(&key), "").await.is(StatusCode::METHOD_NOT_ALLOWED);
    curl(&site, Method::POST, webhook, None, "").await.is(StatusCode::UNAUTHORIZED);
    curl(&site, Method::POST, "/api/v1/webhooks/heartbeat/other", Some(&key), "").await.is(StatusCode::NOT_FOUND);
    let answer = curl(&site, Method::POST, &format!("{webhook}/3"), Some(&key), "disk full").await;
    answer.is(StatusCode::OK).has("\"external_id\":\"heartbeat:nightly\"").has("\"result\":\"created\"");
    ana.get(&heartbeat).await.has("missed").has("exit code 3, a failure").has("disk full");
    ana.get("/dashboard").await.has("Heartbeat nightly failed with exit code 3");

    // An Alertmanager group that is not firing is no ping; one that fires is.
    let group = |status: &str| format!(r#"{{"version":"4","status":"{status}","groupKey":"k","alerts":[]}}"#);
    let answer = curl(&site, Method::POST, webhook, Some(&key), &group("resolved")).await;
    answer.is(StatusCode::OK).has("\"result\":\"noted\"");
    ana.get(&heartbeat).await.has("missed");
    let answer = curl(&site, Method::POST, webhook, Some(&key), &group("firing")).await;
    answer.is(StatusCode::OK).has("\"action\":\"resolve\"").has("\"result\":\"resolved\"");
    let long = "x".repeat(10_000);
    curl(&site, Method::POST, &address, None, &long).await.is(StatusCode::OK);
    let page = ana.get(&heartbeat).await;
    page.has("healthy").has(&"x".repeat(4096)).has_not(&"x".repeat(4097));

    let (_, page) = ana.done(&format!("{heartbeat}/pause"), &[("until", "2026-11-25T09:00")]).await;
    page.has("paused").has("Resume now");
    let answer = ana.post(&format!("{heartbeat}/pause"), &[("until", "2026-11-23T09:00")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"pause-until-problem\"");
    ana.done(&format!("{heartbeat}/resume"), &[]).await.1.has("healthy");
    ana.done(&format!("{heartbeat}/renew-address"), &[]).await.1.has_not(&address);
    curl(&site, Method::GET, &address, None, "").await.is(StatusCode::NOT_FOUND);
    let (_, page) = ana.done(&heartbeat, &[("interval", "60"), ("grace", "5")]).await;
    page.has("every 1 h, 5 min of grace");
    let (_, page) = ana.done(&format!("{heartbeat}/delete"), &[]).await;
    page.has("None yet.");
}

#[tokio::test]
async fn these_pages_are_sound_documents_too() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let source = source.rsplit('/').next().expect("an id").to_owned();
    let form = [("name", "nightly"), ("source", source.as_str()), ("interval", "10"), ("grace", "5")];
    let (heartbeat, _) = ana.done("/heartbeats", &form).await;
    let again = [
        ("occurs", "again"),
        ("name", "Nightly backup"),
        ("source", source.as_str()),
        ("zone", "UTC"),
        ("pattern", "30 1 * * *"),
        ("minutes", "90"),
    ];
    let (_, page) = ana.done("/maintenance", &again).await;
    let window = format!("/maintenance/mnt_{}", between(&page.body, "href=\"/maintenance/mnt_", "\""));
    let own = format!("/users/{}", site.id_of("Ana"));
    let contact = between(&ana.get(&own).await.body, &format!("{own}/contacts/"), "/").to_owned();
    ana.done(&format!("{own}/contacts/{contact}/code"), &[]).await;
    let teams = ana.get("/teams").await;
    let team = format!("/teams/team_{}", between(&teams.body, "href=\"/teams/team_", "\""));
    for path in ["/heartbeats", &heartbeat, "/maintenance", &window, &own, &team] {
        sound(&ana, path).await;
    }
}
