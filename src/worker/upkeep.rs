//! The nightly chores, by a cron pattern whose next match is a persisted timer: a night missed is made up for at start; and the
//! word to admins about our certificate.

use crate::app::backups::automatic::{self, Note};
use crate::app::system::Worker;
use crate::app::{AppError, audit, upkeep};
use crate::bridge::Lane;
use crate::domain::time::Timestamp;
use crate::worker::{Shop, wheel};
use croner::Cron;
use jiff::tz::TimeZone;
use std::str::FromStr;
use std::sync::Arc;
use tokio::sync::Notify;

/// Every night at 03:17 UTC: not on the hour, when everybody else's chores run.
const NIGHTLY: &str = "17 3 * * *";

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    loop {
        let error = round(&shop).await.err().map(|error| error.to_string());
        shop.ran(Worker::Upkeep, 0, error);
        if let Some((days, words)) = shop.app.board.certificate_news(shop.app.now()) {
            match shop.tell_admins(words).await {
                Ok(()) => shop.app.board.certificate_told(days),
                Err(error) => tracing::error!(%error, "admins could not be told of the certificate"),
            }
        }
        if !wheel::rest(&shop, &nobody, None).await {
            return;
        }
    }
}

async fn round(shop: &Shop) -> Result<(), AppError> {
    let next = next_match(NIGHTLY, shop.app.now());
    shop.write(move |tx| upkeep::ensure_armed(tx, next)).await?;
    if !shop.write(move |tx| upkeep::take_due(tx, next)).await? {
        return Ok(());
    }
    let app = Arc::clone(&shop.app);
    let problems = shop.bridge.run(Lane::People, move || upkeep::run(&app)).await;
    let problems = problems.map_err(|crossing| AppError::Unavailable(crossing.to_string()))??;
    prove_backup(shop).await;
    let audit = shop.read(audit::verify).await?;
    // Whoever keeps the log elsewhere has what proves the audit log up to this night.
    tracing::info!(
        problems = problems.len(),
        audit_entries = audit.entries,
        audit_head = audit.head,
        "the nightly chores are done"
    );
    if problems.is_empty() { Ok(()) } else { Err(AppError::Internal(problems.join("; "))) }
}

/// Whether the newest backup can be restored. What is wrong with it is the backup's trouble, not that of the chores.
async fn prove_backup(shop: &Shop) {
    let Some(plan) = shop.app.backup_plan.clone() else { return };
    let app = Arc::clone(&shop.app);
    let proven = shop.bridge.run(Lane::People, move || automatic::prove_newest(&app, &plan)).await;
    match proven {
        Ok(Ok(Some(Note { file, problem: None, .. }))) => tracing::info!(file, "the newest backup can be restored"),
        Ok(Ok(Some(Note { file, problem: Some(problem), .. }))) => {
            tracing::error!(file, problem, "the newest backup cannot be restored");
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::error!(%error, "admins could not be told about the backups"),
        Err(crossing) => tracing::error!(%crossing, "the newest backup was not looked at"),
    }
}

/// The first match of a pattern after an instant. Chores are in UTC, so no match is skipped or doubled by summer time.
fn next_match(pattern: &str, after: Timestamp) -> Timestamp {
    let cron = Cron::from_str(pattern).expect("the pattern is a constant, and a test parses it");
    let zoned = after.to_jiff().to_zoned(TimeZone::UTC);
    let found = cron.find_next_occurrence(&zoned, false);
    found.map_or_else(|_| after.plus_secs(86_400), |next| Timestamp::from_jiff(next.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chores_come_every_night() {
        let at = |text: &str| Timestamp::from_jiff(text.parse().expect("an instant"));
        assert_eq!(next_match(NIGHTLY, at("2026-11-24T03:16:59Z")), at("2026-11-24T03:17:00Z"));
        assert_eq!(next_match(NIGHTLY, at("2026-11-24T03:17:00Z")), at("2026-11-25T03:17:00Z"));
    }
}
