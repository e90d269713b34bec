//! What an operator hands over: the organisation as one document, and settings.

use super::{all_of, choice, chosen, samples};
use crate::{Target, root};
use pagerpal::config::keys::ROWS;
use pagerpal::config::sources::Sources;
use pagerpal::config::{self, Config, Invalid};
use pagerpal::exchange::document::{self, Document};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

pub const DOCUMENT: Target = Target {
    name: "document",
    ask: document,
    seeds: documents,
    words: &[
        "{\"pagerpal_export\":1}",
        "\"users\":[",
        "\"name\":\"a\"",
        "\"teams\"",
        "\"members\":[]",
        "\"schedules\"",
        "\"layers\"",
        "\"versions\"",
        "\"weeks\":1",
        "\"cron\":\"0 9 * * 1\"",
        "\"windows\":[",
        "\"days\":[\"mon\"]",
        "\"start\":\"09:00\"",
        "\"zone\":\"Europe/Berlin\"",
        "\"2026-11-24T09:00:00Z\"",
        "null",
        "true",
        "1e3",
        "[]",
        "{}",
        "\"maintenance\"",
        "\"again\"",
    ],
};

pub const CONFIG_FILES: Target = Target {
    name: "config_files",
    ask: config_file,
    seeds: || {
        let file = |place: usize, path: &str| {
            chosen(place, &fs::read(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}")))
        };
        let mut seeds = vec![file(0, ".env.example"), file(1, "packaging/pagerpal.toml")];
        seeds.push(chosen(
            0,
            b"# A\nexport SMTP_HOST='mail.example.org'\nSMTP_PORT=\"587\"\nINFOBIP_API_KEY=zq7Kx9zq7Kx9 # b\n",
        ));
        seeds.push(chosen(1, b"base_url = \"https://pager.example.org\"\n[smtp]\nhost = 'a'\nport = 25\n[infobip]\napi_key = \"zq7Kx9zq\"\n"));
        seeds
    },
    words: &[
        "SMTP_PORT=",
        "SECRET_KEY=",
        "_FILE",
        "=",
        "\n",
        "\"",
        "'",
        "\\",
        "#",
        "export ",
        "[smtp]",
        "[",
        "]]",
        "port = ",
        "true",
        "[\"a\", \"b\"]",
        "1979-05-27T07:32:00Z",
        "\"\"\"",
        "zq7Kx9",
        "${HOME}",
    ],
};

pub const SETTING: Target = Target {
    name: "setting",
    ask: setting,
    seeds: || {
        let values = [
            "true",
            "0",
            "25",
            "65536",
            "127.0.0.1:8000",
            "https://pager.example.org",
            "10.0.0.0/8, ::1",
            "15m",
            "off",
            "debug,redb=warn",
            "Pager <pager@example.org>",
            "mail.example.org",
            "tls",
            "/var/lib/pagerpal",
            "json",
            "zq7Kx9b5d2a7c1e9f0b3d6a8c2e4f7a1b5c9",
            "read openid",
            "admin=ops",
        ];
        let rows = (0..ROWS.len()).flat_map(|place| values.map(|value| chosen(place, value.as_bytes())));
        rows.collect()
    },
    words: &[",", ":", "/", "https://", "@", ".", "[::1]", "0", "s", "h", "=", " ", "99999999999999999999"],
};

fn documents() -> Vec<Vec<u8>> {
    let mut seeds = all_of(&["{\"pagerpal_export\": 1}"]);
    seeds.extend(samples("tools/fuzz/seeds/document", |_| true));
    seeds
}

fn document(data: &[u8]) -> bool {
    let read = match Document::read(data) {
        Ok(read) => read,
        Err(no) => {
            assert!(no.0.ends_with('.') && no.0.len() < 4096 + data.len() * 8, "one sentence: {}", no.0);
            return false;
        }
    };
    assert!(data.len() <= document::MOST_BYTES);
    let written = read.write();
    assert_eq!(Document::read(&written).as_ref(), Ok(&read), "it reads back");
    assert_eq!(document::differences(&read, &read), [""; 0], "and differs in nothing");
    // Versions of rotations are read when they are put to use; what comes of them is spelled in the same way again.
    for version in
        read.schedules.iter().flat_map(|schedule| &schedule.layers).flat_map(|layer| layer.rotation.iter().flatten())
    {
        if let Ok(rotation) = version.read() {
            let spelled = document::RotationVersion::of(&rotation, version.slots.clone());
            assert_eq!(spelled.read(), Ok(rotation));
        }
    }
    true
}

/// A secret in what was read begins so; it must not be repeated.
const SECRET: &str = "zq7Kx9";

fn config_file(data: &[u8]) -> bool {
    let (which, bytes) = choice(data, 2);
    let name = [".env", "pagerpal.toml"][which];
    let read_file =
        |path: &Path| if path == Path::new(name) { Ok(bytes.to_vec()) } else { Err(io::ErrorKind::NotFound.into()) };
    let load = || {
        config::load(&Sources {
            flags: BTreeMap::new(),
            env: BTreeMap::new(),
            config_file: None,
            read_file: &read_file,
        })
    };
    let read = load();
    assert_eq!(format!("{read:?}"), format!("{:?}", load()), "the same twice");
    check(&read);
    read.is_ok()
}

fn setting(data: &[u8]) -> bool {
    let (place, text) = choice(data, ROWS.len());
    let row = &ROWS[place];
    let text = String::from_utf8_lossy(text).replace('\0', "");
    // A secret is marked, so that it is known again.
    let text = if row.is_secret() { format!("{SECRET}{text}") } else { text };
    let env = BTreeMap::from([(row.name.to_owned(), text.clone())]);
    let read_file = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let read = config::load(&Sources { flags: BTreeMap::new(), env, config_file: None, read_file: &read_file });
    check(&read);
    if let Ok(config) = &read {
        let shown = config.settings.iter().find(|setting| setting.name == row.name).expect("every setting is shown");
        assert!(!shown.value.contains(SECRET) || !row.is_secret(), "a secret is shown");
        assert!(!format!("{config:?}").contains(SECRET) || !row.is_secret());
    }
    if let Err(invalid) = &read {
        assert!(!invalid.to_string().contains(SECRET) || !row.is_secret(), "a secret is repeated: {invalid}");
    }
    read.is_ok_and(|config| config.problems_degraded.is_empty() && !text.trim().is_empty())
}

fn check(read: &Result<Config, Invalid>) {
    let problems = match read {
        Ok(config) => {
            assert_eq!(config.settings.len(), ROWS.len(), "every setting is shown");
            config.problems_degraded.iter().chain(&config.warnings).collect()
        }
        Err(invalid) => {
            assert!(!invalid.problems.is_empty(), "why?");
            invalid.problems.iter().collect::<Vec<_>>()
        }
    };
    for problem in problems {
        assert!(!problem.place.is_empty() && !problem.sentence.is_empty(), "{problem:?}");
    }
}
