//! Automatic backups: looks whether one is due and takes it; the nightly chores prove the newest ([`super::upkeep`]).

use crate::app::backups::automatic;
use crate::app::system::Worker;
use crate::bridge::Lane;
use crate::worker::{Shop, wheel};
use std::sync::Arc;
use tokio::sync::Notify;

/// Ends at once where none are taken.
pub async fn run(shop: Shop) {
    let Some(plan) = shop.app.backup_plan.clone() else { return };
    let nobody = Notify::new();
    let mut was_failing = false;
    loop {
        let (app, plan, stop) = (Arc::clone(&shop.app), plan.clone(), shop.stop.clone());
        let round = shop.bridge.run(Lane::People, move || automatic::round(&app, &plan, &mut |_| !*stop.borrow()));
        let next = match round.await {
            Ok(Ok(next)) => Some(next),
            Ok(Err(error)) => {
                shop.ran(Worker::Upkeep, 0, Some(error.to_string()));
                None
            }
            Err(crossing) => {
                shop.ran(Worker::Upkeep, 0, Some(crossing.to_string()));
                None
            }
        };
        let failing = shop.app.board.backups().failing;
        if let Some((_, why)) = failing.as_ref().filter(|_| !was_failing) {
            tracing::error!(why, "no backup can be taken; it is tried again each minute");
        }
        was_failing = failing.is_some();
        if !wheel::rest(&shop, &nobody, next).await {
            return;
        }
    }
}
