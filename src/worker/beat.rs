//! The beat: calls an outside watcher once a minute while paging works. When the machine is dead, has no network or pages nobody
//! any more, the watcher hears nothing, and pages.

use crate::app::system::{self, Worker};
use crate::app::{App, AppError};
use crate::bridge::Lane;
use crate::worker::{Shop, wheel};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(60);

/// Ends at once where nobody watches.
pub async fn run(shop: Shop) {
    let Some(address) = shop.app.watcher.clone() else { return };
    let nobody = Notify::new();
    loop {
        let app = Arc::clone(&shop.app);
        match shop.bridge.run(Lane::Paging, move || paging_works(&app)).await {
            Ok(true) => beat(&shop, address.expose()).await,
            Ok(false) => tracing::warn!("paging does not work now, so the outside watcher is not called"),
            Err(crossing) => {
                shop.ran(Worker::Inspector, 0, Some(AppError::Unavailable(crossing.to_string()).to_string()));
            }
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    }
}

/// What is switched off on purpose pages nobody either.
fn paging_works(app: &App) -> bool {
    let switches = app.switches();
    switches.sending && switches.escalation && system::health_problems(app).is_empty()
}

/// The address is a secret, and so is what an error says of it.
async fn beat(shop: &Shop, address: &str) {
    let answer = match shop.watcher.get(address) {
        Ok(call) => call.send().await.and_then(|answer| answer.error_for_status()),
        Err(refused) => return tracing::warn!(%refused, "HEARTBEAT_URL is not called"),
    };
    if let Err(error) = answer {
        tracing::warn!(error = %error.without_url(), "the outside watcher did not take the beat; it is tried again in a minute");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Switches;
    use crate::worker::tests::shop;

    #[test]
    fn what_pages_nobody_does_not_beat() {
        let (shop, clock) = shop();
        let works = || paging_works(&shop.app);
        shop.app.board.started(shop.app.now(), vec![], vec![]);
        shop.app.board.channel_configured(crate::domain::contact::Channel::Sms, Some("fake"), vec![]);
        assert!(works());
        let all = shop.app.switches();
        shop.app.switch(Switches { sending: false, ..all });
        assert!(!works(), "safe mode");
        shop.app.switch(Switches { escalation: false, ..all });
        assert!(!works(), "nobody climbs");
        shop.app.switch(all);
        clock.advance(31);
        assert!(!works(), "escalation has not run");
    }
}
