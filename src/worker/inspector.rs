//! The inspector: once a minute, looks whether what must always be true is. Its findings fail `/health`.

use crate::app::inspect::inspect;
use crate::app::system::{Inspection, Worker};
use crate::worker::{Shop, wheel};
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(60);

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    loop {
        match shop.read(inspect).await {
            Ok(problems) => {
                for problem in &problems {
                    tracing::error!(problem, "the inspector found a broken promise");
                }
                shop.app.board.inspected(Inspection { at: shop.app.now(), problems });
                shop.ran(Worker::Inspector, 0, None);
            }
            Err(error) => shop.ran(Worker::Inspector, 0, Some(error.to_string())),
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    }
}
