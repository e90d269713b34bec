//! `/strips`: the strips alone, for pages that are open.

use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, fragment};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/strips.html", askama = rinja)]
struct Strips {
    shell: Shell,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/dashboard" };
    let strips = desk.look(|_, shell| Ok(Strips { shell })).await?;
    fragment::block(StatusCode::OK, "strips", &strips)
}
