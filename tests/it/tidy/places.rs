//! What has one place: the clock, randomness, the database's types, effects, routes, audit entries; and what has none.

use super::source::{is_word, line_of, occurrences};
use super::{REPOSITORY, Verdict, allow, hold, product};
use std::collections::BTreeSet;

struct OnePlace {
    what: &'static str,
    words: &'static [&'static str],
    /// Paths, or beginnings of paths.
    home: &'static [&'static str],
    instead: &'static str,
}

#[rustfmt::skip]
const PLACES: &[OnePlace] = &[
    OnePlace {
        what: "reading the clock",
        words: &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", "clock_gettime", ".elapsed()"],
        // A conversation with a mail server has one deadline over all its steps. It is the runtime's, decides nothing but
        // when to hang up, and is never kept; the product's time is another matter.
        home: &["src/clock.rs", "src/notify/smtp.rs"],
        instead: "ask `Clock::now`, or better take `now` as an argument",
    },
    OnePlace {
        what: "drawing randomness",
        words: &["getrandom::", "rand::", "OsRng", "RandomState", "thread_rng"],
        home: &["src/random.rs"],
        instead: "take bytes from `Random`, or jitter from `Given`",
    },
    OnePlace {
        what: "redb",
        words: &["redb::"],
        home: &["src/store/engine/redb.rs", "src/store/engine/redb/"],
        instead: "speak to an `Engine`; its types know no redb",
    },
    OnePlace {
        what: "bincode",
        words: &["bincode::"],
        home: &["src/store/codec.rs"],
        instead: "use `codec::encode` and `codec::decode`, which add version and checksum",
    },
    OnePlace {
        what: "writing rows",
        words: &[".raw_set(", ".raw_remove("],
        home: &["src/store/record.rs"],
        instead: "write the record with `put`: its index rows follow",
    },
    OnePlace {
        what: "opening a connection to somewhere else",
        words: &["Client::builder", "Client::new", "ClientBuilder", "TcpStream::connect", "UdpSocket::", "hickory_resolver::"],
        home: &["src/egress.rs"],
        instead: "ask `Egress`: it resolves names, checks addresses and certificates, and knows every limit",
    },
    OnePlace {
        what: "an `Effect`",
        words: &["Effect::"],
        home: &["src/domain/", "src/app/apply.rs"],
        instead: "decisions in `domain` make them; hand the transition to `apply`, which alone carries them out",
    },
    OnePlace {
        what: "a route",
        words: &[".route(", ".nest(", ".route_service(", ".nest_service("],
        home: &["src/web/routes.rs"],
        instead: "add a row to the table of routes: the guard stands before nothing else",
    },
    OnePlace {
        what: "an audit entry",
        words: &["= AuditEntry {", "(&AuditEntry {", "(&AuditChain {"],
        home: &["src/app/audit.rs"],
        instead: "call `change::audit` in the transaction of the change",
    },
];

fn one_place_each(path: &str, text: &str) -> Verdict {
    let code = product(path, text)?;
    let mut found = Vec::new();
    for place in PLACES.iter().filter(|place| !place.home.iter().any(|home| path.starts_with(home))) {
        for words in place.words {
            for at in occurrences(&code, words) {
                // The end of a longer path is not the crate of that name.
                if words.ends_with("::") && code[..at].ends_with(':') {
                    continue;
                }
                let advice = format!("{} belongs to {}: {}", place.what, place.home[0], place.instead);
                found.push((line_of(&code, at), advice));
            }
        }
    }
    Some(found)
}

#[test]
fn what_has_one_place_is_nowhere_else() {
    for place in PLACES {
        for home in place.home {
            let used = |(path, text): &(String, String)| {
                path.starts_with(home)
                    && product(path, text).is_some_and(|code| place.words.iter().any(|w| code.contains(w)))
            };
            assert!(home.ends_with('/') || REPOSITORY.iter().any(used), "{} is not in {home} any more", place.what);
        }
    }
    allow(
        one_place_each,
        &[
            ("src/store/mod.rs", "use engine::redb::RedbEngine;\n// bincode::encode"),
            ("src/web/a.rs", "fn a() {}\n#[cfg(test)]\nfn b() { Instant::now(); }"),
        ],
    );
    hold(
        one_place_each,
        &[
            ("src/app/a.rs", "let now = std::time::Instant::now();"),
            ("src/web/a.rs", "let now = jiff::Timestamp::now();"),
            ("src/web/a.rs", "use getrandom::fill;"),
            ("src/store/a.rs", "use redb::Database;"),
            ("src/app/a.rs", "bincode::encode()"),
            ("src/store/tx.rs", "rows.raw_set(table, key, value)"),
            ("src/notify/a.rs", "reqwest::Client::builder()"),
            ("src/notify/a.rs", "tokio::net::TcpStream::connect(address)"),
            ("src/app/incidents.rs", "match effect { Effect::Notify(new) => {} }"),
            ("src/web/server.rs", "Router::new().route(path, handler)"),
            ("src/app/users.rs", "tx.put(&AuditEntry { id })"),
        ],
    );
}

/// Shared by edits of two files, which audit what they do with them.
const PARTS_OF_EDITS: [(&str, &str); 2] = [("users", "build"), ("users", "save")];

/// Use cases that edit the configuration write the audit entry in the same transaction, themselves or through a
/// function of their own file.
fn audited_edits(path: &str, text: &str) -> Verdict {
    #[rustfmt::skip]
    const EDITORS: [&str; 15] =
        ["alert_sources", "feeds", "heartbeats", "imports", "invitations", "maintenance", "policies", "preferences", "schedules", "setup", "teams", "tokens", "users", "users/contacts", "users/rules"];
    let name = path.strip_prefix("src/app/")?.strip_suffix(".rs")?;
    let code = product(path, text).filter(|_| EDITORS.contains(&name))?;
    let functions = functions(&code);
    let mut auditing: BTreeSet<&str> = BTreeSet::new();
    loop {
        let known = auditing.len();
        for function in &functions {
            let calls = |other: &&str| !occurrences(function.body, &format!("{other}(")).is_empty();
            if function.body.contains("audit(") || function.body.contains("audit_change(") || auditing.iter().any(calls)
            {
                auditing.insert(function.name);
            }
        }
        if auditing.len() == known {
            break;
        }
    }
    let is_part = |function: &Function| PARTS_OF_EDITS.contains(&(name, function.name));
    let silent = functions.iter().filter(|function| !is_part(function)).filter(|function| {
        function.is_public && function.body.contains("&mut Write<") && !auditing.contains(function.name)
    });
    let advice = |name| format!("{name} edits without a trace: call `change::audit` in the same transaction");
    Some(silent.map(|function| (function.line, advice(function.name))).collect())
}

struct Function<'a> {
    name: &'a str,
    is_public: bool,
    line: usize,
    /// With the signature, without the name.
    body: &'a str,
}

/// Those that begin at the first column, where rustfmt also ends them.
fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    for start in ["\nfn ", "\npub fn "] {
        for (at, _) in code.match_indices(start) {
            let item = &code[at + start.len()..];
            let end = item.find("\n}").unwrap_or(item.len());
            let name = &item[..item.find(|c| !is_word(c)).unwrap_or(0)];
            let body = &item[name.len()..end];
            found.push(Function { name, is_public: start.contains("pub"), line: line_of(code, at + 1), body });
        }
    }
    found
}

#[test]
fn every_edit_of_the_configuration_is_audited() {
    let through = "\npub fn create(tx: &mut Write<'_>) {\n    save(tx)\n}\n\nfn save(tx: &mut Write<'_>) {\n    change::audit(tx)\n}\n";
    allow(audited_edits, &[("src/app/teams.rs", through)]);
    hold(audited_edits, &[("src/app/teams.rs", "\npub fn create(tx: &mut Write<'_>) {\n    tx.put(&team)\n}\n")]);
}

/// Whatever lives as long as the process and can change is a truth that tests cannot reset and restarts lose.
/// The one exception is the planted fault that a process is asked for: it is read once, and compiled out of what is handed out.
fn no_global_state(path: &str, text: &str) -> Verdict {
    let code = product(path, text).filter(|_| path != "src/planted.rs")?;
    let changeable = ["Atomic", "Lazy", "Mutex", "Once", "RwLock", "RefCell"];
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let is_static = line.contains("static mut ")
            || occurrences(line, "static ").iter().any(|at| !line[..*at].ends_with('\''))
                && changeable.iter().any(|word| line.contains(word));
        if is_static || line.contains("thread_local!") {
            found.push((number + 1, "no global state: make it a field of `App`, `Web` or `Shop`".to_owned()));
        }
    }
    Some(found)
}

#[test]
fn nothing_global_can_change() {
    allow(
        no_global_state,
        &[("src/a.rs", "fn a(b: &'static Mutex<u8>) {}\nstatic EMPTY: BTreeMap<u8, u8> = BTreeMap::new();")],
    );
    hold(
        no_global_state,
        &[
            ("src/a.rs", "static mut COUNT: u8 = 0;"),
            ("src/a.rs", "pub static CACHE: OnceLock<u8> = OnceLock::new();"),
            ("src/a.rs", "thread_local! { }"),
        ],
    );
}
