//! Signing in with a real OpenID Connect provider, in a real browser.

use crate::live::{EMAIL, PASSWORD, Site, photograph_whole};
use harness::browser::Browser;
use harness::http;
use harness::oidc::{CLIENT_ID, CLIENT_SECRET, OpenIdProvider};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_the_provider_and_get_the_role_of_their_groups() {
    let mut site = Site::new();
    site.ada();
    let accounts = json!({
        "ada": {"email": EMAIL, "email_verified": true, "name": "Ada", "groups": ["ops"]},
        "bo": {"email": "bo@example.test", "email_verified": true, "name": "Bo", "zoneinfo": "Europe/Berlin",
               "groups": ["on-call", "staff"]},
        "cy": {"email": "cy@example.test", "email_verified": false, "name": "Cy", "groups": ["on-call"]},
        "di": {"email": "di@example.test", "email_verified": true, "name": "Di", "groups": ["sales"]},
    });
    let provider = OpenIdProvider::start(&site.url("/login/oidc/callback"), &accounts).await;
    site.set("PAGERPAL_BASE_URL", site.url(""));
    site.set("OIDC_ISSUER", provider.issuer());
    site.set("OIDC_CLIENT_ID", CLIENT_ID);
    site.set("OIDC_CLIENT_SECRET", CLIENT_SECRET);
    site.set("OIDC_NAME", "Example ID");
    site.set("OIDC_SCOPES", "openid profile email groups");
    site.set("OIDC_ADMIN_GROUPS", "ops");
    site.set("OIDC_RESPONDER_GROUPS", "on-call");
    site.set("OIDC_CREATE_USERS", "true");
    let mut process = site.start().await;

    // Somebody known: in, as who she is here.
    let browser = Browser::start().await;
    browser.goto(&site.url("/schedules")).await;
    browser.find_with_text("h1", "Sign in").await;
    photograph_whole(&browser, "sso-login").await;
    sign_in(&browser, "ada").await;
    browser.find_with_text("h1", "Schedules").await;
    browser.find_with_text(".account", "Ada").await;

    // Somebody new: a user with the role of the groups, on the clock of the provider's word.
    let bo = Browser::start().await;
    bo.goto(&site.url("/login")).await;
    sign_in(&bo, "bo").await;
    bo.find_with_text(".account", "responder").await;
    let users = site.ask("/api/v1/users").await;
    let found = users["data"].as_array().and_then(|users| users.iter().find(|user| user["name"] == "Bo")).cloned();
    let found = found.expect("Bo is a user");
    assert_eq!((&found["role"], &found["zone"]), (&json!("responder"), &json!("Europe/Berlin")));

    // Nobody whom the provider cannot vouch for, and nobody without a role.
    for (name, sentence) in [("cy", "not verified that cy@example.test"), ("di", "None of your groups has a role")] {
        let stranger = Browser::start().await;
        stranger.goto(&site.url("/login")).await;
        sign_in(&stranger, name).await;
        stranger.find_with_text("[role=alert]", sentence).await;
        photograph_whole(&stranger, &format!("sso-refused-{name}")).await;
        stranger.goto(&site.url("/dashboard")).await;
        stranger.find_with_text("h1", "Sign in").await;
    }

    // An answer that belongs to another browser opens nothing.
    let forged = site.url("/login/oidc/callback?code=abc&state=def");
    let answer = http::get(&forged).send().await.expect("an answer");
    assert!(answer.status == 422 && answer.text().contains("begun elsewhere"), "{} {}", answer.status, answer.text());
    assert!(answer.headers.get_all("set-cookie").iter().all(|cookie| !cookie.as_bytes().starts_with(b"pagerpal=")));

    // Whoever is deactivated is out at once, and stays out.
    let id = found["id"].as_str().expect("an id");
    let deactivate = http::post(site.url(&format!("/api/v1/users/{id}/deactivate")));
    let answer = deactivate.basic(EMAIL, PASSWORD).send().await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    bo.goto(&site.url("/dashboard")).await;
    bo.find_with_text("h1", "Sign in").await;
    bo.find("#login-provider a").await.click().await;
    bo.find_with_text("[role=alert]", "deactivated").await;

    let status = process.terminate(Duration::from_secs(20)).await;
    assert!(status.success(), "{status} {}", process.output());
    assert!(!process.output().contains(CLIENT_SECRET));
    assert!(site.verify().is_well());
}

/// Through the provider's own pages: name, any password, consent.
async fn sign_in(browser: &Browser, name: &str) {
    browser.find("#login-provider a").await.click().await;
    browser.find("input[name=login]").await.type_text(name).await;
    browser.find("input[name=password]").await.type_text("anything").await;
    browser.find("button[type=submit]").await.click().await;
    browser.find_with_text("button", "Continue").await.click().await;
}
