//! What people can still do while nothing can be saved: take an incident, so that its calls stop.

use crate::app::incidents::{self, Deed};
use crate::domain::actor::Actor;
use crate::domain::id::UserId;
use crate::domain::incident::Incident;
use crate::web::Web;
use crate::web::error::WebError;

/// A deed of somebody who is signed in. If it cannot be saved and is an acknowledgement, nobody is called about the incident
/// any more, and the answer says that this is all.
pub async fn acted(
    web: &Web,
    actor: Actor,
    reference: &str,
    acting_as: Option<UserId>,
    deed: Deed,
) -> Result<Incident, WebError> {
    let (named, wanted) = (reference.to_owned(), deed.clone());
    let done = web.write(move |tx| incidents::act(tx, &actor, &named, acting_as, wanted.clone())).await;
    if let (Err(WebError::Unavailable), Deed::Acknowledge) = (&done, deed)
        && let Some(incident) = web.app.emergency.find(reference)
        && let Some(user) = acting_as.or(actor.user_id())
        && web.app.emergency.take(incident, user)
    {
        return Err(WebError::NotSaved);
    }
    done
}
