//! The support report: to read before it is given away, to copy, and to save.

use crate::app::{App, AppError, checks, support};
use crate::domain::checks::evaluate;
use crate::web::Web;
use crate::web::error::WebError;
use crate::web::extract::SignedIn;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, page as drawn};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rinja::Template;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/support_report.html", askama = rinja)]
struct Page {
    shell: Shell,
    report: String,
}

pub async fn page(State(web): State<Arc<Web>>, signed_in: SignedIn) -> Result<Response, WebError> {
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/settings" };
    let page = desk.look(|sight, shell| Ok(Page { shell, report: report(sight.app)? })).await?;
    drawn(StatusCode::OK, &page)
}

pub async fn text(State(web): State<Arc<Web>>) -> Result<Response, WebError> {
    let report = web.ask(report).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"pagerpal-support-report.txt\""),
    ];
    Ok((headers, report).into_response())
}

fn report(app: &App) -> Result<String, AppError> {
    Ok(support::report(app, true)?.text(&evaluate(&checks::facts(app, true)?)))
}
