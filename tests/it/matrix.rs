//! Who may call what: everyone who may knock, at every row of the route table, about objects that exist, are missing, are
//! somebody else's or are switched off.
//!
//! What a cell should be follows from the row's access alone, never from the handler. A denied cell has its status, leaves
//! the state as it was to the byte, shows nothing of the object, and is in the audit log if the caller is known. An allowed
//! cell really succeeds, and a write really changes something: a server that denies all would pass otherwise. The whole
//! matrix is `schema/access.txt`, so a changed permission is a changed line; UPDATE_GOLDEN=1 rewrites it.

pub mod bodies;

use crate::house::{Answer, House, KEY, OFF_KEY, OLD_KEY, basic, cookie, existing, session_of, token_of};
use axum::body::Body;
use axum::http::{Method, Request, header};
use bodies::{BODIES, EXCEPTIONS, NOT_BY_TOKEN};
use pagerpal::app::audit;
use pagerpal::domain::access::Role;
use pagerpal::store::Take;
use pagerpal::web::routes::{self, Access, RouteSpec};
use std::fmt::Write as _;
use std::sync::Arc;

/// Everyone who may knock: short name for the golden file, how they come, as whom.
struct Caller {
    short: &'static str,
    comes: Comes,
    who: &'static str,
    /// The most this credential can be: `None` opens nothing.
    role: Option<Role>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comes {
    Bare,
    Session,
    /// With the cookie alone, without the second sign.
    SessionWithoutToken,
    Basic,
    Bearer,
    Key(&'static str),
    /// The token of a message, calendar or job, or of the provider's callbacks: wherever a credential can stand.
    Stray(&'static str),
}

const fn caller(short: &'static str, comes: Comes, who: &'static str, role: Option<Role>) -> Caller {
    Caller { short, comes, who, role }
}

#[rustfmt::skip]
const CALLERS: &[Caller] = &[
    caller("nobody", Comes::Bare, "admin", None),
    caller("s-unknown", Comes::Session, "somebody unknown", None),
    caller("s-expired", Comes::Session, "expired", None),
    caller("s-ended", Comes::Session, "ended", None),
    caller("s-gone", Comes::Session, "gone", None),
    caller("s-mute", Comes::Session, "mute", None),
    caller("s-viewer", Comes::Session, "viewer", Some(Role::Viewer)),
    caller("s-respond", Comes::Session, "responder", Some(Role::Responder)),
    caller("s-admin", Comes::Session, "admin", Some(Role::Admin)),
    caller("no-csrf", Comes::SessionWithoutToken, "admin", Some(Role::Admin)),
    caller("b-gone", Comes::Basic, "gone", None),
    caller("b-mute", Comes::Basic, "mute", None),
    caller("b-viewer", Comes::Basic, "viewer", Some(Role::Viewer)),
    caller("b-respond", Comes::Basic, "responder", Some(Role::Responder)),
    caller("b-admin", Comes::Basic, "admin", Some(Role::Admin)),
    caller("t-unknown", Comes::Bearer, "somebody unknown", None),
    caller("t-viewer", Comes::Bearer, "viewer", Some(Role::Viewer)),
    caller("t-respond", Comes::Bearer, "responder", Some(Role::Responder)),
    caller("t-admin", Comes::Bearer, "admin", Some(Role::Admin)),
    caller("t-capped", Comes::Bearer, "capped", Some(Role::Viewer)),
    caller("key", Comes::Key(KEY), "admin", None),
    caller("key-off", Comes::Key(OFF_KEY), "admin", None),
    caller("key-old", Comes::Key(OLD_KEY), "admin", None),
    caller("link", Comes::Stray("link"), "admin", None),
    caller("callback", Comes::Stray("callback"), "admin", None),
    caller("feed", Comes::Stray("feed_token"), "admin", None),
    caller("ping", Comes::Stray("ping"), "admin", None),
    caller("invite", Comes::Stray("invitation"), "admin", None),
];

/// What a row's access makes of a caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Passes,
    /// No credential of this surface: 401, or 303 to the sign-in page.
    Unknown,
    Forbidden,
    Absent,
}

fn expected(access: Access, row: &RouteSpec, caller: &Caller) -> Verdict {
    let least = match access {
        Access::Public => return Verdict::Passes,
        Access::Setup => return Verdict::Absent,
        // The token stands in the path, whoever else one is.
        Access::Link | Access::Ping => {
            let opens = existing(row)
                .split('/')
                .any(|part| caller.comes == Comes::Stray(part.trim_matches(['{', '}']).into_static()));
            return if opens { Verdict::Passes } else { Verdict::Absent };
        }
        Access::SourceKey => {
            return match caller.comes {
                Comes::Key(KEY) => Verdict::Passes,
                Comes::Key(OFF_KEY) => Verdict::Forbidden,
                _ => Verdict::Unknown,
            };
        }
        Access::Viewer | Access::SelfOnly => Role::Viewer,
        Access::Responder => Role::Responder,
        Access::Admin => Role::Admin,
    };
    let is_api = row.path.starts_with("/api/");
    let counts = match caller.comes {
        Comes::Session | Comes::SessionWithoutToken => true,
        Comes::Basic | Comes::Bearer => is_api,
        _ => false,
    };
    match caller.role.filter(|_| counts) {
        None => Verdict::Unknown,
        Some(role) if role < least => Verdict::Forbidden,
        Some(_) if caller.comes == Comes::SessionWithoutToken && changes(row) => Verdict::Forbidden,
        Some(_) if caller.comes == Comes::Bearer && NOT_BY_TOKEN.contains(&&*name_of(row)) => Verdict::Forbidden,
        Some(_) => Verdict::Passes,
    }
}

trait IntoStatic {
    fn into_static(self) -> &'static str;
}

impl IntoStatic for &str {
    /// The name of a stray token, if it is one.
    fn into_static(self) -> &'static str {
        ["link", "callback", "feed_token", "ping", "invitation"].into_iter().find(|name| *name == self).unwrap_or("")
    }
}

fn changes(row: &RouteSpec) -> bool {
    row.method != Method::GET
}

fn is(verdict: Verdict, answer: &Answer) -> bool {
    match verdict {
        Verdict::Passes => answer.status.as_u16() < 400 && !answer.asks_to_sign_in(),
        Verdict::Unknown => answer.status == 401 || answer.asks_to_sign_in(),
        Verdict::Forbidden => answer.status == 403,
        Verdict::Absent => answer.status == 404,
    }
}

/// Which objects the path names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Object {
    Exists,
    Missing,
    Others,
    SwitchedOff,
}

fn name_of(row: &RouteSpec) -> String {
    format!("{} {}", row.method, row.path)
}

fn path_for(house: &House, row: &RouteSpec, caller: &Caller, object: Object) -> Option<String> {
    let named =
        BODIES.iter().find(|(name, ..)| *name == name_of(row)).map(|(_, path, _)| *path).filter(|p| !p.is_empty());
    let pattern = named.map_or_else(|| existing(row), str::to_owned);
    let owner = if ["viewer", "responder"].contains(&caller.who) { caller.who } else { "admin" };
    let has_token = matches!(row.access, Access::Link | Access::Ping);
    let pattern = match object {
        Object::Exists => pattern,
        // A number that nothing has, under the prefix of its kind.
        Object::Missing => {
            let is_object = |part: &&str| part.starts_with('{') && !has_token && row.access != Access::SourceKey;
            if !pattern.split('/').any(|part| is_object(&part)) {
                return None;
            }
            let missing = |part: &str| {
                let id = house.fill_as(owner, part);
                id.split_once('_').map_or_else(|| "999999".to_owned(), |(kind, _)| format!("{kind}_zzzzz"))
            };
            let parts = pattern.split('/').map(|part| if is_object(&part) { missing(part) } else { part.to_owned() });
            parts.collect::<Vec<_>>().join("/")
        }
        Object::Others if row.access == Access::SelfOnly && pattern.contains("{me}") => pattern
            .replace("{me}", "{mute}")
            .replace("{my_contact}", "{admin_contact}")
            .replace("{my_feed}", "{admin_feed}"),
        Object::SwitchedOff if row.access != Access::SelfOnly && pattern.contains("{responder}") => {
            pattern.replace("{responder}", "{gone}")
        }
        Object::SwitchedOff if pattern.contains("{source}") => pattern.replace("{source}", "{off_source}"),
        Object::Others | Object::SwitchedOff => return None,
    };
    let pattern = match caller.comes {
        _ if !has_token => pattern,
        Comes::Stray(token) => {
            let is_token =
                |part: &str| ["{link}", "{callback}", "{feed_token}", "{ping}", "{invitation}"].contains(&part);
            let parts =
                pattern.split('/').map(|part| if is_token(part) { format!("{{{token}}}") } else { part.to_owned() });
            parts.collect::<Vec<_>>().join("/")
        }
        _ => ["{link}", "{callback}", "{feed_token}", "{ping}", "{invitation}"]
            .iter()
            .fold(pattern, |p, t| p.replace(t, "madeup")),
    };
    Some(house.fill_as(owner, &pattern))
}

/// What an admin sends to a row about things that exist: address and body.
pub fn example(house: &House, row: &RouteSpec) -> (String, String) {
    let admin = CALLERS.iter().find(|caller| caller.short == "b-admin").expect("he is on the list");
    let sent = BODIES.iter().find(|(name, ..)| *name == name_of(row)).map_or("", |(.., body)| body);
    let path = path_for(house, row, admin, Object::Exists).expect("every row has an object");
    (path, house.fill_as("admin", sent))
}

async fn knock(house: &House, row: &RouteSpec, caller: &Caller, path: &str) -> Answer {
    let mut request = Request::builder().method(row.method.clone()).uri(path);
    let token = session_of(caller.who);
    let mut csrf = String::new();
    request = match caller.comes {
        Comes::Bare => request,
        Comes::Session => {
            csrf = token.csrf();
            request.header(header::COOKIE, cookie(&token)).header("x-csrf-token", token.csrf())
        }
        Comes::SessionWithoutToken => request.header(header::COOKIE, cookie(&token)),
        Comes::Basic => request.header(header::AUTHORIZATION, basic(caller.who)),
        Comes::Bearer => request.header(header::AUTHORIZATION, format!("Bearer {}", token_of(caller.who))),
        Comes::Key(key) => request.header("x-api-key", key),
        Comes::Stray(name) => {
            let stray = &house.ids[name];
            request
                .header("x-api-key", stray)
                .header(header::AUTHORIZATION, format!("Bearer {stray}"))
                .header(header::COOKIE, format!("__Host-pagerpal={stray}"))
        }
    };
    let owner = if ["viewer", "responder"].contains(&caller.who) { caller.who } else { "admin" };
    let sent = BODIES.iter().find(|(name, ..)| *name == name_of(row)).map_or("", |(.., body)| body);
    let sent = house.fill_as(owner, sent);
    let is_form = changes(row) && !row.path.starts_with("/api/");
    let body = if is_form { format!("csrf={csrf}&{sent}") } else { sent };
    if row.path.starts_with("/api/") {
        request = request.header(header::CONTENT_TYPE, "application/json").header("if-match", "*");
    }
    house.send(request.body(Body::from(body)).expect("a request")).await
}

/// Text of every object in the house; what is denied shows none of it.
const MARKER: &str = "zebra";

fn marked(word: &str) -> String {
    format!("{word} {MARKER}")
}

/// What is wrong with a row, and its statuses for the golden file.
struct Looked {
    wrong: Vec<String>,
    statuses: Vec<u16>,
}

async fn look(house: &House, row: &RouteSpec, expect: Access, all: bool) -> Looked {
    let (full, before) = (house.shelf.state(), house.state_hash());
    let mut looked = Looked { wrong: vec![], statuses: vec![] };
    let exception = EXCEPTIONS.iter().find(|(name, ..)| *name == name_of(row));
    let mut noted = std::collections::BTreeSet::new();
    for caller in CALLERS {
        let verdict = expected(expect, row, caller);
        for object in [Object::Exists, Object::Missing, Object::Others, Object::SwitchedOff] {
            let Some(path) = path_for(house, row, caller, object) else { continue };
            let answer = knock(house, row, caller, &path).await;
            let changed = house.state_hash() != before;
            let denials = house.app().read(|read| audit::entries(read, Take::last(1))).expect("read").items;
            house.shelf.put_back(&full);
            let at = format!("{} {} ({object:?}): {}", name_of(row), caller.short, answer.status);
            let mut wrong = |what: &str| looked.wrong.push(format!("{at}, {what}"));
            if object == Object::Exists {
                looked.statuses.push(answer.status.as_u16());
            }
            if verdict != Verdict::Passes {
                if !is(verdict, &answer) {
                    wrong(&format!("should be {verdict:?}"));
                }
                if changed {
                    wrong("changed something");
                }
                // Whoever has a source's key is told which source is switched off.
                if answer.body.contains(MARKER) && caller.comes != Comes::Key(OFF_KEY) {
                    wrong("shows something of the object");
                }
                // Each door is noted once for each caller.
                let by_role = verdict == Verdict::Forbidden
                    && caller.comes != Comes::SessionWithoutToken
                    && !NOT_BY_TOKEN.contains(&&*name_of(row));
                if by_role && noted.insert((caller.who.replace("capped", "admin"), path.clone())) {
                    let last = denials.last();
                    if all && last.is_none_or(|entry| entry.action != "access.denied" || entry.actor.address.is_none())
                    {
                        wrong("is not in the audit log");
                    }
                }
                continue;
            }
            match (object, exception) {
                (_, Some((_, status, _))) if answer.status == *status => {}
                (Object::Exists, _) if !is(Verdict::Passes, &answer) => {
                    wrong(&format!(
                        "should succeed: {}",
                        answer.body.lines().filter(|l| l.contains("problem") || l.starts_with('{')).collect::<String>()
                    ));
                }
                (Object::Exists, _) if changes(row) && !changed => wrong("succeeded and changed nothing"),
                (Object::Missing, _) if answer.status.as_u16() < 400 => {
                    wrong("found what is not there");
                }
                (Object::Others, _)
                    if caller.role != Some(Role::Admin) && (answer.status.as_u16() < 400 || changed) =>
                {
                    wrong("is somebody else's");
                }
                (Object::Missing, _) if changed => wrong("changed something"),
                _ => {}
            }
            // A job's ping counts whichever way it comes, for tools that know one method alone.
            if !changes(row) && changed && row.access != Access::Ping {
                wrong("changed something by looking");
            }
        }
    }
    looked
}

#[tokio::test]
async fn every_row_lets_in_whom_its_access_says_and_nobody_else() {
    let mut house = House::new(marked);
    let (mut wrong, mut golden) = (Vec::new(), header_line());
    let mut rows = routes::table();
    rows.sort_by_key(|row| (row.path, row.method.to_string()));
    for row in &rows {
        if changes(row) && !BODIES.iter().any(|(name, ..)| *name == name_of(row)) {
            wrong.push(format!("{}: say in tests/it/matrix/bodies.rs what to send", name_of(row)));
            continue;
        }
        house.restart();
        let looked = look(&house, row, row.access, true).await;
        wrong.extend(looked.wrong);
        let _ = write!(golden, "{:<6} {:<62} {:<9}", row.method.as_str(), row.path, format!("{:?}", row.access));
        for status in looked.statuses {
            let _ = write!(golden, " {status}");
        }
        golden.push('\n');
    }
    for (name, ..) in BODIES {
        if !rows.iter().any(|row| name_of(row) == *name) {
            wrong.push(format!("{name} is in tests/it/matrix/bodies.rs, and is no row"));
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    compare(&golden);
}

fn header_line() -> String {
    let callers: Vec<&str> = CALLERS.iter().map(|caller| caller.short).collect();
    format!(
        "Each row's access, and the status of each caller about things that exist, in this order:\n{}\n\n",
        callers.join(" ")
    )
}

fn compare(golden: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/access.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, golden).expect("schema/ can be written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    let changed: Vec<&str> = golden.lines().filter(|line| !published.lines().any(|other| other == *line)).collect();
    assert!(
        published == golden,
        "schema/access.txt says who is answered what, so that a changed permission is a changed line. Run this test with \
         UPDATE_GOLDEN=1 and look at the difference:\n{}",
        changed.join("\n")
    );
}

/// The same doors with nothing behind them: a use case asks for the role itself, and would hide that its row does not.
fn doors() -> Vec<RouteSpec> {
    let door = |row: RouteSpec| {
        let inside = || async { "inside" };
        match row.method {
            Method::GET => RouteSpec::get(row.path, row.access, inside),
            Method::POST => RouteSpec::post(row.path, row.access, inside),
            Method::DELETE => RouteSpec::delete(row.path, row.access, inside),
            _ => RouteSpec::put(row.path, row.access, inside),
        }
    };
    routes::table().into_iter().map(door).collect()
}

#[tokio::test]
async fn a_row_that_is_weakened_fails_the_matrix() {
    let mut house = House::new(marked);
    for (index, row) in doors().iter().enumerate() {
        let weaker: &[Access] = match row.access {
            Access::Admin => &[Access::Responder, Access::Viewer, Access::SelfOnly, Access::Public],
            Access::Responder => &[Access::Viewer, Access::Public],
            Access::Viewer | Access::SelfOnly | Access::SourceKey | Access::Setup => &[Access::Public],
            Access::Public | Access::Link | Access::Ping => &[],
        };
        for access in weaker {
            house.restart();
            let mut table = doors();
            table[index].access = *access;
            house.router = routes::router_of(Arc::clone(&house.web), table);
            let denied = denied_that_pass(&house, row).await;
            assert!(denied > 0, "{} as {access:?} was not found", name_of(row));
        }
    }
}

/// Callers whom the row denies and who get in all the same.
async fn denied_that_pass(house: &House, row: &RouteSpec) -> usize {
    let full = house.shelf.state();
    for caller in CALLERS {
        let verdict = expected(row.access, row, caller);
        if verdict == Verdict::Passes {
            continue;
        }
        let path = path_for(house, row, caller, Object::Exists).expect("every row has an object");
        let answer = knock(house, row, caller, &path).await;
        house.shelf.put_back(&full);
        if !is(verdict, &answer) {
            return 1;
        }
    }
    0
}

#[tokio::test]
async fn looking_changes_nothing_not_even_by_head() {
    let mut house = House::new(marked);
    let before = house.state_hash();
    for row in routes::table().iter().filter(|row| row.method == Method::GET) {
        // A job's ping counts whichever way it comes.
        if row.access == Access::Ping {
            continue;
        }
        house.restart();
        let path = house.fill_as("admin", &existing(row));
        for method in [Method::GET, Method::HEAD] {
            let request = Request::builder()
                .method(method.clone())
                .uri(&path)
                .header(header::COOKIE, cookie(&session_of("admin")));
            let answer = house.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(house.state_hash(), before, "{method} {path}: {}", answer.status);
            assert!(method == Method::GET || answer.body.is_empty(), "HEAD {path} has a body");
        }
    }
}
