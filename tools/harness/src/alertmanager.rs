//! The real Prometheus Alertmanager, sending its real webhooks to an address of the test.
//!
//! It groups by `alertname` and waits a second where it usually waits minutes, so a notification follows an alert within
//! two seconds, repeats come every second or two, and recoveries are sent. It is alone: no cluster, so no other peer.

use crate::http;
use crate::process::{Launch, Process, folder, free_port};
use crate::programs::program;
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(20);

pub struct Alertmanager {
    url: String,
    // Dropped in this order: the program goes before its folder.
    process: Process,
    _folder: TempDir,
}

impl Alertmanager {
    /// Starts one that posts to `webhook` with `Authorization: Bearer <key>`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(webhook: &str, key: &str) -> Alertmanager {
        let folder = folder("alertmanager");
        let configuration = folder.path().join("alertmanager.yml");
        // JSON is YAML, and needs no care with quotes.
        let content = json!({
            "route": {
                "receiver": "pagerpal", "group_by": ["alertname"],
                "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1s",
            },
            "receivers": [{
                "name": "pagerpal",
                "webhook_configs": [{
                    "url": webhook, "send_resolved": true,
                    "http_config": { "authorization": { "type": "Bearer", "credentials": key } },
                }],
            }],
        });
        fs::write(&configuration, content.to_string()).expect("a file in a temporary folder");
        let url = format!("http://127.0.0.1:{}", free_port());
        let mut process = Launch::new(program("prometheus-alertmanager"), folder.path())
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={}", &url["http://".len()..]))
            // No peers, and no second port.
            .arg("--cluster.listen-address=")
            .start();
        process.wait_until_answers(&format!("{url}/-/ready"), START).await.unwrap_or_else(|why| panic!("{why}"));
        Alertmanager { url, process, _folder: folder }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it logged, which is where it complains about refused webhooks.
    pub fn log(&self) -> String {
        self.process.output()
    }

    /// Starts an alert with these labels, of which `alertname` is one, and annotations.
    pub async fn fire(&self, labels: &[(&str, &str)], annotations: &[(&str, &str)]) {
        self.post_alerts(&json!([{ "labels": object(labels), "annotations": object(annotations) }])).await;
    }

    /// Ends the alert with exactly these labels.
    pub async fn resolve(&self, labels: &[(&str, &str)]) {
        let now = jiff::Timestamp::now().to_string();
        self.post_alerts(&json!([{ "labels": object(labels), "endsAt": now }])).await;
    }

    /// Posts alerts as Prometheus does, `POST /api/v2/alerts`.
    ///
    /// # Panics
    /// When they are refused.
    pub async fn post_alerts(&self, alerts: &Value) {
        let answer = http::post(format!("{}/api/v2/alerts", self.url)).json(alerts).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("Alertmanager: {error}\n{}", self.log()));
        assert_eq!(answer.status, 200, "Alertmanager refused alerts: {}", answer.text());
    }
}

fn object(pairs: &[(&str, &str)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_string(), Value::from(*value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::Receiver;

    const SECONDS: Duration = Duration::from_secs(30);

    #[tokio::test(flavor = "multi_thread")]
    async fn an_alert_and_its_recovery_are_posted_with_the_key() {
        let receiver = Receiver::start().await;
        let alertmanager = Alertmanager::start(&receiver.url("/hook"), "k3y").await;
        let labels = [("alertname", "DiskFull"), ("severity", "critical")];
        alertmanager.fire(&labels, &[("summary", "Disk full on db1")]).await;
        let firing = receiver.wait_for("the alert", SECONDS, |post| post.json()["status"] == "firing").await;
        assert_eq!(firing.path, "/hook");
        assert_eq!(firing.header("authorization"), Some("Bearer k3y"));
        assert_eq!(firing.json()["version"], "4");
        assert_eq!(firing.json()["alerts"][0]["annotations"]["summary"], "Disk full on db1");
        alertmanager.resolve(&labels).await;
        let resolved = receiver.wait_for("the recovery", SECONDS, |post| post.json()["status"] == "resolved").await;
        assert_eq!(resolved.json()["groupKey"], firing.json()["groupKey"]);
    }
}
