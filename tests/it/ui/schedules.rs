//! A schedule's page: what it warns of, what an override would do, and one's own times.

use super::*;

#[tokio::test]
async fn an_override_is_shown_before_it_is_made() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    ana.get(&schedule).await.has("No escalation policy names this schedule or its team");
    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    let entry = [("user", ana_id.as_str()), ("start", "2026-11-24T01:00"), ("end", "2026-12-03T09:00")];
    let (_, page) = ana.done(&format!("{schedule}/entries"), &entry).await;
    page.has("Ana has a shift of 9 d 8 h from Tue 24 Nov 01:00.");
    // Bo is on call elsewhere, and cannot be paged there either.
    let team = between(&page.body, "href=\"/teams/", "\"").to_owned();
    let form = [("name", "Secondary"), ("team", team.as_str()), ("zone", "Europe/Berlin"), ("fallback", &bo_id)];
    ana.done("/schedules", &form).await;

    let snapped = ana.get(&format!("{schedule}?do=override&snap=tonight")).await;
    snapped.has("id=\"add-override\" open").has("value=\"2026-11-24T18:00\"").has("value=\"2026-11-25T09:00\"");
    let shift = ana.get(&format!("{schedule}?do=override&snap=shift")).await;
    shift.has("value=\"2026-12-03T09:00\"");
    let mut cover = vec![("user", bo_id.as_str()), ("start", "2026-11-24T18:00"), ("end", "2026-11-25T09:00")];
    cover.push(("do", "preview"));
    let answer = ana.post(&format!("{schedule}/overrides"), &cover).await;
    answer.is(StatusCode::OK).has("<b>Before</b>").has("<b>After</b>").has("id=\"add-override\" open");
    answer.has("The cover is on call elsewhere meanwhile: Secondary.").has("value=\"2026-11-24T18:00\"");
    let after = between(&answer.body, "<b>After</b>", "</ul>");
    assert!(after.contains("Bo, ") && !after.contains("Ana, "), "{after}");
    answer.has("No overrides ahead.");
    cover.pop();
    ana.done(&format!("{schedule}/overrides"), &cover).await.1.has_not("No overrides ahead.");
    cover.push(("do", "preview"));
    ana.post(&format!("{schedule}/overrides"), &cover).await.has("The newest override wins.");
}

#[tokio::test]
async fn a_schedule_is_read_as_a_list_of_ones_own_times() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    for (user, start, end) in
        [(&ana_id, "2026-11-24T01:00", "2026-11-25T09:00"), (&bo_id, "2026-11-25T09:00", "2026-11-26T09:00")]
    {
        ana.done(&format!("{schedule}/entries"), &[("user", user), ("start", start), ("end", end)]).await;
    }
    let list = |page: &Answer| between(&page.body, "id=\"list\"", "</details>").to_owned();
    let all = ana.get(&format!("{schedule}?view=list")).await;
    assert!(list(&all).contains("<b>Bo</b>") && list(&all).contains("<b>Ana</b>"), "{}", list(&all));
    all.has("id=\"list\" class=\"listed\" open");
    let mine = ana.get(&format!("{schedule}?view=list&whose=me")).await;
    assert!(!list(&mine).contains("<b>Bo</b>") && list(&mine).contains("<b>Ana</b>"), "{}", list(&mine));
    ana.get("/schedules").await.has("Bo from Wed 09:00").has("gap");
    // A block leads to why it is so.
    let page = ana.get(&format!("{schedule}?weeks=1")).await;
    page.has("aria-label=\"Ana, Tue 24 Nov 01:00 to Wed 25 Nov 09:00\"").has("#why\"");
}

#[tokio::test]
async fn entries_in_turn_are_shown_before_they_are_added() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let schedule = a_schedule(&ana).await;
    let repeat = format!("{schedule}/repeat");
    ana.get(&schedule).await.has("Who is first?").has(&format!("href=\"{repeat}\""));
    ana.get(&repeat).await.has("value=\"2026-11-30T09:00\"").has("Show what would be entered").has_not("Add ");
    let (ana_id, bo_id) = (site.id_of("Ana").to_string(), site.id_of("Bo").to_string());
    let entry = [("user", bo_id.as_str()), ("start", "2026-12-15T09:00"), ("end", "2026-12-16T09:00")];
    ana.done(&format!("{schedule}/entries"), &entry).await;

    let mut form = vec![("person", ana_id.as_str()), ("person", ""), ("person", bo_id.as_str())];
    form.extend([("first", "2026-11-30T09:00"), ("every", "7"), ("until", "2026-12-24"), ("do", "preview")]);
    let answer = ana.post(&repeat, &form).await;
    answer.is(StatusCode::OK).has("Add 3 entries").has("1 meets what is entered already and is left out.");
    ana.get(&schedule).await.has_not("Mon 30 Nov 09:00");
    form.pop();
    let (path, page) = ana.done(&repeat, &form).await;
    assert!(path.starts_with(&schedule), "{path}");
    page.has("Mon 30 Nov 09:00").has("Mon 21 Dec 09:00").has("Fri 25 Dec 00:00");
    let answer = ana.post(&repeat, &form).await;
    answer.is(StatusCode::CONFLICT).has("Somebody is entered at all of these times already.");
    let answer = ana.post(&repeat, &[("first", "2026-11-30T09:00"), ("every", "7"), ("until", "2026-12-24")]).await;
    answer.is(StatusCode::UNPROCESSABLE_ENTITY).has("id=\"repeat-person-problem\"").has("value=\"2026-12-24\"");
}
