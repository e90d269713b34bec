//! How a worker sleeps: until the earliest slot, a wake-up, or 15 s.

use crate::app::App;
use crate::domain::time::Timestamp;
use crate::worker::Shop;
use std::time::Duration;
use tokio::sync::Notify;

/// Looks at least this often, whatever the wake-ups say.
const AT_MOST: Duration = Duration::from_secs(15);

/// After an error: not at once, or a failing store would be asked in a tight loop.
pub const AFTER_ERROR: Duration = Duration::from_secs(1);

/// Returns when it is time to look again; `false` when the process is stopping. The wake-up keeps a permit, so a commit
/// between the look that found `next_due` and this sleep ends it at once.
pub async fn rest(shop: &Shop, wake: &Notify, next_due: Option<Timestamp>) -> bool {
    let sleep = next_due.map_or(AT_MOST, |due| until(&shop.app, due).min(AT_MOST));
    pause(shop, sleep, wake).await
}

pub async fn pause(shop: &Shop, sleep: Duration, wake: &Notify) -> bool {
    if shop.is_stopping() {
        return false;
    }
    let mut stop = shop.stop.clone();
    tokio::select! {
        () = tokio::time::sleep(sleep) => {}
        () = wake.notified() => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    !shop.is_stopping()
}

fn until(app: &App, due: Timestamp) -> Duration {
    app.clock().until(due)
}
