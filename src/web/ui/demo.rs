//! What only `pagerpal demo` has: signing in with one click, and the pretend phone, `/demo/phone`.
//!
//! These rows are no part of the table of routes: the router adds them where the process is a demo, and nowhere else.

use crate::domain::access::Role;
use crate::domain::id::UserId;
use crate::domain::time::Timestamp;
use crate::web::Web;
use crate::web::address::Client;
use crate::web::error::WebError;
use crate::web::extract::{FormBody, SignedIn};
use crate::web::routes::{Access, RouteSpec};
use crate::web::session;
use crate::web::ui::fragment::{self, Fragment};
use crate::web::ui::login::with_cookie;
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, to};
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::sync::Arc;

/// What makes a process a demo.
pub struct Demo {
    /// Whom one may be, one for each role.
    pub accounts: Vec<Account>,
    /// What has arrived, the newest first.
    pub phone: Box<dyn Fn() -> Vec<Arrived> + Send + Sync>,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub user: UserId,
    pub name: &'static str,
    pub role: Role,
}

/// A message on the pretend phone.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub at: Timestamp,
    pub channel: &'static str,
    pub to: String,
    pub text: String,
    pub link: Option<String>,
}

pub fn routes() -> Vec<RouteSpec> {
    vec![
        RouteSpec::post("/demo/sign-in", Access::Public, sign_in),
        RouteSpec::get("/demo/phone", Access::Viewer, phone),
    ]
}

async fn sign_in(
    State(web): State<Arc<Web>>,
    Extension(client): Extension<Client>,
    form: FormBody,
) -> Result<Response, WebError> {
    let account =
        web.demo.iter().flat_map(|demo| &demo.accounts).find(|account| account.role.word() == form.text("role"));
    let account = account.ok_or(WebError::NotFound)?;
    let cookie = session::start(&web, account.user, &client, "with one click, in the demo").await?;
    Ok(with_cookie(to("/dashboard"), cookie))
}

#[derive(Template)]
#[template(path = "templates/demo_phone.html", askama = rinja, blocks = ["main"])]
struct PhonePage {
    shell: Shell,
    messages: Vec<(String, Arrived)>,
}

async fn phone(State(web): State<Arc<Web>>, signed_in: SignedIn, fragment: Fragment) -> Result<Response, WebError> {
    let arrived = web.demo.as_ref().map(|demo| (demo.phone)()).ok_or(WebError::NotFound)?;
    let desk = Desk { web: &web, signed_in: &signed_in, section: "/demo/phone" };
    let page = desk.look(move |sight, shell| {
        let messages = arrived.into_iter().map(|message| (sight.reader.clock(message.at), message)).collect();
        Ok(PhonePage { shell, messages })
    });
    let page = page.await?;
    fragment::answer(fragment, StatusCode::OK, &page, &page.as_main())
}
