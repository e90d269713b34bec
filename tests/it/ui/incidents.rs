//! Incidents as people work on them: one in its page, and several from the list.

use super::*;

/// An alert of this id as a sender posts it; answers its incident's path.
async fn post(site: &Site, ana: &Visitor<'_>, key: &str, body: &str) -> String {
    let request = Request::post("/api/v1/webhooks/generic").header("x-api-key", key).body(Body::from(body.to_owned()));
    let answer = site.router.clone().oneshot(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let list = ana.get("/incidents").await;
    format!("/incidents/{}", between(&list.body, "id=\"i", "\""))
}

#[tokio::test]
async fn an_incident_shows_who_was_called_how_it_goes_on_and_what_it_was_last_time() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (_, key) = set_up(&ana).await;
    let body = r#"{"external_id": "disk", "title": "disk full", "labels": {"service": "check out"},
        "links": [{"href": "https://grafana.example.test/d", "text": "Graph"},
                  {"href": "https://wiki.example.test/disk", "text": "Runbook"}]}"#;
    let first = post(&site, &ana, &key, body).await;
    ana.done(&format!("{first}/note"), &[("note", "rotated the log")]).await;
    ana.done(&format!("{first}/resolve"), &[]).await;
    site.clock.advance(3600);
    let second = post(&site, &ana, &key, body).await;
    assert_ne!(first, second);

    let page = ana.get(&second).await;
    page.has("Level 1").has("<li>Ana <span class=\"pip").has("called now").has("next, at 04:19");
    page.has("After level 2: last resort").has("after climbing again 2 times");
    page.has("Last time").has("Resolved by Ana").has("“rotated the log”").has("1 time before");
    page.has("href=\"/incidents?q=service%3Dcheck+out\"")
        .has("As it came")
        .has("&#34;external_id&#34;: &#34;disk&#34;");
    let runbook = page.body.find(">Runbook<").expect("the runbook");
    assert!(runbook < page.body.find(">Graph<").expect("the graph"), "runbooks come first");
    ana.get("/incidents?q=service%3Dcheck+out").await.has("disk full");
    ana.get("/incidents?q=service%3Dsearch").await.has("No match.").has("Clear filters");

    let line = "Level 1 of Payments";
    ana.get(&format!("{first}?show=people")).await.has("Ana noted: rotated the log").has_not(line);
    ana.get(&format!("{first}?show=notifications")).await.has(line).has_not("Ana noted:");
    ana.get(&format!("{first}?show=alerts")).await.has("opened this as").has_not(line).has_not("Ana noted:");
    ana.get(&format!("{first}?show=nonsense")).await.has(line).has("Ana noted:");
}

#[tokio::test]
async fn whoever_comes_too_late_reads_who_was_first() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let incident = alert(&ana, &source).await;
    let bo = site.id_of("Bo").to_string();
    let (_, page) = ana.done(&format!("{incident}/resolve"), &[("acting_as", &bo)]).await;
    page.has_not("Bo resolved this");
    site.clock.advance(5);
    ana.done(&format!("{incident}/resolve"), &[]).await.1.has("Bo resolved this 5 s ago.");
    ana.get(&incident).await.has_not("Bo resolved this 5 s ago.");
}

#[tokio::test]
async fn several_are_taken_at_once_and_what_could_not_be_is_named() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (_, key) = set_up(&ana).await;
    let mut paths = Vec::new();
    for id in ["a", "b", "c", "d"] {
        post(&site, &ana, &key, &format!(r#"{{"external_id": "{id}", "title": "alert {id}"}}"#)).await;
        paths.push(format!("/incidents/{}", paths.len() + 1));
    }
    ana.done(&format!("{}/resolve", paths[3]), &[]).await;
    let page = ana.get("/incidents").await;
    page.has("name=\"number\" value=\"1\"").has("Acknowledge ticked").has("Ana (you)").has_not("value=\"4\"");

    let bo = site.id_of("Bo").to_string();
    let ticked = |rest: &[(&'static str, &'static str)]| {
        let mut fields = vec![("back", "status=triggered"), ("number", "1"), ("number", "2"), ("number", "4")];
        fields.extend(rest);
        fields
    };
    let mut fields = ticked(&[]);
    fields.push(("acting_as", &bo));
    let (path, page) = ana.done("/incidents/acknowledge", &fields).await;
    assert!(path.starts_with("/incidents?status=triggered&"), "{path}");
    page.has("2 acknowledged, 1 was already resolved (#4).").has("alert c").has_not("alert a");
    ana.get(&paths[0]).await.has("Bo acknowledged, recorded by Ana.");
    let (_, page) = ana.done("/incidents/resolve", &ticked(&[])).await;
    page.has("2 resolved, 1 was already resolved (#4).");

    let answer = ana.post("/incidents/acknowledge", &[("back", "status=triggered")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Tick 1 to 200 incidents of the list first.").has("alert c");
    let vic = site.id_of("Vic").to_string();
    let answer = ana.post("/incidents/acknowledge", &[("number", "3"), ("acting_as", &vic)]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("Vic is a viewer").has("Needs someone");
    ana.post("/incidents/resolve", &[("number", "99")]).await.is(StatusCode::NOT_FOUND);

    let viewer = site.sign_in("Vic").await;
    viewer.get("/incidents").await.has_not("ticked").has_not("name=\"number\"");
    viewer.post("/incidents/resolve", &[("number", "3")]).await.is(StatusCode::FORBIDDEN);
}
