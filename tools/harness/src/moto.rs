//! An SNS on loopback: moto's server, which posts the envelopes that the real one posts.
//!
//! Topics, subscriptions and publishing are the real service's query interface. What differs: envelopes are signed
//! (version 2), but by moto's own certificate, and without the subject, so only those that have none verify; a
//! subscription counts at once, unconfirmed; nothing is sent twice; and the Basic credentials in an endpoint's address
//! are sent at once, not only after a 401.

use crate::http;
use crate::process::{Launch, Process, folder, free_port};
use crate::programs::python;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(60);
/// moto finds the service in the credential's scope and checks nothing else about it.
const AUTHORIZATION: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/sns/aws4_request, SignedHeaders=host, Signature=none";

pub struct Sns {
    url: String,
    // Dropped in this order: the program goes before its folder.
    process: Process,
    _folder: TempDir,
}

impl Sns {
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> Sns {
        let folder = folder("moto");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let mut process = Launch::new(python(), folder.path())
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .start();
        let ready = format!("{url}/moto-api/data.json");
        process.wait_until_answers(&ready, START).await.unwrap_or_else(|why| panic!("{why}"));
        Sns { url, process, _folder: folder }
    }

    /// Creates a topic and returns its ARN.
    pub async fn create_topic(&self, name: &str) -> String {
        let answer = self.act(&[("Action", "CreateTopic"), ("Name", name)]).await;
        let arn = answer.split_once("<TopicArn>").and_then(|(_, rest)| rest.split_once("</TopicArn>"));
        arn.unwrap_or_else(|| panic!("no ARN in {answer}")).0.to_string()
    }

    /// Subscribes an `http://` address; user and password may stand in it, as AWS has it.
    pub async fn subscribe(&self, topic: &str, endpoint: &str) {
        let fields = [("Action", "Subscribe"), ("TopicArn", topic), ("Protocol", "http"), ("Endpoint", endpoint)];
        self.act(&fields).await;
    }

    /// Publishes, and returns when every subscriber has answered.
    ///
    /// # Panics
    /// When a subscriber does not answer at all; what it answers is not looked at.
    pub async fn publish(&self, topic: &str, subject: Option<&str>, message: &str) {
        let mut fields = vec![("Action", "Publish"), ("TopicArn", topic), ("Message", message)];
        fields.extend(subject.map(|subject| ("Subject", subject)));
        self.act(&fields).await;
    }

    /// The certificate, in PEM, that an envelope's `SigningCertURL` names.
    pub async fn certificate(&self, signing_cert_url: &str) -> String {
        let (host, file) = signing_cert_url.trim_start_matches("https://").split_once('/').expect("a URL with a path");
        let call =
            http::get(format!("{}/{file}", self.url)).header("Host", host).header("Authorization", AUTHORIZATION);
        let answer = call.send().await;
        let answer = answer.unwrap_or_else(|error| panic!("moto: {error}"));
        assert_eq!(answer.status, 200, "no certificate {signing_cert_url}: {}", answer.text());
        answer.text()
    }

    async fn act(&self, fields: &[(&str, &str)]) -> String {
        let call = http::post(format!("{}/", self.url)).header("Authorization", AUTHORIZATION).form(fields);
        let answer = call.send().await.unwrap_or_else(|error| panic!("moto: {error}\n{}", self.process.output()));
        assert_eq!(answer.status, 200, "moto refused {fields:?}: {}\n{}", answer.text(), self.process.output());
        answer.text()
    }
}

/// What CloudWatch publishes when an alarm changes from `old` to `new` (`OK`, `ALARM`, `INSUFFICIENT_DATA`).
pub fn cloudwatch_alarm(name: &str, old: &str, new: &str) -> Value {
    json!({
        "AlarmName": name,
        "AlarmDescription": "Processor is busy",
        "AWSAccountId": "123456789012",
        "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000",
        "NewStateValue": new,
        "NewStateReason": "Threshold Crossed: 1 datapoint [97.0] was greater than the threshold (90.0).",
        "StateChangeTime": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3f%z").to_string(),
        "Region": "EU (Frankfurt)",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}"),
        "OldStateValue": old,
        "OKActions": [],
        "AlarmActions": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
        "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "CPUUtilization", "Namespace": "AWS/EC2", "StatisticType": "Statistic",
            "Statistic": "AVERAGE", "Unit": null,
            "Dimensions": [{ "value": "i-0123456789abcdef0", "name": "InstanceId" }],
            "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 90.0,
            "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receiver::Receiver;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_alarm_is_posted_in_its_envelope_with_credentials() {
        let (sns, receiver) = (Sns::start().await, Receiver::start().await);
        let topic = sns.create_topic("alarms").await;
        let endpoint = receiver.url("/cloudwatch").replace("http://", "http://sns:k3y@");
        sns.subscribe(&topic, &endpoint).await;
        sns.subscribe(&topic, &receiver.url("/query?api_key=k3y")).await;
        let alarm = cloudwatch_alarm("cpu-high", "OK", "ALARM");
        sns.publish(&topic, Some("ALARM: \"cpu-high\""), &alarm.to_string()).await;

        let posts = receiver.posts();
        assert_eq!(posts.len(), 2, "publishing waits for the subscribers");
        let post = posts.iter().find(|post| post.path == "/cloudwatch").expect("the one with credentials");
        assert_eq!(post.header("authorization"), Some("Basic c25zOmszeQ=="));
        let envelope = post.json();
        assert_eq!((&envelope["Type"], &envelope["TopicArn"]), (&json!("Notification"), &json!(topic)));
        for field in ["MessageId", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"] {
            assert!(envelope[field].is_string(), "{field} in {envelope}");
        }
        let message = envelope["Message"].as_str().expect("the message is a string");
        assert_eq!(serde_json::from_str::<Value>(message).expect("of JSON"), alarm);
        assert!(posts.iter().any(|post| post.path == "/query?api_key=k3y"));
        let certificate = sns.certificate(envelope["SigningCertURL"].as_str().expect("a string")).await;
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----"), "{certificate}");
    }
}
