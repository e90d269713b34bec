//! Which part of `src/` may use which, and that the pure ones are pure.

use super::source::{line_of, occurrences, paths};
use super::{Verdict, allow, hold, part_of, product};

struct Part {
    name: &'static str,
    /// Other parts of `src/`.
    may_use: &'static [&'static str],
    crates: Crates,
    /// What to do instead of drawing another arrow.
    instead: &'static str,
}

enum Crates {
    Only(&'static [&'static str]),
    Not(&'static [&'static str]),
}

const FILE: &str = "a single file of src/ may use the values of `domain` and nothing else of ours; what needs more is a use \
    case in `app` or belongs to `cli`, which puts the parts together";
const NOTHING_SPECIAL: Crates = Crates::Not(&[]);

/// Who may use whom. `cli`, `lib.rs` and `main.rs` put the parts together and may use everything.
#[rustfmt::skip]
const PARTS: &[Part] = &[
    Part {
        name: "domain",
        may_use: &[],
        crates: Crates::Only(&["croner", "jiff", "serde"]),
        instead: "`domain` decides and touches nothing: take what is missing as an argument, and let app/context.rs load it",
    },
    Part {
        name: "ingest",
        may_use: &["domain", "hex"],
        crates: Crates::Only(&["base64", "form_urlencoded", "jiff", "ring", "rustls", "serde", "serde_json", "webpki", "x509_parser"]),
        instead: "`ingest` turns bytes into domain values: take what is missing in its `Request`, or let web/webhooks.rs do it",
    },
    Part {
        name: "exchange",
        may_use: &["domain"],
        crates: Crates::Only(&["jiff", "schemars", "serde", "serde_json", "serde_path_to_error"]),
        instead: "`exchange` turns foreign documents into domain values and back: take what is missing as an argument",
    },
    Part {
        name: "store",
        may_use: &["domain", "clock", "hex", "random"],
        crates: Crates::Only(&["bincode", "crc32fast", "flate2", "redb", "ring", "serde", "serde_json", "thiserror", "tracing"]),
        instead: "`store` keeps and decides nothing: ask the record, or let `app` decide and pass plain values down",
    },
    Part {
        name: "app",
        may_use: &["age", "domain", "exchange", "store", "clock", "hex", "random", "secret", "vault"],
        crates: Crates::Only(&["argon2", "jiff", "ring", "serde", "thiserror"]),
        instead: "`app` knows neither requests nor providers: take plain values, and let `web`, `worker` or `cli` call the use case",
    },
    Part {
        name: "notify",
        may_use: &["domain", "egress", "secret"],
        crates: Crates::Not(&["axum", "croner"]),
        instead: "`notify` gets a message as values: let worker/deliveries.rs load what it says, through `app`",
    },
    Part {
        name: "oidc",
        may_use: &["domain", "egress", "secret"],
        crates: Crates::Not(&["axum", "croner", "lettre"]),
        instead: "`oidc` speaks with a provider and decides nothing: let web/oidc.rs ask a use case in `app`",
    },
    Part {
        name: "worker",
        may_use: &["app", "notify", "domain", "exchange", "bridge", "egress"],
        crates: Crates::Not(&["axum", "lettre", "reqwest", "rinja"]),
        instead: "`worker` makes time pass: reach records through a use case in `app`, the wire through `notify`",
    },
    Part {
        name: "web",
        may_use: &["app", "domain", "exchange", "ingest", "bridge", "egress", "hex", "oidc", "secret", "vault"],
        crates: Crates::Not(&["croner", "lettre", "reqwest"]),
        instead: "`web` lets people and machines in: reach records through a use case in `app` (which re-exports `Read` and \
                  `Write`); sending is `worker`'s, and settings come as `WebSettings`",
    },
    Part {
        name: "config",
        may_use: &["age", "hex", "secret", "telemetry"],
        crates: Crates::Not(&["axum", "reqwest", "tokio"]),
        instead: "`config` reads settings and knows nobody who needs them: let cli/serve.rs translate",
    },
    Part {
        name: "age",
        may_use: &["secret"],
        crates: Crates::Only(&["base64", "bech32", "chacha20poly1305", "curve25519_dalek", "ring", "thiserror"]),
        instead: FILE,
    },
    Part { name: "bridge", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "clock", may_use: &["domain"], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "egress", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "hex", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "planted", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "random", may_use: &["domain"], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "redact", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "secret", may_use: &[], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "telemetry", may_use: &["redact"], crates: NOTHING_SPECIAL, instead: FILE },
    Part { name: "vault", may_use: &["domain"], crates: Crates::Only(&["chacha20poly1305", "ring", "thiserror"]), instead: FILE },
];

fn arrows(path: &str, text: &str) -> Verdict {
    let code = product(path, text)?;
    let name = part_of(path);
    if matches!(name, "cli" | "lib" | "main") {
        return None;
    }
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        let advice =
            "this part of src/ has no row in PARTS: say there what it may use, and in ARCHITECTURE.md why it exists";
        return Some(vec![(1, advice.to_owned())]);
    };
    let mut found = Vec::new();
    for (at, used) in paths(&code, "crate") {
        // Faults are planted where they hurt; without their feature there is nothing behind this.
        if used != name && used != "planted" && !part.may_use.contains(&used) {
            found.push((line_of(&code, at), format!("{name} -> {used} is no arrow: {}", part.instead)));
        }
    }
    for at in supers_that_leave(path, &code) {
        found.push((
            line_of(&code, at),
            "write `crate::` for what lies outside of the folder, so that arrows show".into(),
        ));
    }
    for used in dependencies() {
        let allowed = match part.crates {
            Crates::Only(crates) => crates.contains(&used.as_str()),
            Crates::Not(crates) => !crates.contains(&used.as_str()),
        };
        for (at, _) in paths(&code, &used).into_iter().filter(|_| !allowed) {
            found.push((line_of(&code, at), format!("{name} does without {used}: {}", part.instead)));
        }
    }
    Some(found)
}

/// As many `super::` as the module is deep lead to the root of the crate.
fn supers_that_leave(path: &str, code: &str) -> Vec<usize> {
    let is_folder = path.ends_with("/mod.rs");
    let depth = path.matches('/').count() - usize::from(is_folder);
    occurrences(code, &"super::".repeat(depth))
}

/// The names under which Cargo.toml makes other crates known to us.
fn dependencies() -> Vec<String> {
    let manifest = include_str!("../../../Cargo.toml");
    let listed = manifest.split("[dependencies]\n").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap_or("");
    let names = listed.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" ="));
    names.map(|(name, _)| name.replace('-', "_")).collect()
}

#[test]
fn folders_use_only_what_the_arrows_allow() {
    assert!(dependencies().contains(&"rinja".to_owned()), "{:?}", dependencies());
    allow(
        arrows,
        &[
            ("src/domain/a.rs", "use crate::domain::id::UserId;\nuse super::time;\n// crate::store"),
            ("src/web/ui/a.rs", "use crate::app::{self, App};\nuse super::super::error;"),
            ("src/domain/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}"),
            ("src/cli/a.rs", "use crate::{store::Store, web::Web};"),
        ],
    );
    hold(
        arrows,
        &[
            ("src/domain/a.rs", "use crate::store::Tx;"),
            ("src/domain/a.rs", "fn a() { tracing::info!(1) }"),
            ("src/ingest/a.rs", "use crate::{domain::id, app};"),
            ("src/store/a.rs", "use tokio::sync::Mutex;"),
            ("src/app/a.rs", "fn a() { crate::web::routes::table(); }"),
            ("src/notify/a.rs", "use crate::app::App;"),
            ("src/worker/a.rs", "use crate::store::Tx;"),
            ("src/web/a.rs", "use crate::{\n    app::App,\n    notify::Provider,\n};"),
            ("src/web/ui/a.rs", "use super::super::super::store;"),
            ("src/config/mod.rs", "use super::app;"),
            ("src/clock.rs", "use crate::store::Tx;"),
            ("src/new_part.rs", "//! Something new."),
        ],
    );
}

/// `domain`, `ingest` and `exchange` answer the same to the same arguments, always.
fn purity(path: &str, text: &str) -> Verdict {
    let code = product(path, text).filter(|_| matches!(part_of(path), "domain" | "ingest" | "exchange"))?;
    let mut found = Vec::new();
    for (at, used) in paths(&code, "std") {
        let is_duration = code[at..].starts_with("time::Duration");
        if matches!(used, "env" | "fs" | "net" | "process" | "sync" | "thread" | "time") && !is_duration {
            let advice = format!("std::{used} asks or changes the world: take the answer as an argument");
            found.push((line_of(&code, at), advice));
        }
    }
    for unordered in ["HashMap", "HashSet"] {
        for at in occurrences(&code, unordered) {
            let advice = format!("{unordered} has another order in each process: use its BTree sibling");
            found.push((line_of(&code, at), advice));
        }
    }
    Some(found)
}

#[test]
fn domain_ingest_and_exchange_are_pure() {
    allow(
        purity,
        &[("src/ingest/a.rs", "use std::collections::BTreeMap;\nuse std::time::Duration;\nuse std::io::Write;")],
    );
    hold(
        purity,
        &[
            ("src/domain/a.rs", "use std::time::SystemTime;"),
            ("src/domain/a.rs", "use std::{fmt, fs};"),
            ("src/exchange/a.rs", "use std::fs;"),
            ("src/domain/a.rs", "static A: std::sync::Mutex<u8> = 1;"),
            ("src/ingest/a.rs", "use std::collections::HashMap;"),
            ("src/ingest/a.rs", "let a = std::collections::HashSet::new();"),
        ],
    );
}
