//! Teams, people and the rota: who is on call, now, next, and on paper.

use super::*;

#[tokio::test]
async fn a_team_called_everyone_is_one_click() {
    let site = Site::staffed();
    let (ana, vic) = (site.sign_in("Ana").await, site.sign_in("Vic").await);
    vic.get("/teams").await.has("No team yet.").has_not("Start with a team called Everyone");
    ana.get("/teams").await.has("Start with a team called Everyone</button>");
    let (team, page) = ana.done("/teams/everyone", &[]).await;
    page.has("<h1>Everyone</h1>").has("Everyone: Ana until").has("Schedule Everyone").has("Escalation policy Everyone");
    page.has("class=\"gap\"").has(">nobody</text>");
    let policy = between(&page.body, "href=\"/escalation-policies/", "\"").to_owned();
    let ladder = ana.get(&format!("/escalation-policies/{policy}")).await;
    ladder.has("Level 1").has("Level 2").has("Last resort");
    ana.get("/teams").await.has_not("Start with a team").has("then nobody.");
    // Pressed twice, in two windows.
    ana.post("/teams/everyone", &[]).await.is(StatusCode::UNPROCESSABLE_ENTITY).has("another team");
    let answer = vic.post("/teams/everyone", &[]).await;
    answer.is(StatusCode::FORBIDDEN);

    let users = ana.get("/users").await;
    users.has("now, until").has(&format!("href=\"/users/{}\"", site.id_of("Ana")));
    let policy_of_bo = ana.get(&format!("/users/{}", site.id_of("Bo"))).await;
    policy_of_bo.has("Named in level 2 of Everyone.").has("Member of Everyone.");
    ana.get(&team).await.is(StatusCode::OK);
}

#[tokio::test]
async fn shifts_ahead_are_on_the_page_of_whoever_has_them() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    let bo = site.id_of("Bo").to_string();
    let entry = [("user", bo.as_str()), ("start", "2026-12-01T09:00"), ("end", "2026-12-02T09:00")];
    ana.done(&format!("{schedule}/entries"), &entry).await;
    ana.get("/users").await.has("Tue 1 Dec 09:00").has("<span class=\"hint\">Primary</span>");
    let page = ana.get(&format!("/users/{bo}")).await;
    page.has("Shifts of the next 30 days").has("09:00 on 1 Dec to 09:00 on 2 Dec").has(&format!("href=\"{schedule}\""));
    page.has("Entered once on Primary.");
}

#[tokio::test]
async fn the_rota_is_written_out_for_paper() {
    let site = Site::staffed();
    let (ana, vic) = (site.sign_in("Ana").await, site.sign_in("Vic").await);
    let schedule = a_schedule(&ana).await;
    let bo = site.id_of("Bo").to_string();
    let entry = [("user", bo.as_str()), ("start", "2026-12-01T09:00"), ("end", "2026-12-02T09:00")];
    ana.done(&format!("{schedule}/entries"), &entry).await;
    vic.get("/on-call").await.has("href=\"/on-call?print=1\"").has_not("times of Europe/Berlin");
    let page = vic.get("/on-call?print=1").await;
    page.has("times of Europe/Berlin").has("<td>Tue 1 Dec 09:00</td><td>Wed 2 Dec 09:00</td><td><b>Bo</b>");
    page.has("<b class=\"problem\">nobody</b>").has("print this page with your browser");
    vic.get(&schedule).await.has("print=1\">Print</a>").has("class=\"listed\">\n<summary>The same as a list");
    vic.get(&format!("{schedule}?weeks=4&print=1")).await.has("class=\"listed\" open>\n<summary>The same as a list");
}
