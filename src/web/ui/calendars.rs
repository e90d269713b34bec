//! `/schedules/{id}/calendars`: the schedule in other calendars, and other calendars in the schedule.
//!
//! Links and addresses are secrets: links are shown to admins, who make them, and addresses to nobody once they are entered.

use crate::app::imports::{self, Basics, Use};
use crate::app::{AppError, Write, feeds, schedules, sealed};
use crate::domain::actor::Actor;
use crate::domain::feed::FeedOf;
use crate::domain::id::{FeedId, ImportId, ScheduleId};
use crate::domain::import::Import;
use crate::domain::refusal::Refusal;
use crate::domain::schedule::Schedule;
use crate::web::error::WebError;
use crate::web::extract::{Fields, FormBody, PathId, SignedIn};
use crate::web::ui::clock::{Reader, When, count, list};
use crate::web::ui::form::{Choice, Form};
use crate::web::ui::shell::Shell;
use crate::web::ui::{Desk, Pill, Sight, page as drawn, refused, to, zones};
use crate::web::{Web, calendar};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use rinja::Template;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "templates/schedule_calendars.html", askama = rinja)]
struct Page {
    shell: Shell,
    base: String,
    schedule: String,
    own: String,
    name: String,
    zone: String,
    safe_mode: bool,
    links: Vec<LinkLine>,
    imports: Vec<Card>,
    uses: Vec<Choice>,
    zones: Vec<String>,
    feed_form: Form,
    form: Form,
    remove_form: Form,
}

/// A link to a feed; also on the page of a person's own.
pub struct LinkLine {
    /// `None` if it is dead.
    pub href: Option<String>,
    pub made: When,
    pub author: String,
    pub revoke: String,
}

/// One calendar from elsewhere.
struct Card {
    base: String,
    name: String,
    address: String,
    used: &'static str,
    is_used: bool,
    state: Pill,
    fetched: Option<When>,
    events: String,
    problem: Option<Trouble>,
    /// Why the address has to be entered again; empty if it can be read.
    unreadable: String,
    /// Titles and addresses that match nobody.
    unmatched: String,
    form: Form,
    /// Its button was refused, and `remove_form` says why.
    is_refused: bool,
}

struct Trouble {
    sentence: String,
    since: When,
}

/// What the page shows besides the records.
#[derive(Default)]
struct Refused {
    form: Option<Form>,
    /// The calendar whose form it was.
    import: Option<ImportId>,
}

pub async fn page(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
) -> Result<Response, WebError> {
    show(&web, &signed_in, id, Refused::default()).await
}

pub async fn make_link(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let (actor, key) = (signed_in.actor, web.app.settings.link_key.clone());
    let done = web.write(move |tx| feeds::create(tx, &actor, &key, FeedOf::Schedule(id)).map(drop)).await;
    answer(&web, &signed_in, id, done, "feed", None, &form).await
}

pub async fn revoke_link(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): Path<(String, String)>,
) -> Result<Response, WebError> {
    let (id, feed): (ScheduleId, FeedId) = ids(&path)?;
    let actor = signed_in.actor;
    web.write(move |tx| feeds::revoke(tx, &actor, FeedOf::Schedule(id), feed)).await?;
    Ok(to(path_of(id)))
}

pub async fn add(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    PathId(id): PathId<ScheduleId>,
    form: FormBody,
) -> Result<Response, WebError> {
    let done = async {
        let (actor, basics) = (signed_in.actor, Basics { url: Some(form.text("url").to_owned()), ..basics(&form) });
        let uses = form.optional("as").map(used_as).transpose()?;
        let (vault, nonce) = (web.app.vault.clone(), web.app.random_bytes());
        web.write(move |tx| {
            let import = imports::create(tx, &actor, &vault, nonce, id, &basics)?;
            uses.map_or(Ok(()), |uses| imports::attach(tx, &actor, import, uses))
        })
        .await
    };
    answer(&web, &signed_in, id, done.await, "import", None, &form).await
}

type ImportPath = Path<(String, String)>;

pub async fn edit(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ImportPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let (basics, vault, nonce) = (basics(&form), web.app.vault.clone(), web.app.random_bytes());
    let done =
        move |tx: &mut Write<'_>, actor: &Actor, import| imports::edit(tx, actor, &vault, nonce, import, &basics);
    act(web, signed_in, path, form, "edit", done).await
}

pub async fn use_as(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ImportPath,
    form: FormBody,
) -> Result<Response, WebError> {
    let uses = used_as(form.text("as"));
    let attach = move |tx: &mut Write<'_>, actor: &Actor, import| imports::attach(tx, actor, import, uses.clone()?);
    act(web, signed_in, path, form, "button", attach).await
}

pub async fn detach(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ImportPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, "button", imports::detach).await
}

pub async fn refresh(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ImportPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, "button", imports::refresh).await
}

pub async fn remove(
    web: State<Arc<Web>>,
    signed_in: SignedIn,
    path: ImportPath,
    form: FormBody,
) -> Result<Response, WebError> {
    act(web, signed_in, path, form, "button", imports::delete).await
}

/// Does something with a calendar of the schedule in the path, and shows the page again. A refusal stands in the form of
/// this name, at that calendar.
async fn act(
    State(web): State<Arc<Web>>,
    signed_in: SignedIn,
    Path(path): ImportPath,
    form: FormBody,
    form_name: &'static str,
    deed: impl Fn(&mut Write<'_>, &Actor, ImportId) -> Result<(), AppError> + Send + 'static,
) -> Result<Response, WebError> {
    let (id, import): (ScheduleId, ImportId) = ids(&path)?;
    let actor = signed_in.actor;
    let done = web.edit(actor, &form, move |tx| {
        imports::one_of(tx, id, import)?;
        deed(tx, &actor, import)
    });
    answer(&web, &signed_in, id, done.await, form_name, Some(import), &form).await
}

/// The two ids of a path.
pub fn ids<A: FromStr, B: FromStr>((first, second): &(String, String)) -> Result<(A, B), WebError> {
    let not_found = WebError::NotFound;
    first.parse().ok().zip(second.parse().ok()).ok_or(not_found)
}

fn path_of(id: ScheduleId) -> String {
    format!("/schedules/{id}/calendars")
}

fn basics(form: &Fields) -> Basics {
    Basics {
        name: form.text("name").to_owned(),
        url: form.optional("url").map(str::to_owned),
        zone: form.text("zone").to_owned(),
    }
}

fn used_as(word: &str) -> Result<Use, Refusal> {
    match word {
        "layer" => Ok(Use::Layer),
        "cover" => Ok(Use::Cover),
        _ => Err(Refusal::invalid("unknown", "as", "Choose one that is on the list.")),
    }
}

async fn answer(
    web: &Arc<Web>,
    signed_in: &SignedIn,
    id: ScheduleId,
    done: Result<(), WebError>,
    form_name: &'static str,
    import: Option<ImportId>,
    form: &FormBody,
) -> Result<Response, WebError> {
    match refused(done)? {
        Ok(()) => Ok(to(path_of(id))),
        Err(refusal) => {
            let form = Some(Form::refused(form_name, &form.0.0, refusal));
            show(web, signed_in, id, Refused { form, import }).await
        }
    }
}

async fn show(web: &Arc<Web>, signed_in: &SignedIn, id: ScheduleId, refused: Refused) -> Result<Response, WebError> {
    let desk = Desk { web, signed_in, section: "/schedules" };
    let status = refused.form.as_ref().map_or(StatusCode::OK, Form::status);
    let base_url = web.settings.base_url.clone().unwrap_or_default();
    let page = desk.look(move |sight, shell| shown(sight, shell, id, &refused, &base_url)).await?;
    drawn(status, &page)
}

fn shown(sight: &Sight<'_>, shell: Shell, id: ScheduleId, refused: &Refused, base_url: &str) -> Result<Page, AppError> {
    let schedule = schedules::one(sight.read, id)?;
    let base = path_of(id);
    // A link opens the calendar without an account, so only those who may make one see it.
    let links = if shell.may_configure() { links(sight, FeedOf::Schedule(id), &base, base_url)? } else { vec![] };
    let reader = &sight.reader.there(&schedule.zone);
    let mut unmatched = imports::unmatched(sight.read, id, reader.now)?;
    let mut cards = Vec::new();
    for (place, import) in imports::of_schedule(sight.read, id)?.iter().enumerate() {
        let ours = refused.form.as_ref().filter(|_| refused.import == Some(import.id));
        let as_it_is = Form::blank("edit").with("name", &import.name).with("zone", &import.zone);
        let as_it_is = as_it_is.of_version(import.id, import.version, &base);
        let form = Form::chosen(&ours.cloned(), as_it_is, &[]).at_place(place);
        cards.push(Card {
            base: format!("{base}/imports/{}", import.id),
            is_refused: ours.is_some_and(|form| form.name == "button"),
            unreadable: imports::address(&sight.app.vault, import.id, &import.url)
                .err()
                .map_or_else(String::new, sealed::address_sentence),
            form,
            ..card(import, &schedule, unmatched.remove(&import.id).unwrap_or_default(), reader)
        });
    }
    let choices =
        [Choice::new("layer", "as the lowest layer"), Choice::new("cover", "as covers"), Choice::new("", "not yet")];
    let form = refused.form.clone();
    Ok(Page {
        schedule: format!("/schedules/{id}"),
        own: format!("/users/{}/calendars", sight.viewer.id),
        safe_mode: !sight.app.switches().sending,
        links,
        imports: cards,
        uses: choices.to_vec(),
        zones: zones(),
        feed_form: Form::chosen(&form, Form::blank("feed"), &[]),
        remove_form: Form::chosen(&form, Form::blank("button"), &[]),
        form: Form::chosen(&form, Form::blank("import").with("zone", &schedule.zone), &[]),
        zone: schedule.zone,
        name: schedule.name,
        base,
        shell,
    })
}

/// The open links of a feed's owner.
pub fn links(sight: &Sight<'_>, of: FeedOf, base: &str, base_url: &str) -> Result<Vec<LinkLine>, AppError> {
    let line = |link: feeds::Link| LinkLine {
        href: link.token.map(|token| format!("{}{}", base_url.trim_end_matches('/'), calendar::path(&token))),
        made: sight.reader.when(link.feed.created_at),
        author: link.feed.author.map(|user| sight.names.user(user).to_owned()).unwrap_or_default(),
        revoke: format!("{base}/feeds/{}/revoke", link.feed.id),
    };
    let links = feeds::links(sight.read, &sight.app.settings.link_key, of)?;
    Ok(links.into_iter().map(line).collect())
}

/// How many titles that match nobody are named.
const UNMATCHED_NAMED: usize = 5;

fn card(import: &Import, schedule: &Schedule, unmatched: BTreeSet<String>, reader: &Reader) -> Card {
    let state = match (&import.problem, &import.fetched) {
        (Some(_), _) => Pill { class: "bad", text: "cannot be read".to_owned() },
        (None, Some(_)) => Pill { class: "good", text: "up to date".to_owned() },
        (None, None) => Pill { class: "", text: "not read yet".to_owned() },
    };
    let (used, is_used) = match imports::used_as(schedule, import.id) {
        Some(Use::Layer) => ("used as a layer", true),
        Some(Use::Cover) => ("used as covers", true),
        None => ("not used", false),
    };
    let more = unmatched.len().saturating_sub(UNMATCHED_NAMED);
    let titled = |text: String| if text.is_empty() { "one without a title".to_owned() } else { text };
    let mut named: Vec<String> = unmatched.into_iter().take(UNMATCHED_NAMED).map(titled).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    Card {
        base: String::new(),
        name: import.name.clone(),
        address: import.shown_url.clone(),
        unreadable: String::new(),
        used,
        is_used,
        state,
        fetched: import.fetched.as_ref().map(|fetched| reader.when(fetched.at)),
        events: import.fetched.as_ref().map(|f| count(f.events as usize, "event")).unwrap_or_default(),
        problem: import
            .problem
            .as_ref()
            .map(|problem| Trouble { sentence: problem.sentence.clone(), since: reader.when(problem.since) }),
        unmatched: list(&named),
        form: Form::blank("edit"),
        is_refused: false,
    }
}
