//! Which sessions were used, so that they do not idle out.
//!
//! A request that only looks must change nothing, so use is noted in memory and written down once a minute. A crash
//! loses a minute of notes, which a session of 72 hours does not feel.

use crate::app::auth;
use crate::domain::session::Session;
use crate::web::Web;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(60);
/// Sessions in one transaction.
const BATCH: usize = 200;

#[derive(Default)]
pub struct Seen(Mutex<BTreeSet<[u8; 32]>>);

impl Seen {
    /// Notes a use, unless one was written down a short while ago.
    pub fn note(&self, web: &Web, session: &Session) {
        if auth::wants_touch(session, web.app.now()) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session.token_hash);
        }
    }

    fn take(&self) -> Vec<[u8; 32]> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}

/// Writes down every minute, for ever.
pub async fn keep_writing_down(web: &Web) {
    loop {
        tokio::time::sleep(EVERY).await;
        write_down(web).await;
    }
}

pub async fn write_down(web: &Web) {
    for batch in web.seen.take().chunks(BATCH).map(<[_]>::to_vec) {
        let written = web.write(move |tx| batch.iter().try_for_each(|hash| auth::touch(tx, *hash))).await;
        // The next use notes it again.
        if let Err(error) = written {
            tracing::debug!("the use of sessions was not written down: {error:?}");
        }
    }
}
