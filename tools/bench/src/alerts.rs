//! Webhook requests of Alertmanager, whole and ready to be written to a socket.
//!
//! Version 4 bodies with two firing alerts of the usual size, about 1.3 kB. The group's number is written with a fixed
//! number of digits, so that a client can make a request about another group by overwriting them.

use serde_json::json;

const DIGITS: usize = 12;

/// A request with a body about one group of alerts.
#[derive(Clone)]
pub struct AlertRequest {
    pub bytes: Vec<u8>,
    digits_at: usize,
}

impl AlertRequest {
    /// To the alert source with this key.
    pub fn new(key: &str, group: u64) -> AlertRequest {
        let marker = format!("{:0DIGITS$}", 0);
        let body = body(&marker).to_string();
        let head = format!(
            "POST /api/v1/webhooks/alertmanager HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Alertmanager/0.28.1\r\n\
             Content-Type: application/json\r\nX-API-Key: {key}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let digits_at = head.len() + body.find(&marker).expect("the body names its group");
        let mut request = AlertRequest { bytes: [head, body].concat().into_bytes(), digits_at };
        request.set_group(group);
        request
    }

    /// Makes it about another group, which is another incident.
    pub fn set_group(&mut self, group: u64) {
        let digits = format!("{group:0DIGITS$}");
        self.bytes[self.digits_at..self.digits_at + DIGITS].copy_from_slice(&digits.as_bytes()[..DIGITS]);
    }
}

fn body(group: &str) -> serde_json::Value {
    let alert = |instance: &str, value: &str, fingerprint: &str| {
        json!({
            "status": "firing",
            "labels": {
                "alertname": "DiskWillFillIn4Hours", "instance": instance, "job": "node", "severity": "critical",
            },
            "annotations": {
                "summary": format!("Disk of {instance} will be full in 4 hours"),
                "description": format!("/var/lib/postgresql is {value} full and grows."),
            },
            "startsAt": "2026-05-01T01:58:30.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.net:9090/graph?g0.expr=predict_linear&g0.tab=1",
            "fingerprint": fingerprint,
        })
    };
    json!({
        "version": "4",
        "groupKey": format!("{{}}/{{team=\"db\"}}:{{alertname=\"DiskWillFillIn4Hours\", shard=\"{group}\"}}"),
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "pagerpal",
        "groupLabels": {"alertname": "DiskWillFillIn4Hours"},
        "commonLabels": {"alertname": "DiskWillFillIn4Hours", "severity": "critical"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.net:9093",
        "alerts": [
            alert("db1.example.net:9100", "91 %", "1a30ba71cca2921f"),
            alert("db2.example.net:9100", "93 %", "2b41cb82ddb3a320"),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_group_is_the_same_request_with_other_digits() {
        let mut request = AlertRequest::new("k", 1);
        let first = request.bytes.clone();
        request.set_group(987_654);
        assert_eq!(request.bytes.len(), first.len());
        assert_eq!(first.iter().zip(&request.bytes).filter(|(a, b)| a != b).count(), 6);
        let at = first.windows(4).position(|w| w == b"\r\n\r\n").expect("a head") + 4;
        let size = first.len() - at;
        assert!((1250..1350).contains(&size), "{size} bytes");
        serde_json::from_slice::<serde_json::Value>(&request.bytes[at..]).expect("it is JSON");
    }
}
