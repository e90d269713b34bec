//! The fake over its wire, by our own client, and its contract, by the vendor's.

use super::{Channel, FakeInfobip, Fault};
use crate::http::{self, Answer};
use crate::programs::{python, script};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;

const SECONDS: Duration = Duration::from_secs(20);
const KEY: &str = "secret-key";

async fn fake() -> FakeInfobip {
    FakeInfobip::start(KEY).await
}

fn sms(id: &str, text: &str) -> Value {
    json!({ "messages": [{ "sender": "PagerPal", "destinations": [{ "to": "12025550123", "messageId": id }],
        "content": { "text": text } }] })
}

fn template(id: &str) -> Value {
    json!({ "messages": [{ "from": "447860099299", "to": "12025550123", "messageId": id,
        "content": { "templateName": "page", "language": "en",
            "templateData": { "body": { "placeholders": ["#12", "Disk full"] } } } }] })
}

async fn send(fake: &FakeInfobip, channel: Channel, body: &Value) -> io::Result<Answer> {
    let path = match channel {
        Channel::Sms => "/sms/3/messages",
        Channel::WhatsApp => "/whatsapp/1/message/template",
    };
    let call = http::post(format!("{}{path}", fake.base_url())).header("Authorization", format!("App {KEY}"));
    call.json(body).send().await
}

async fn send_sms(fake: &FakeInfobip, id: &str) -> io::Result<Answer> {
    send(fake, Channel::Sms, &sms(id, "Disk full")).await
}

/// The id in `messages[0].status` of a 200.
fn status(answer: io::Result<Answer>) -> u64 {
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Value>()["messages"][0]["status"]["id"].as_u64().expect("a status id")
}

/// The vendor's client library drives the fake; see the script.
#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_own_client_agrees_with_the_fake() {
    let fake = fake().await;
    let run = tokio::process::Command::new(python())
        .arg(script("infobip_contract.py"))
        .args([&fake.base_url(), KEY])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), run).await.expect("it ends").expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Progress: a script that checks nothing would succeed as well.
    assert!(fake.received().len() >= 11, "only {} calls", fake.received().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_the_phone_and_the_request_is_kept() {
    let fake = fake().await;
    assert_eq!(status(send_sms(&fake, "a").await), 26);
    assert_eq!(status(send(&fake, Channel::WhatsApp, &template("b")).await), 26);
    assert_eq!((fake.copies("12025550123", "Disk full"), fake.copies_of("a")), (1, 1));
    assert_eq!(fake.copies("12025550123", "#12\nDisk full"), 1);
    let received = fake.received();
    assert_eq!(received[0].message_ids, ["a"]);
    assert_eq!(received[1].body["messages"][0]["content"]["templateName"], "page");
    assert_eq!(received[1].answered, Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_refuses_in_its_own_envelope() {
    let fake = fake().await;
    let answer =
        send(&fake, Channel::Sms, &json!({ "messages": [{ "destinations": [{}] }] })).await.expect("an answer");
    let violations = answer.json::<Value>()["violations"].clone();
    assert_eq!(answer.status, 400);
    assert_eq!(violations[0]["property"], "messages[0].content.text");
    assert_eq!(violations[1]["property"], "messages[0].destinations[0].to");

    let mut body = template("b");
    body["messages"][0]["content"]["templateData"]["body"]["placeholders"][1] = json!("two\nlines");
    let answer = send(&fake, Channel::WhatsApp, &body).await.expect("an answer");
    let exception = answer.json::<Value>()["requestError"]["serviceException"].clone();
    assert_eq!((answer.status, &exception["messageId"]), (400, &json!("BAD_REQUEST")));
    assert!(exception["validationErrors"]["messages[0].content.templateData.body.placeholders"].is_array());

    let answer = http::post(format!("{}/sms/3/messages", fake.base_url())).json(&sms("a", "x")).send().await;
    assert_eq!(answer.expect("an answer").status, 401);
    assert!(fake.handsets().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_come_in_the_order_of_the_script() {
    let fake = fake().await;
    fake.fail_next(Channel::Sms, 2, Fault::Status(429));
    fake.fail_next(Channel::Sms, 1, Fault::RejectedIn200(12));
    fake.fail_next(Channel::Sms, 1, Fault::AcceptThenDrop);
    // The other channel has a script of its own.
    assert_eq!(status(send(&fake, Channel::WhatsApp, &template("w")).await), 26);
    for _ in 0..2 {
        assert_eq!(send_sms(&fake, "a").await.expect("an answer").status, 429);
    }
    assert_eq!(status(send_sms(&fake, "b").await), 12);
    send_sms(&fake, "c").await.expect_err("the connection is cut");
    assert_eq!(fake.faults_left(Channel::Sms), 0);
    assert_eq!((fake.copies_of("a"), fake.copies_of("b"), fake.copies_of("c")), (0, 0, 1));
    // The same id again, as after any lost answer, makes no second copy; a new one would.
    assert_eq!(status(send_sms(&fake, "c").await), 23);
    assert_eq!(fake.copies("12025550123", "Disk full"), 1);
    let answered: Vec<Option<u16>> = fake.received().iter().map(|received| received.answered).collect();
    assert_eq!(answered, [Some(200), Some(429), Some(429), Some(200), None, Some(200)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_call_takes_nothing_and_hinders_nobody() {
    let fake = fake().await;
    fake.fail_next(Channel::Sms, 1, Fault::Hang);
    let url = format!("{}/sms/3/messages", fake.base_url());
    let call = http::post(url).header("Authorization", format!("App {KEY}")).json(&sms("a", "x")).send();
    let hanging = tokio::spawn(call);
    fake.wait_for("the hanging call", SECONDS, |memory| memory.received.first().map(|_| ())).await;
    assert_eq!(status(send_sms(&fake, "b").await), 26);
    assert!(!hanging.is_finished());
    hanging.abort();
    assert_eq!((fake.copies_of("a"), fake.copies_of("b")), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_message_may_fail_later_or_stay_silent() {
    let fake = fake().await;
    fake.fail_next(Channel::Sms, 1, Fault::Undelivered(9));
    fake.fail_next(Channel::Sms, 1, Fault::Unreported);
    assert_eq!(status(send_sms(&fake, "failed").await), 26);
    assert_eq!(status(send_sms(&fake, "silent").await), 26);
    assert_eq!((fake.copies_of("failed"), fake.copies_of("silent")), (0, 1));
    let get = |path: &str| {
        http::get(format!("{}{path}", fake.base_url())).header("Authorization", format!("App {KEY}")).send()
    };
    let reports: Value = get("/sms/3/reports").await.expect("an answer").json();
    assert_eq!(reports["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(reports["results"][0]["status"]["name"], "UNDELIVERABLE_NOT_DELIVERED");
    let logs: Value = get("/sms/3/logs?messageId=silent").await.expect("an answer").json();
    assert_eq!(logs["results"][0]["status"]["id"], 26);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_pushed_to_the_address_in_the_message() {
    let fake = fake().await;
    // Any server will do as the receiver; this one says 404 and is thereby proved to have been asked.
    let receiver = FakeInfobip::start("other").await;
    let mut body = sms("a", "x");
    body["messages"][0]["webhooks"]["delivery"]["url"] = json!(format!("{}/callback", receiver.base_url()));
    assert_eq!(status(send(&fake, Channel::Sms, &body).await), 26);
    assert_eq!(fake.push_report("a").await, 404);
    let twice = fake.report(&["a", "a"]);
    assert_eq!(twice["results"][1]["messageId"], "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_refuses_connections_and_forgets_nothing() {
    let fake = fake().await;
    assert_eq!(status(send_sms(&fake, "a").await), 26);
    let url = fake.base_url();
    let outage = fake.outage().await;
    http::get(&url).send().await.expect_err("nobody listens");
    let fake = outage.end().await;
    assert_eq!(fake.base_url(), url);
    assert_eq!(status(send_sms(&fake, "a").await), 23);
}

#[tokio::test]
async fn what_people_send_is_handed_out_once_or_called_in() {
    let fake = fake().await;
    let id = fake.text_in("12025550123", "447860099299", "7KQ4");
    let ask = async || -> Value {
        let call = http::get(format!("{}/sms/1/inbox/reports", fake.base_url()));
        call.header("Authorization", format!("App {KEY}")).send().await.expect("an answer").json()
    };
    let first = ask().await;
    assert_eq!((&first["results"][0]["messageId"], &first["results"][0]["text"]), (&json!(id), &json!("7KQ4")));
    assert_eq!(ask().await["results"], json!([]));
    let receiver = crate::receiver::Receiver::start().await;
    assert_eq!(fake.push_inbound(&id, &receiver.url("/inbound")).await, 200);
}
