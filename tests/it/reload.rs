//! SIGHUP, at the real binary: an edited file takes effect without a restart, and a broken one takes none.

use crate::live::Site;
use harness::infobip::FakeInfobip;
use pagerpal::domain::contact::Channel;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const KEY: &str = "00112233445566778899aabbccddeeff";
const PHONE: &str = "4917000001";
const PATIENCE: Duration = Duration::from_secs(30);

/// The strips of every page, as programs read them.
async fn warnings(site: &Site) -> String {
    site.ask("/api/v1/settings").await["warnings"].to_string()
}

async fn until(site: &Site, is_so: impl Fn(&str) -> bool) -> String {
    for _ in 0..100 {
        let warnings = warnings(site).await;
        if is_so(&warnings) {
            return warnings;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the strips stay as they are: {}", warnings(site).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_file_takes_effect_on_sighup_and_a_broken_one_changes_nothing() {
    let infobip = FakeInfobip::start("k3y").await;
    let mut site = Site::new();
    let ada = site.ada();
    site.contact(ada, Channel::Sms, &format!("+{PHONE}"));
    let (team, policy) = (site.team("Payments"), site.policy("Nights", &[ada]));
    site.source("shop", "generic", team, policy, KEY);
    let file = site.data_dir().join("pagerpal.toml");
    let write = |text: &str| fs::write(&file, text).expect("a file");
    write("[notification]\nsending_enabled = false\n[escalation]\nworker_enabled = false\n");
    let mut process = site.start().await;
    let strips = warnings(&site).await;
    assert!(strips.contains("Safe mode") && strips.contains("Escalation is off"), "{strips}");

    // Everything but the address to listen at, which is another one now, is in effect at once.
    let provider = format!(
        "[infobip]\nbase_url = {:?}\napi_key = {:?}\nsms_sender = \"PagerPal\"\n",
        infobip.base_url(),
        infobip.key()
    );
    let good = format!("base_url = \"http://localhost:1\"\n[notification]\nsending_enabled = true\n{provider}");
    write(&good);
    process.hang_up();
    let strips = until(&site, |strips| !strips.contains("Safe mode")).await;
    assert!(!strips.contains("Escalation is off"), "{strips}");
    assert!(
        strips.contains("PAGERPAL_BASE_URL was changed, which takes effect when PagerPal is restarted."),
        "{strips}"
    );
    let settings = site.ask("/api/v1/settings").await;
    let value = |name: &str| -> Value {
        let all = settings["configuration"].as_array().expect("a list");
        all.iter().find(|setting| setting["name"] == name).expect("a setting")["value"].clone()
    };
    assert_eq!((value("INFOBIP_SMS_SENDER"), value("PAGERPAL_BASE_URL")), (json!("PagerPal"), json!("not set")));
    let alert = json!({"external_id": "1", "title": "Disk full", "severity": "critical"});
    assert_eq!(site.post("generic", KEY, &alert).await.expect("an answer").status, 200);
    infobip.wait_for_copy("the page", PATIENCE, |copy| copy.to == PHONE && copy.text.contains("Disk full")).await;
    // The escalation worker, which was off at the start, climbs: the incident waits on a timer that is not late.
    // The answer is worked out once a second, and all of this may have taken less.
    let since = std::time::Instant::now();
    while site.ask("/health").await["escalation"] != "on" {
        assert!(since.elapsed() < PATIENCE, "escalation is still off");
    }

    // Neither a key nobody knows nor half a provider stops what works.
    for (broken, place) in [
        (good.replace("[notification]", "[notification]\nsending = true"), "pagerpal.toml:3"),
        (good.replace("api_key", "#api_key"), "INFOBIP_API_KEY"),
    ] {
        write(&broken);
        process.hang_up();
        let strips = until(&site, |strips| strips.contains("not taken over") && strips.contains(place)).await;
        assert!(!strips.contains("Safe mode"), "{strips}");
    }
    let alert = json!({"external_id": "2", "title": "Queue stuck", "severity": "critical"});
    assert_eq!(site.post("generic", KEY, &alert).await.expect("an answer").status, 200);
    infobip.wait_for_copy("the next page", PATIENCE, |copy| copy.text.contains("Queue stuck")).await;

    // Put right, the strip is gone, and safe mode stops what leaves.
    write(&good.replace("sending_enabled = true", "sending_enabled = false"));
    process.hang_up();
    let strips = until(&site, |strips| strips.contains("Safe mode")).await;
    assert!(!strips.contains("not taken over"), "{strips}");
    assert!(process.terminate(Duration::from_secs(20)).await.success());
}
