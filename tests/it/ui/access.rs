//! Sign-ins and tokens on a page, and the question whether it is still you.

use super::*;

#[tokio::test]
async fn after_ten_minutes_the_password_is_asked_again_and_nothing_is_typed_twice() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let new = [("name", "Dee & Co"), ("role", "viewer"), ("zone", "UTC")];
    site.clock.advance(601);
    let asked = ana.post("/users", &new).await;
    asked.is(StatusCode::FORBIDDEN).has("Is it still you, Ana?").has("value=\"Dee &#38; Co\"").has("action=\"/users\"");
    let people = || site.web.app.read(|read| users::all(read)).expect("people can be read").len();
    let before = people();

    let wrong = ana.post("/users", &[&new[..], &[("confirm_password", "not it at all")]].concat()).await;
    wrong.is(StatusCode::FORBIDDEN).has("This is not your password.").has_not("not it at all");
    assert_eq!(people(), before);
    let (_, page) = ana.done("/users", &[&new[..], &[("confirm_password", PASSWORD)]].concat()).await;
    page.has("Dee &#38; Co");
    assert_eq!(people(), before + 1);
    // For the next ten minutes it counts.
    ana.done("/users", &[("name", "Eve"), ("role", "viewer"), ("zone", "UTC")]).await;
    // What answers an incident at night never asks.
    site.clock.advance(601);
    ana.done("/teams", &[("name", "Night")]).await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_sessions_are_ended() {
    let site = Site::staffed();
    let (vic, elsewhere) = (site.sign_in("Vic").await, site.sign_in("Vic").await);
    let path = format!("/users/{}/access", site.id_of("Vic"));
    vic.get(&path).await.is(StatusCode::OK).has("this one").has("Make a token").has_not("value=\"responder\"");
    let made = vic.post(&format!("{path}/tokens"), &[("name", "wallboard"), ("role", "viewer"), ("days", "30")]).await;
    made.is(StatusCode::OK).has("Copy it now.").has("never used");
    let token = between(&made.body, "<pre class=\"key\">", "</pre>");
    vic.get(&path).await.has("wallboard").has(&token[token.len() - 4..]).has_not(token);
    let twice = vic.post(&format!("{path}/tokens"), &[("name", "wallboard"), ("role", "viewer"), ("days", "0")]).await;
    twice.is(StatusCode::UNPROCESSABLE_ENTITY).has("wallboard is the name of another token of yours.");

    let (_, page) = vic.done(&format!("{path}/sign-out-everywhere"), &[]).await;
    page.has("this one");
    assert_eq!(elsewhere.get("/dashboard").await.status, StatusCode::SEE_OTHER);

    // An admin may revoke and sign out, but makes no token in another's name.
    let ana = site.sign_in("Ana").await;
    ana.get(&path).await.is(StatusCode::OK).has("wallboard").has_not("Make a token");
    ana.post(&format!("{path}/tokens"), &[("name", "x"), ("role", "viewer"), ("days", "0")])
        .await
        .is(StatusCode::FORBIDDEN);
    let revoke = between(&vic.get(&path).await.body, "action=\"", "/revoke\"")
        .rsplit("action=\"")
        .next()
        .expect("a path")
        .to_owned();
    let (_, page) = ana.done(&format!("{revoke}/revoke"), &[]).await;
    page.has_not("wallboard");
    let rea = site.sign_in("Rea").await;
    rea.get(&path).await.is(StatusCode::FORBIDDEN);
}
