//! Secrets at rest: what the store keeps of them, what is checked with one, and what happens when the key is another.

use crate::house::{Answer, House, SIGNING_SECRET};
use axum::body::Body;
use axum::http::Request;
use pagerpal::app::alert_sources::{self, NewSigning};
use pagerpal::app::{Write, imports, sealed};
use pagerpal::domain::actor::Actor;
use pagerpal::domain::id::{AlertSourceId, ImportId};
use pagerpal::secret::Secret;
use ring::hmac;

const GRAFANA_KEY: &str = "fedcba98";
const BODY: &str = r#"{"version":"1","orgId":1,"groupKey":"g","status":"firing","alerts":[]}"#;
const SIGNATURE: &str = "x-grafana-alerting-signature";

fn signed(secret: &str, text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn post(house: &House, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header("x-api-key", GRAFANA_KEY);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.send(request.body(Body::from(BODY)).expect("a request")).await
}

#[tokio::test]
async fn an_alert_must_be_signed_once_its_source_has_a_secret() {
    let house = House::new(str::to_owned);
    let good = signed(SIGNING_SECRET, BODY);
    let path = "/api/v1/webhooks/grafana";
    assert_eq!(post(&house, path, &[(SIGNATURE, &good)]).await.status, 200);
    assert_eq!(post(&house, path, &[(SIGNATURE, &good.to_uppercase())]).await.status, 200);
    let before = house.state_hash();
    let other = signed("another secret", BODY);
    let of_another = signed(SIGNING_SECRET, "{}");
    for wrong in [&other, &of_another, "", "zz", &good[..62]] {
        let answer = post(&house, path, &[(SIGNATURE, wrong)]).await;
        assert_eq!(answer.status, 401, "{wrong}");
        assert!(!answer.body.contains(SIGNING_SECRET));
    }
    assert_eq!(post(&house, path, &[]).await.status, 401);
    assert_eq!(post(&house, "/api/v1/webhooks/generic", &[]).await.status, 401, "another path is no way round");
    assert_eq!(house.state_hash(), before);
}

#[tokio::test]
async fn a_signature_may_cover_the_time() {
    let house = House::new(str::to_owned);
    set_signing(&house, "another secret", Some("X-Grafana-Time"));
    house.clock.advance(1);
    let now = house.app().now().as_second();
    let check = async |seconds: i64, signed_seconds: i64, expected: u16| {
        let signature = signed("another secret", &format!("{signed_seconds}:{BODY}"));
        let headers = [(SIGNATURE, signature.as_str()), ("x-grafana-time", &seconds.to_string())];
        assert_eq!(post(&house, "/api/v1/webhooks/grafana", &headers).await.status, expected, "{seconds}");
    };
    check(now, now, 200).await;
    check(now - 3600, now - 3600, 200).await;
    check(now - 3601, now - 3601, 401).await;
    check(now, now - 1, 401).await;
    let without_time = signed("another secret", BODY);
    assert_eq!(post(&house, "/api/v1/webhooks/grafana", &[(SIGNATURE, &without_time)]).await.status, 401);
}

fn set_signing(house: &House, secret: &str, header: Option<&str>) {
    let (id, vault): (AlertSourceId, _) = (house.ids["grafana"].parse().expect("a source"), house.app().vault.clone());
    let new = NewSigning { secret: Secret::new(secret.to_owned()), timestamp_header: header.map(str::to_owned) };
    house.write(move |tx| alert_sources::set_signing(tx, &Actor::SYSTEM, &vault, [5; 24], id, Some(&new)));
}

#[tokio::test]
async fn the_page_takes_a_secret_shows_it_never_and_takes_it_away() {
    let house = House::new(str::to_owned);
    let page = format!("/alert-sources/{}", house.ids["grafana"]);
    let token = crate::house::session_of("admin");
    let send = async |fields: &[(&str, &str)]| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("csrf", &token.csrf())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(format!("{page}/signing")).header("cookie", crate::house::cookie(&token));
        house.send(request.body(Body::from(form)).expect("a request")).await
    };
    let short = send(&[("signing_secret", "tiny-7"), ("timestamp_header", "X-Time")]).await;
    assert_eq!(short.status, 422);
    assert!(
        short.body.contains("Write a secret of 8 to 200 characters") && !short.body.contains("tiny-7"),
        "{}",
        short.body
    );
    assert_eq!(send(&[("signing_secret", "a better one"), ("timestamp_header", "no header")]).await.status, 422);
    assert_eq!(send(&[("signing_secret", "a better one")]).await.status, 303);
    let shown = house.get("admin", &page).await;
    assert!(shown.body.contains("alerts must be signed") && !shown.body.contains("a better one"));
    house.clock.advance(1);
    assert_eq!(
        post(&house, "/api/v1/webhooks/grafana", &[(SIGNATURE, &signed("a better one", BODY))]).await.status,
        200
    );
    assert_eq!(send(&[("remove", "1")]).await.status, 303);
    house.clock.advance(1);
    assert_eq!(post(&house, "/api/v1/webhooks/grafana", &[]).await.status, 200);
    assert!(house.get("admin", &page).await.body.contains("not asked for"));
    let other = format!("/alert-sources/{}", house.ids["source"]);
    assert!(!house.get("admin", &other).await.body.contains("Timestamp header"), "only Grafana signs so");
}

#[test]
fn the_store_holds_none_of_them_in_plain() {
    let house = House::new(str::to_owned);
    for secret in [
        SIGNING_SECRET,
        "private-5e1f",
        crate::house::KEY,
        &house.ids["feed_token"],
        &house.ids["ping"],
        &house.ids["link"],
    ] {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        let found: Vec<_> = house
            .shelf
            .state()
            .iter()
            .filter(|((_, key), value)| holds(key) || holds(value))
            .map(|((table, _), _)| table.0)
            .collect();
        assert!(found.is_empty(), "{secret} is in {found:?}");
    }
}

/// A lost key must never keep a page from leaving.
#[tokio::test]
async fn under_another_key_sealed_secrets_are_named_and_paging_goes_on() {
    let mut house = House::new(str::to_owned);
    let unreadable =
        |house: &House| house.app().read(|read| sealed::unreadable(read, &house.app().vault)).expect("read");
    assert_eq!(unreadable(&house), [""; 0]);
    house.restart_with_key(b"another secret");
    let named = unreadable(&house);
    assert_eq!(named.len(), 3, "{named:?}");
    assert_eq!(
        named[0],
        "Alert source grafana: The signing secret cannot be read any more: it was sealed under another SECRET_KEY. \
         Alerts are taken by their key alone. Enter it again."
    );
    assert!(named[1].starts_with("Calendar import from https://calendar.example.net/…: The address cannot be read"));

    let answer = post(&house, "/api/v1/webhooks/grafana", &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = house.get("admin", &format!("/alert-sources/{}", house.ids["grafana"])).await;
    assert!(page.body.contains("The signing secret cannot be read any more"), "{}", page.body);
    let page = house.get("admin", &format!("/schedules/{}/calendars", house.ids["schedule"])).await;
    assert!(
        page.body
            .contains("The address cannot be read any more: it was sealed under another SECRET_KEY. Enter it again.")
    );

    let (import, vault): (ImportId, _) = (house.ids["import"].parse().expect("an import"), house.app().vault.clone());
    house.write(move |tx: &mut Write<'_>| {
        let kept = imports::one(tx, import)?;
        let url = Some("https://calendar.example.net/again".to_owned());
        imports::edit(
            tx,
            &Actor::SYSTEM,
            &vault,
            [6; 24],
            import,
            &imports::Basics { name: kept.name, url, zone: kept.zone },
        )
    });
    set_signing(&house, "another secret", None);
    assert_eq!(unreadable(&house).len(), 1, "what was entered again can be read");
}
