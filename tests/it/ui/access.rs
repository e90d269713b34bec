//! Sign-ins and tokens on a page, and the question whether it is still you.

use super::*;
use pagerpal::domain::contact::Channel;

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

#[tokio::test]
async fn a_password_is_changed_by_whoever_shows_the_old_one() {
    let site = Site::staffed();
    let (vic, elsewhere) = (site.sign_in("Vic").await, site.sign_in("Vic").await);
    let own = format!("/users/{}", site.id_of("Vic"));
    vic.get(&own).await.has("Old password").has("New password");
    let new = "quiet harbour lantern seven";
    let change = async |old: &str| {
        vic.post(&format!("{own}/password"), &[("current_password", old), ("new_password", new)]).await
    };
    let wrong = change("not it at all").await;
    wrong
        .is(StatusCode::UNPROCESSABLE_ENTITY)
        .has("This is not your password.")
        .has("password-current_password-problem");
    wrong.has_not("not it at all").has_not(new);
    change(PASSWORD).await.is(StatusCode::SEE_OTHER);
    vic.get(&own).await.is(StatusCode::OK);
    assert_eq!(elsewhere.get("/dashboard").await.status, StatusCode::SEE_OTHER, "signed out there");
    for _ in 0..5 {
        change("not it at all").await;
    }
    change("not it at all").await.is(StatusCode::TOO_MANY_REQUESTS).has("Too many tries. Try again in");
    // Nobody chooses one for another, not even an admin.
    let ana = site.sign_in("Ana").await;
    ana.get(&own).await.has_not("Old password").has("Make a link for a new password");
    ana.post(&format!("{own}/password"), &[("current_password", PASSWORD), ("new_password", new)])
        .await
        .is(StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn somebody_is_invited_by_a_link_that_is_shown_once() {
    let site = Site::staffed();
    let ana = site.sign_in("Ana").await;
    let bo = format!("/users/{}", site.id_of("Bo"));
    ana.get(&bo).await.has("no sign-in").has("Invite Bo").has_not("Mail it to");
    ana.get("/users").await.has("data-label=\"Sign-in\">none<").has_not("data-label=\"Sign-in\">invited<");
    let made = ana.post(&format!("{bo}/invitation"), &[]).await;
    made.is(StatusCode::OK).has("Copy it now and hand it over.");
    let link = between(&made.body, "<pre class=\"key\">https://pager.example.test", "</pre>");
    ana.get(&bo).await.has("invited to sign in").has("One is good until").has_not(link);
    ana.get("/users").await.has("data-label=\"Sign-in\">invited<");
    let stranger = site.stranger();
    stranger.get(link).await.is(StatusCode::OK).has("Welcome, Bo").has("noindex");

    let mail = [("mail", "yes")];
    let off = ana.post(&format!("{bo}/invitation"), &mail).await;
    off.is(StatusCode::CONFLICT).has("Mail is not set up");
    stranger.get(link).await.is(StatusCode::OK);
    site.web.app.board.channel_configured(Channel::Email, Some("smtp"), vec![]);
    ana.get(&bo).await.has("Mail it to bo@example.test");
    let mailed = ana.post(&format!("{bo}/invitation"), &mail).await;
    mailed.is(StatusCode::OK).has("It is on its way to bo@example.test, too.");
    stranger.get(link).await.is(StatusCode::NOT_FOUND).has("This link is over");
    let second = between(&mailed.body, "<pre class=\"key\">https://pager.example.test", "</pre>");
    let used = stranger.post(second, &[("new_password", "quiet harbour lantern seven")]).await;
    used.is(StatusCode::SEE_OTHER);
    assert_eq!(used.location(), "/dashboard");
    ana.get(&bo).await.has("can sign in").has("Take the sign-in away").has_not("One is good until");
    site.sign_in("Rea").await.get(&bo).await.has_not("Make a link for a new password");
}
