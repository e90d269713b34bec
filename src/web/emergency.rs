//! What people can still do while nothing can be saved: take an incident, so that its calls stop.
//!
//! Before the database is open there is nothing else: the links of messages, webhooks (which are told to try again, and of which
//! people are called), `/health`, what pages are drawn with, and one page that says so.

use crate::app::incidents::Deed;
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;

/// What became of a deed of somebody who is signed in. If it could not be saved and was an acknowledgement, nobody is called
/// about the incident any more, and the answer says that this is all.
pub fn noted<T>(
    web: &Web,
    actor: Actor,
    reference: &str,
    acting_as: Option<UserId>,
    deed: &Deed,
    done: Result<T, WebError>,
) -> Result<T, WebError> {
    if let (Err(WebError::Unavailable), Deed::Acknowledge) = (&done, deed)
        && let Some(incident) = web.app.emergency.find(reference)
        && let Some(user) = acting_as.or(actor.user_id())
        && web.app.emergency.take(incident, user)
    {
        return Err(WebError::NotSaved);
    }
    done
}

/// Why nothing is behind this path, if the database is not open yet. The reason names files, so it is for this machine only.
pub fn closed(web: &Web, client: &Client, path: &str) -> Option<WebError> {
    let stays = ["/a/", "/api/v1/webhooks/", "/assets/"];
    if web.app.is_open() || path == "/health" || stays.iter().any(|prefix| path.starts_with(prefix)) {
        return None;
    }
    let reason = web.app.emergency.waits_for().filter(|_| client.is_local());
    Some(WebError::NotOpen { reason })
}
