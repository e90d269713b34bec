//! What the demo's monitoring complains about.

use super::organisation::Source;
use crate::domain::Severity;
use crate::domain::event::{Action, Event, Link, Order, SenderTime};
use crate::domain::time::Timestamp;
use std::collections::BTreeMap;

/// A way in which things break there, again and again.
#[derive(Clone, Copy)]
pub struct Alert {
    pub source: Source,
    name: &'static str,
    title: &'static str,
    details: &'static str,
    severity: Severity,
    host: &'static str,
}

pub const ALERTS: [Alert; 10] = [
    alert(Source::Metrics, "disk", "Disk of db-1 is 91 % full", Severity::Critical, "db-1", "It grows by 2 % an hour."),
    alert(Source::Metrics, "payout-queue", "Payout queue grows", Severity::Critical, "queue-2", "4,200 jobs wait."),
    alert(
        Source::Metrics,
        "replica",
        "Replica lags 90 s behind",
        Severity::Error,
        "db-3",
        "It was at 2 s an hour ago.",
    ),
    alert(
        Source::Boards,
        "checkout",
        "Checkout takes longer than 2 s",
        Severity::Error,
        "shop",
        "p99 over 10 minutes.",
    ),
    alert(Source::Boards, "errors", "2 % of calls answer 5xx", Severity::Error, "api", "Since the deploy of 14:02."),
    alert(Source::Boards, "certificate", "Certificate ends in 13 days", Severity::Info, "shop", "shop.example.com"),
    alert(Source::Cloud, "gateway", "Gateway drops packets", Severity::Warning, "eu-central-1", "0.4 % of them."),
    alert(
        Source::Cloud,
        "link",
        "Link to the second site is down",
        Severity::Critical,
        "core-2",
        "Traffic takes the detour.",
    ),
    alert(Source::Jobs, "backup", "Backup failed", Severity::Error, "store-3", "No space left on device."),
    alert(Source::Jobs, "invoices", "Invoices were not sent", Severity::Warning, "batch", "The job ended with 75."),
];

const fn alert(
    source: Source,
    name: &'static str,
    title: &'static str,
    severity: Severity,
    host: &'static str,
    details: &'static str,
) -> Alert {
    Alert { source, name, title, details, severity, host }
}

impl Alert {
    /// `nth` tells one outbreak from the next.
    pub fn event(&self, action: Action, nth: u64, now: Timestamp) -> Event {
        let labels = [("alertname", self.name), ("instance", self.host)];
        let runbook =
            Link { href: format!("https://wiki.example.com/runbooks/{}", self.name), text: "Runbook".to_owned() };
        Event {
            action,
            external_id: format!("{}-{nth}", self.name),
            severity: Some(self.severity),
            title: self.title.to_owned(),
            details: self.details.to_owned(),
            labels: BTreeMap::from(labels.map(|(key, value)| (key.to_owned(), value.to_owned()))),
            links: vec![runbook],
            occurred_at: SenderTime::from(now),
            order: Order::Arrival,
            actor: None,
            warnings: vec![],
        }
    }
}
