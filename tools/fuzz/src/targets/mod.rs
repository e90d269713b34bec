//! Every door that lets in bytes of strangers, of the operator, or of a disk.

pub(crate) mod calendars;
mod documents;
mod providers;
mod requests;
mod sns;
pub(crate) mod stored;
mod webhooks;
pub(crate) mod words;

use crate::{Target, files, root};

pub const TARGETS: &[Target] = &[
    webhooks::GENERIC,
    webhooks::ALERTMANAGER,
    webhooks::GRAFANA,
    webhooks::CLOUDWATCH,
    webhooks::UNKNOWN,
    sns::MESSAGE,
    sns::CERTIFICATE,
    stored::RECORDS,
    stored::KEYS,
    stored::BACKUP,
    stored::AGE,
    calendars::CALENDAR,
    calendars::RECURRENCE,
    calendars::FEED,
    documents::DOCUMENT,
    documents::CONFIG_FILES,
    documents::SETTING,
    words::PEOPLE,
    words::ROTATION,
    words::LINES,
    words::TEXTS,
    requests::HEADERS,
    requests::FORM,
    providers::INFOBIP,
    providers::ID_TOKEN,
];

/// The files of a folder of the repository that `wanted` says yes to.
fn samples(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let found = files(&root().join(folder)).into_iter().filter(|(name, _)| wanted(name));
    found.map(|(_, bytes)| bytes).collect()
}

fn all_of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A choice, taken off the front.
fn choice(data: &[u8], of: usize) -> (usize, &[u8]) {
    match data.split_first() {
        Some((first, rest)) => (usize::from(*first) % of, rest),
        None => (0, data),
    }
}

/// Inputs that begin with a choice.
fn chosen(place: usize, data: &[u8]) -> Vec<u8> {
    [&[place as u8], data].concat()
}
