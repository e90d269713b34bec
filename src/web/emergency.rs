//! What people can still do while nothing can be saved: take an incident, so that its calls stop.

use crate::app::incidents::Deed;
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::web::Web;
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
