//! Which sessions and tokens were used: a session idles out, and a token nobody uses should be found.
//!
//! A request that only looks must change nothing, so use is noted in memory and written down once a minute. A crash
//! loses a minute of notes, which a session of 72 hours does not feel.

use crate::app::auth;
use crate::domain::id::ApiTokenId;
use crate::domain::session::Session;
use crate::domain::token::PersonalToken;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::sign_ins;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(60);
/// Sessions in one transaction.
const BATCH: usize = 200;

#[derive(Default)]
pub struct Seen {
    sessions: Mutex<BTreeSet<[u8; 32]>>,
    tokens: Mutex<BTreeSet<ApiTokenId>>,
}

impl Seen {
    /// Notes a use, unless one was written down a short while ago.
    pub fn note(&self, web: &Web, session: &Session) {
        if auth::wants_touch(session, web.app.now()) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session.token_hash);
        }
    }

    /// As [`Seen::note`].
    pub fn note_token(&self, web: &Web, token: &PersonalToken) {
        if auth::wants_token_touch(token, web.app.now()) {
            self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(token.id);
        }
    }
}

fn take<T: Ord>(noted: &Mutex<BTreeSet<T>>) -> Vec<T> {
    std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
}

/// Writes down every minute, for ever, and with it how many tries to sign in failed.
pub async fn keep_writing_down(web: &Web) {
    loop {
        tokio::time::sleep(EVERY).await;
        write_down(web).await;
        sign_ins::sum_up(web, false);
    }
}

pub async fn write_down(web: &Web) {
    for batch in take(&web.seen.sessions).chunks(BATCH).map(<[_]>::to_vec) {
        written(web.write(move |tx| batch.iter().try_for_each(|hash| auth::touch(tx, *hash))).await);
    }
    for batch in take(&web.seen.tokens).chunks(BATCH).map(<[_]>::to_vec) {
        written(web.write(move |tx| batch.iter().try_for_each(|id| auth::touch_token(tx, *id))).await);
    }
}

/// What was not written down is noted again by the next use.
fn written(outcome: Result<(), WebError>) {
    if let Err(error) = outcome {
        tracing::debug!("the use of a sign-in was not written down: {error:?}");
    }
}
