//! What programs do about people: how they are reached and in which order, their own calendar, their login.

use crate::api_calls::{
    call, call_as, data, deleted, done, get, made, missing, needs_version, post, refused, refused_as, text,
};
use crate::web::Site;
use axum::http::Method;
use serde_json::{Value, json};

/// The responder's path, and a text number of theirs.
async fn reachable(site: &Site) -> (String, String) {
    let path = format!("/users/{}", site.people["responder"]);
    let number = json!({"channel": "sms", "address": "+1 202 555 0123"});
    let sms = made(site, &format!("{path}/contact-methods"), number).await;
    let methods = get(site, &format!("{path}/contact-methods")).await;
    assert!(data(&methods).iter().any(|method| method["channel"] == "sms"), "{methods}");
    let method = format!("{path}/contact-methods/{}", text(&sms["id"]));
    (path, method)
}

#[tokio::test]
async fn a_contact_method_is_changed_switched_tried_and_proved() {
    let site = Site::new();
    let (_, sms) = reachable(&site).await;
    let shown = get(&site, &sms).await;
    assert_eq!((&shown["enabled"], &shown["verified_at"]), (&json!(true), &Value::Null));
    let masked = call_as(&site, "viewer", Method::GET, &sms, Value::Null).await.json();
    assert_eq!(masked["address"], "+12 … 23", "a viewer sees no numbers");
    needs_version(&site, Method::PUT, &sms, json!({"address": "+12025550188"})).await;
    let moved = done(&site, Method::PUT, &sms, json!({"address": "+12025550199"})).await;
    assert_eq!(moved["address"], "+12025550199");
    assert_eq!(post(&site, &format!("{sms}/disable")).await["enabled"], false);
    let off = (409, "contact_off", "", "This contact method is off. Switch it on first.");
    refused(&site, Method::POST, &format!("{sms}/send-test"), json!({}), off).await;
    assert_eq!(post(&site, &format!("{sms}/enable")).await["enabled"], true);
    post(&site, &format!("{sms}/send-test")).await;
    assert_eq!(post(&site, &format!("{sms}/send-code")).await["awaits_code"], true);

    let verify = format!("{sms}/verify");
    let wrong = call(&site, Method::POST, &verify, json!({"code": "x"})).await;
    let problem = wrong.json();
    assert_eq!((wrong.status.as_u16(), &problem["errors"][0]["pointer"]), (422, &json!("/code")), "{problem}");
    assert_eq!(problem["errors"][0]["code"], "code_wrong");
    let audit = get(&site, "/audit?action=contact.code_missed").await;
    assert_eq!(data(&audit).len(), 1, "a miss is counted, though it is refused");
    let own = call_as(&site, "responder", Method::POST, &format!("{sms}/send-code"), json!({})).await;
    assert_eq!(own.status, 200, "one's own are one's own business");

    for _ in 0..2 {
        post(&site, &format!("{sms}/send-test")).await;
    }
    let enough = (409, "told_enough", "", "Enough was sent within the last hour.");
    refused(&site, Method::POST, &format!("{sms}/send-test"), json!({}), enough).await;
    let local = (422, "phone_form", "address", "Write the number in international form");
    refused(&site, Method::PUT, &sms, json!({"address": "0170 1234567"}), local).await;
    let deeds = ["enable", "disable", "send-code", "send-test", "verify"];
    for deed in deeds {
        let forbidden = (403, "forbidden", "", "");
        refused_as(&site, "viewer", Method::POST, &format!("{sms}/{deed}"), json!({}), forbidden).await;
    }
    for method in [Method::PUT, Method::DELETE] {
        refused_as(&site, "viewer", method, &sms, Value::Null, (403, "forbidden", "", "")).await;
    }
    let nowhere = sms.replace(&site.people["responder"].to_string(), &site.people["viewer"].to_string());
    let mut gone: Vec<(Method, String, Value)> =
        deeds.map(|deed| (Method::POST, format!("{nowhere}/{deed}"), json!({}))).to_vec();
    gone.push((Method::GET, nowhere.clone(), Value::Null));
    gone.push((Method::PUT, nowhere, json!({"address": "+12025550199"})));
    gone.push((Method::GET, "/users/usr_zz/contact-methods".to_owned(), Value::Null));
    missing(&site, &gone).await;
    needs_version(&site, Method::DELETE, &sms, Value::Null).await;
    missing(&site, &[(Method::GET, sms, Value::Null)]).await;
}

#[tokio::test]
async fn notification_rules_are_set_for_each_urgency_by_itself() {
    let site = Site::new();
    let (path, sms) = reachable(&site).await;
    let rules = format!("{path}/notification-rules");
    assert_eq!(get(&site, &rules).await, json!({"high": [], "low": []}), "the preset");
    let number = sms.rsplit('/').next().expect("an id");
    let step = |after: u32| json!({"contact_method": number, "after_seconds": after});
    let high = json!({"steps": [step(600), step(0)]});
    let set = done(&site, Method::PUT, &format!("{rules}/high"), high).await;
    assert_eq!(set, json!({"steps": [step(0), step(600)]}), "in the order of time");
    needs_version(&site, Method::PUT, &format!("{rules}/low"), json!({"steps": [step(300)]})).await;
    assert_eq!(get(&site, &rules).await, json!({"high": [step(0), step(600)], "low": [step(300)]}));
    assert_eq!(get(&site, &format!("{rules}/low")).await, json!({"steps": [step(300)]}));
    done(&site, Method::PUT, &format!("{rules}/low"), json!({})).await;
    assert_eq!(get(&site, &rules).await["low"], json!([]));

    let strange = json!({"contact_method": "con_zz", "after_seconds": 0});
    let many: Vec<Value> = (0..21).map(|minute| step(minute * 60)).collect();
    let table = [
        (json!([step(60)]), "rule_first", "The first high-urgency step has no delay: it is the page itself."),
        (json!([strange]), "contact_unknown", "A step names a contact method that is gone."),
        (json!([step(0), step(3660)]), "rule_range", "A step comes 0 to 60 minutes after the page."),
        (json!([step(0), step(90)]), "whole_minutes", "Give whole minutes"),
        (json!(many), "rule_range", "A list has at most 20 steps."),
        (json!([{"contact_method": "my phone"}]), "unknown", "Give an id, such as con_1k."),
    ];
    for (steps, code, words) in table {
        let body = json!({"steps": steps});
        refused(&site, Method::PUT, &format!("{rules}/high"), body, (422, code, "steps", words)).await;
    }
    let forbidden = (403, "forbidden", "", "");
    refused_as(&site, "viewer", Method::PUT, &format!("{rules}/high"), json!({}), forbidden).await;
    missing(
        &site,
        &[
            (Method::GET, format!("{rules}/medium"), Value::Null),
            (Method::PUT, "/users/usr_zz/notification-rules/high".to_owned(), json!({})),
            (Method::GET, "/users/usr_zz/notification-rules".to_owned(), Value::Null),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_persons_own_calendar_is_theirs_to_share() {
    let site = Site::new();
    let feeds = format!("/users/{}/feeds", site.people["responder"]);
    let made = call_as(&site, "responder", Method::POST, &feeds, json!({})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let address = text(&made["address"]).strip_prefix("https://pager.example.test").expect("absolute").to_owned();
    let calendar = site.api(Method::GET, &address, "nobody", None).await;
    assert_eq!(calendar.status, 200);
    let listed = call_as(&site, "responder", Method::GET, &feeds, Value::Null).await.json();
    assert_eq!((&data(&listed)[0]["id"], data(&listed)[0].get("address")), (&made["id"], None));
    let only_owner = (403, "forbidden", "", "Only its owner can make a link to a personal calendar.");
    refused(&site, Method::POST, &feeds, json!({}), only_owner).await;
    let one = format!("{feeds}/{}", text(&made["id"]));
    for (method, path) in [(Method::GET, &feeds), (Method::POST, &feeds), (Method::DELETE, &one)] {
        let body = if method == Method::POST { json!({}) } else { Value::Null };
        refused_as(&site, "viewer", method, path, body, (403, "forbidden", "", "")).await;
    }
    let elsewhere = one.replace(&site.people["responder"].to_string(), &site.people["admin"].to_string());
    missing(&site, &[(Method::DELETE, elsewhere, Value::Null)]).await;
    assert_eq!(data(&get(&site, &feeds).await).len(), 1, "an admin sees it, to revoke it");
    deleted(&site, &one).await;
    assert_eq!(site.api(Method::GET, &address, "nobody", None).await.status, 404);
}

#[tokio::test]
async fn a_login_is_taken_away_and_the_person_stays() {
    let site = Site::new();
    let path = format!("/users/{}", site.people["responder"]);
    let remove = format!("{path}/remove-login");
    refused_as(&site, "responder", Method::POST, &remove, json!({}), (403, "forbidden", "", "")).await;
    for _ in 0..2 {
        assert_eq!(call(&site, Method::POST, &remove, json!({})).await.status, 204);
    }
    assert_eq!(get(&site, &path).await["has_login"], false);
    assert_eq!(call_as(&site, "responder", Method::GET, "/teams", Value::Null).await.status, 401);
    let last = (409, "last_admin", "", "admin is the only active admin.");
    refused(&site, Method::POST, &format!("/users/{}/remove-login", site.people["admin"]), json!({}), last).await;
    missing(&site, &[(Method::POST, "/users/usr_zz/remove-login".to_owned(), json!({}))]).await;
}
