//! Escalation: fires the timers of its ring as they come due.

use crate::app::AppError;
use crate::app::system::Worker;
use crate::app::timers::{Fired, fire_due, next_due};
use crate::domain::effect::Ring;
use crate::domain::time::Timestamp;
use crate::worker::{Shop, wheel};

pub async fn run(shop: Shop) {
    let wake = &shop.wakers.timers;
    loop {
        let next = match round(&shop).await {
            Ok(next) => next,
            Err(error) => {
                shop.ran(Worker::Escalation, 0, Some(error.to_string()));
                if !wheel::pause(&shop, wheel::AFTER_ERROR, wake).await {
                    return;
                }
                continue;
            }
        };
        if !wheel::rest(&shop, wake, next).await {
            return;
        }
    }
}

/// Fires everything that is due and answers when the next is.
async fn round(shop: &Shop) -> Result<Option<Timestamp>, AppError> {
    loop {
        // What came due while it was off fires when it is on again: one step each, as after downtime.
        if !shop.app.switches().escalation {
            return Ok(None);
        }
        let next = shop.read(|read| next_due(read, Ring::Escalation)).await?;
        let now = shop.app.now();
        let Some(due) = next.filter(|due| *due <= now) else {
            shop.ran(Worker::Escalation, 0, None);
            return Ok(next);
        };
        let done = shop.write(|tx| fire_due(tx, Ring::Escalation)).await?;
        let error = (!done.failed.is_empty()).then(|| done.failed.join("; "));
        shop.ran(Worker::Escalation, now.secs_since(due), error);
        shop.alarm(Worker::Escalation, &done.failed);
        // What is due and cannot be read is no reason to ask again at once.
        if done == Fired::default() || shop.is_stopping() {
            return Ok(None);
        }
    }
}
