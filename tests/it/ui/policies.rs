//! Escalation policies: begun from what most teams begin with, and edited while incidents are open.

use super::*;

#[tokio::test]
async fn saving_says_what_open_incidents_will_do() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let (source, _) = set_up(&ana).await;
    let page = ana.get("/escalation-policies").await;
    let policy = format!("/escalation-policies/pol_{}", between(&page.body, "href=\"/escalation-policies/pol_", "\""));
    let rea = site.id_of("Rea").to_string();
    let second = [("number", "2"), ("delay", "9"), ("recipients", rea.as_str())];
    ana.get(&policy)
        .await
        .has("Used by 1 source.")
        .has("No last resort of the policy can be paged, so all admins are.");
    // Nobody waits for anything: nothing is said.
    ana.done(&format!("{policy}/levels/2"), &second).await.1.has_not("open incident");
    alert(&ana, &source).await;
    ana.get(&policy).await.has("1 open incident follows it now.");

    let bo = site.id_of("Bo").to_string();
    let first = [("number", "2"), ("delay", "9"), ("recipients", bo.as_str())];
    let (_, page) = ana.done(&format!("{policy}/levels/2"), &first).await;
    page.has("1 open incident: its next call changes from Rea to Bo at 03:19.");
    let (_, page) = ana.done(&format!("{policy}/levels/2"), &first).await;
    page.has("1 open incident: its next call stays as it was.");
    let (_, page) = ana.done(&format!("{policy}/levels/2/remove"), &[]).await;
    page.has("1 open incident: its next call changes from Bo to Ana at 03:19.");
    ana.get(&policy).await.has_not("its next call");
}

#[tokio::test]
async fn a_policy_begins_with_a_template_and_has_two_levels_at_once() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    ana.get("/escalation-policies").await.has("Solo").has("Team with backup").has("?start=pair");
    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    let chosen = |id: &str| format!("<option value=\"{id}\" selected>");
    let page = ana.get("/escalation-policies/new?start=pair").await;
    page.has(&chosen(&ana_id)).has(&chosen(&bo_id));
    ana.get("/escalation-policies/new").await.has_not(&chosen(&ana_id));

    let mut form = vec![("name", "Nights"), ("number", "1"), ("delay", "5"), ("recipients", ana_id.as_str())];
    form.extend([("recipients_2", bo_id.as_str()), ("delay_2", ""), ("last_resort", ana_id.as_str())]);
    let answer = ana.post("/escalation-policies", &form).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"policy-delay_2-problem\"").has(&chosen(&bo_id));
    form.retain(|(name, _)| *name != "delay_2");
    form.push(("delay_2", "15"));
    let (_, page) = ana.done("/escalation-policies", &form).await;
    page.has("Level 2").has("5:00").has("20:00").has("Again from level 1, twice more").has("60:00");
    page.has("Used by no alert source yet.").has_not("No last resort of the policy");
}

#[tokio::test]
async fn a_level_that_will_be_empty_is_told_before_it_is() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    let ana_id = site.id_of("Ana").to_string();
    let entry = [("user", ana_id.as_str()), ("start", "2026-11-24T01:00"), ("end", "2026-11-26T09:00")];
    ana.done(&format!("{schedule}/entries"), &entry).await;
    let id = schedule.rsplit('/').next().expect("an id");
    let level = [("name", "Nights"), ("number", "1"), ("delay", "5"), ("recipients", id)];
    let (_, page) = ana.done("/escalation-policies", &level).await;
    page.has("Level 1 reaches nobody from Thu 26 Nov 09:00 to Tue 8 Dec");
}
