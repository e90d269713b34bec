//! Watches the host's clock, and a store that has stopped saving.
//!
//! Our time goes by the boot clock. When somebody sets the wall clock, that is adopted between two transactions, and the next
//! one moves what counts elapsed time along, so that a delay of five minutes stays five minutes. Each minute what the clock reads is
//! saved, for the next start to measure from.

use crate::app::timers::{keep_time, moved_secs};
use crate::bridge::Lane;
use crate::domain::clock_mark::ClockMark;
use crate::worker::{Shop, wheel};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
/// How often a store that cannot save is tried again.
const TRY_AGAIN_ROUNDS: u32 = 10;
/// How often the clock is saved.
const KEEP_ROUNDS: u32 = 60;

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    let mut rounds: u32 = 0;
    // The sum of all steps, of which the store may not have adopted the last.
    let mut moved = loop {
        match shop.read(|read| moved_secs(read)).await {
            Ok(moved) => break moved,
            Err(error) => tracing::error!(%error, "the clock that was saved cannot be read; trying again"),
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    };
    let mut is_saved = true;
    loop {
        if let Some(step) = shop.app.clock().step() {
            tracing::warn!(secs = step.secs(), "the host's clock was set; running delays are moved along");
            let (app, sum) = (Arc::clone(&shop.app), moved + step.secs());
            match shop.bridge.run(Lane::Paging, move || app.adopt(step, sum)).await {
                Ok(()) => (moved, is_saved) = (sum, false),
                // Reported again by the next round, perhaps otherwise by then.
                Err(crossing) => tracing::error!(%crossing, "the clock could not be adopted; trying again"),
            }
        }
        rounds = rounds.wrapping_add(1);
        if !is_saved || rounds.is_multiple_of(KEEP_ROUNDS) {
            match shop.write(move |tx| keep_time(tx, ClockMark { at: tx.now(), moved_secs: moved })).await {
                Ok(()) => {
                    is_saved = true;
                    shop.app.owed.set(None);
                }
                Err(error) => tracing::error!(%error, is_saved, "the clock could not be saved; trying again"),
            }
        }
        if rounds.is_multiple_of(TRY_AGAIN_ROUNDS) && shop.app.store_status().is_failing() {
            let app = Arc::clone(&shop.app);
            match shop.bridge.run(Lane::Paging, move || app.try_again()).await {
                Ok(Ok(())) => tracing::info!("the store can save again"),
                Ok(Err(error)) => tracing::error!(%error, "the store still cannot save"),
                Err(crossing) => tracing::error!(%crossing, "the store could not be tried"),
            }
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    }
}
