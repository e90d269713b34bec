//! Setting a sender up: its page waits for the first alert, says who is turned away, and tests without sending.

use super::*;

async fn knock(site: &Site, key: Option<&str>, path: &str, body: &str) -> StatusCode {
    let mut request =
        Request::post(path).extension(Peer { address: SocketAddr::from(([10, 0, 0, 7], 40000)), is_tls: false });
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    site.router.clone().oneshot(request).await.expect("an answer").status()
}

const ALERT: &str = r#"{"external_id": "disk", "title": "disk full"}"#;

#[tokio::test]
async fn a_source_waits_for_its_first_alert_and_says_who_was_turned_away() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, key) = set_up(&ana).await;
    let box_of = format!("{source}/events");
    ana.get(&source).await.has("Waiting for the first event…").has(&format!("data-look=\"{box_of}\""));
    let path = "/api/v1/webhooks/alertmanager";
    assert_eq!(knock(&site, None, path, ALERT).await, StatusCode::UNAUTHORIZED);
    assert_eq!(knock(&site, Some("wrong"), path, ALERT).await, StatusCode::UNAUTHORIZED);
    assert_eq!(knock(&site, Some("wrong"), path, ALERT).await, StatusCode::UNAUTHORIZED);
    let page = ana.get(&box_of).await;
    page.has("401 from 10.0.0.7 at …/alertmanager: no X-API-Key header").has("its key opens no alert source, 2 times");
    site.sign_in("Vic").await.get(&box_of).await.has("Waiting for the first event…").has_not("10.0.0.7");

    assert_eq!(knock(&site, Some(&key), "/api/v1/webhooks/generic", ALERT).await, StatusCode::OK);
    let page = ana.get(&box_of).await;
    page.has("opened <a href=\"/incidents/1\">#1</a>").has("disk full").has_not("10.0.0.7").has_not("Waiting");
    let recovery = r#"{"external_id": "other", "action": "resolve"}"#;
    knock(&site, Some(&key), "/api/v1/webhooks/generic", recovery).await;
    ana.get(&source).await.has("recovery, nothing open").has("receiving");

    ana.done(&format!("{source}/deactivate"), &[]).await;
    site.clock.advance(1);
    assert_eq!(knock(&site, Some(&key), "/api/v1/webhooks/generic", ALERT).await, StatusCode::FORBIDDEN);
    ana.get(&box_of).await.has("403 from 10.0.0.7 at …/generic: this source is inactive");
    ana.done(&format!("{source}/activate"), &[]).await;
    ana.get("/alert-sources").await.has("rejecting");
    site.clock.advance(601);
    ana.get("/alert-sources").await.has("receiving").has_not("rejecting");
}

#[tokio::test]
async fn a_test_is_looked_at_without_sending_and_ends_by_itself() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    ana.get(&source).await.has_not("A test now would call");
    let page = ana.get(&format!("{source}?preview=1")).await;
    page.has("A test now would call").has("Nothing was sent or stored.").has("Level 2").has("Waiting for the first");
    ana.get("/incidents").await.has("Nothing open.");
    let incident = alert(&ana, &source).await;
    let is_over = |site: &Site| {
        let fired = site.web.app.write(Lane::People, |tx| {
            pagerpal::app::timers::fire_due(tx, pagerpal::domain::effect::Ring::Upkeep)?;
            pagerpal::app::timers::fire_due(tx, pagerpal::domain::effect::Ring::Escalation)
        });
        fired.expect("timers fire");
    };
    site.clock.advance(9 * 60);
    is_over(&site);
    ana.get(&incident).await.has("TEST").has_not("Nothing was heard of the alert");
    site.clock.advance(61);
    is_over(&site);
    ana.get(&incident).await.has("Nothing was heard of the alert for 10 min").has("Reopen");
}

#[tokio::test]
async fn a_source_is_made_on_one_page_with_the_senders_words_for_severities() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    set_up(&ana).await;
    let page = ana.get("/alert-sources/new").await;
    page.has("<span class=\"letters\" aria-hidden=\"true\">Am</span>").has("(would page Ana now)");
    let value = |name: &str| {
        let select = between(&page.body, &format!("name=\"{name}\""), "</select>");
        between(select, "<option value=\"", "\"").to_owned()
    };
    let (team, policy) = (value("team"), value("policy"));
    let mut form = vec![("name", "grafana"), ("kind", "grafana"), ("team", team.as_str()), ("policy", policy.as_str())];
    form.extend([("default_severity", "info"), ("severity_map", "page = loud")]);
    let answer = ana.post("/alert-sources", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Write each line as page = critical").has("page = loud</textarea>");
    form.retain(|(name, _)| *name != "severity_map");
    form.push(("severity_map", "page = critical\nticket = warning"));
    let answer = ana.post("/alert-sources", &form).await;
    answer.is(StatusCode::OK).has("<pre class=\"key\">").has("page = critical\nticket = warning</textarea>");
    answer.has("Waiting for the first event…").has("https://pager.example.test/api/v1/webhooks/grafana");
}
