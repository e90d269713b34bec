//! The log of changes as an admin reads it, and calendars at the address of a schedule they do not belong to.

use super::*;

#[tokio::test]
async fn an_admin_reads_who_changed_what_and_narrows_it() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (team, _) = ana.done("/teams", &[("name", "Nights <b>")]).await;
    let page = ana.get("/audit").await;
    page.is(StatusCode::OK).has("Nights &#60;b&#62;").has("<code>team.created</code>");
    page.has(&format!("href=\"{team}\"")).has("aria-current=\"page\">Audit</a>");
    let narrowed = ana.get("/audit?action=team&actor=&object=&since=&until=").await;
    narrowed.has("team.created").has_not("user.created").has("value=\"team\"").has("Clear filters");
    ana.get(&format!("/audit?actor={}", site.id_of("Rea"))).await.has("No match.");
    let day = |field: &str, day: &str| format!("/audit?{field}={day}&action=team");
    ana.get(&day("since", "2026-11-24")).await.has("team.created");
    ana.get(&day("until", "2026-11-24")).await.has("team.created");
    ana.get(&day("since", "2026-11-25")).await.has("No match.");
    ana.get(&day("until", "2026-11-23")).await.has("No match.");
    let odd = ana.get(&day("since", "someday")).await;
    odd.is(StatusCode::UNPROCESSABLE_ENTITY).has("Choose a day, such as 2026-11-24.").has("audit-since-problem");
    ana.get("/audit?actor=somebody").await.is(StatusCode::UNPROCESSABLE_ENTITY).has("Choose one of the list.");
    ana.get("/audit?after=!").await.is(StatusCode::OK).has("team.created");

    for number in 0..60 {
        ana.done("/teams", &[("name", &format!("Team {number}"))]).await;
    }
    let first = ana.get("/audit?action=team").await;
    first.has("Team 59").has("Team 10").has_not("Team 9<");
    let older = between(&first.body, "href=\"/audit?action=team&#38;after=", "\"").to_owned();
    let second = ana.get(&format!("/audit?action=team&after={older}")).await;
    second.has("Team 9<").has("Nights &#60;b&#62;").has_not("Team 10").has_not("Older changes");

    let (_, page) = ana.done(&team, &[("name", "Days")]).await;
    page.has("<h1>Days</h1>");
    let renamed = ana.get("/audit?action=team.renamed").await;
    renamed.has("team renamed").has("<del>Nights &#60;b&#62;</del>").has("<ins>Days</ins>");
    renamed.has("from <code>127.0.0.1</code>");

    for name in ["Rea", "Vic"] {
        let visitor = site.sign_in(name).await;
        visitor.get("/audit").await.is(StatusCode::FORBIDDEN);
        visitor.get("/dashboard").await.has_not("href=\"/audit\"");
    }
    sound(&ana, "/audit?since=someday").await;
}

#[tokio::test]
async fn a_schedules_calendars_are_not_touched_at_the_address_of_another() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let calendars = format!("{}/calendars", a_schedule(&ana).await);
    let form = [("name", "From HR"), ("url", "https://calendar.example.net/x"), ("zone", "UTC"), ("as", "layer")];
    let (_, page) = ana.done(&format!("{calendars}/imports"), &form).await;
    let import = between(&page.body, &format!("{calendars}/imports/"), "/").to_owned();
    let (_, page) = ana.done(&format!("{calendars}/feeds"), &[]).await;
    let feed = between(&page.body, &format!("{calendars}/feeds/"), "/").to_owned();

    let team = ana.get(calendars.trim_end_matches("/calendars")).await;
    let team = between(&team.body, "href=\"/teams/", "\"").to_owned();
    let other = [("name", "Secondary"), ("team", team.as_str()), ("zone", "UTC"), ("fallback", "")];
    let elsewhere = format!("{}/calendars", ana.done("/schedules", &other).await.0);
    for deed in ["", "/use", "/detach", "/refresh", "/remove"] {
        let fields = [("name", "Mine"), ("url", ""), ("zone", "UTC"), ("as", "cover")];
        ana.post(&format!("{elsewhere}/imports/{import}{deed}"), &fields).await.is(StatusCode::NOT_FOUND);
    }
    ana.post(&format!("{elsewhere}/feeds/{feed}/revoke"), &[]).await.is(StatusCode::NOT_FOUND);
    ana.get(&calendars).await.has("used as a layer").has("<h2>From HR</h2>").has(&feed);
}
