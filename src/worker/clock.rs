//! Watches the host's clock, and a store that has stopped saving.
//!
//! Our time goes by the boot clock. When somebody sets the wall clock, that is adopted in one transaction which moves
//! what counts elapsed time along, so that a delay of five minutes stays five minutes.

use crate::app::timers::shift_elapsed;
use crate::bridge::Lane;
use crate::worker::{Shop, wheel};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
/// How often a store that cannot save is tried again.
const TRY_AGAIN_ROUNDS: u32 = 10;

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    let mut rounds: u32 = 0;
    // Seconds the clock was set by that the store has not adopted yet.
    let mut unsaved_secs = 0;
    loop {
        if let Some(step) = shop.app.clock().step() {
            tracing::warn!(secs = step.secs(), "the host's clock was set; running delays are moved along");
            unsaved_secs += step.secs();
        }
        if unsaved_secs != 0 {
            match shop.write(move |tx| shift_elapsed(tx, unsaved_secs)).await {
                Ok(_) => unsaved_secs = 0,
                Err(error) => tracing::error!(%error, "running delays could not be moved along; trying again"),
            }
        }
        rounds = rounds.wrapping_add(1);
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
