//! `POST /api/v1/callbacks/infobip/{token}/{reports|inbound|seen}`.
//!
//! With the right token the answer is always 200, whatever the body: anything else would be repeated for hours, and a
//! body that cannot be read today cannot be read tomorrow. Only a store that cannot commit answers 503, and then the
//! repeat is welcome.

use crate::app::{self, deliveries, replies};
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::RawBody;
use axum::extract::{Path, State};
use std::sync::Arc;

pub async fn receive(
    State(web): State<Arc<Web>>,
    Path((token, kind)): Path<(String, String)>,
    RawBody(body): RawBody,
) -> Result<(), WebError> {
    if !web.app.settings.link_key.is_callback_token(&token) || !KINDS.contains(&kind.as_str()) {
        return Err(WebError::NotFound);
    }
    let (reports, inbound) = (web.settings.read_call)(&kind, &body);
    if !reports.is_empty() {
        let lineage = web.app.lineage().to_owned();
        let take = move |tx: &mut app::Write<'_>| deliveries::receive_receipts(tx, &lineage, &reports);
        web.write_in(app::Lane::Paging, take).await?;
    }
    for reply in inbound {
        let key = web.app.settings.link_key.clone();
        let heard = web.write_in(app::Lane::Paging, move |tx| replies::receive(tx, &key, &reply)).await?;
        tracing::info!(?heard, "a reply came in");
    }
    Ok(())
}

const KINDS: [&str; 3] = ["reports", "inbound", "seen"];
