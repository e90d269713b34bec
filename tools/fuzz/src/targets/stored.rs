//! What a disk gives back: records, keys, backups.

use super::{choice, chosen, samples};
use crate::Target;
use flate2::Compression;
use flate2::write::GzEncoder;
use pagerpal::age::{Decryptor, Encryptor, Identity, NotOpened, Recipient};
use pagerpal::clock::ScriptedClock;
use pagerpal::domain::effect::TimerKey;
use pagerpal::domain::id::*;
use pagerpal::domain::incident::Status;
use pagerpal::domain::time::Timestamp;
use pagerpal::random::ScriptedRandom;
use pagerpal::store::backup::{self, MAGIC, Reader, Unusable};
use pagerpal::store::codec::{self, Version};
use pagerpal::store::counters::Counter;
use pagerpal::store::engine::TableName;
use pagerpal::store::keys::{self, Key, Newest};
use pagerpal::store::tables::RECORDS as KINDS;
use pagerpal::store::{IndexRows, Lane, Record, Store, StoreError, Tx};
use ring::digest::{SHA256, digest};
use std::io::{Read, Write};
use std::sync::Arc;

pub const RECORDS: Target = Target { name: "records", ask: record, seeds: record_seeds, words: &[] };

pub const KEYS: Target = Target { name: "keys", ask: key, seeds: key_seeds, words: &["\0\0", "\0\u{1}", "a\0\0"] };

pub const BACKUP: Target = Target {
    name: "backup",
    ask: backup,
    seeds: backup_seeds,
    words: &["pagerpal backup 1\n", "\"format\":2", "\"records\":", "R", "E", "\0\0\0\u{1}", "counters"],
};

pub const AGE: Target = Target {
    name: "age",
    ask: age,
    seeds: age_seeds,
    words: &[
        "age-encryption.org/v1\n",
        "-> X25519 ",
        "-> scrypt a 18\n",
        "--- ",
        "\n",
        "AGE-SECRET-KEY-1",
        "age1",
        "#",
    ],
};

/// Each record type of `store/tables.rs`, by the name of its table.
macro_rules! records {
    ($($($part:ident)::+),* $(,)?) => {
        const READERS: &[(TableName, fn(&[u8]) -> bool)] =
            &[$((<pagerpal::domain::$($part)::+ as Record>::TABLE.name(), read_record::<pagerpal::domain::$($part)::+>)),*,
              (<Counter as Record>::TABLE.name(), read_record::<Counter>)];
    };
}

records! {
    incident::Incident, incident::IncidentDetails, timeline::TimelineEntry, effect::Timer, notification::Notification,
    clock_mark::ClockMark, delivery::Delivery, pass::Pass, throttle::Ledger, throttle::ChannelTrouble, user::User, preferences::Preferences,
    team::Team, schedule::Schedule, entry::Entry, entry::Override, import::Import, import::ImportCopy, feed::Feed,
    feed::Publication, policy::Policy, alert_source::AlertSource, heartbeat::Heartbeat, maintenance::Maintenance,
    source_event::SourceEvent, source_event::Replay, storm::Surge, storm::StormLine, session::Session,
    invitation::Invitation, token::PersonalToken, repeat::Repeat, audit::AuditEntry, audit::AuditChain,
}

/// A payload whose checksum is right, as a buggy writer or a stranger's backup may have it.
fn record(data: &[u8]) -> bool {
    let (place, payload) = choice(data, READERS.len());
    (READERS[place].1)(payload)
}

fn read_record<R: Record>(payload: &[u8]) -> bool {
    let Ok(record) = codec::decode_payload::<R>(payload) else { return false };
    let (table, version) = (R::TABLE.name(), R::TABLE.version());
    let key = keys::encode(&record.key());
    let read = keys::decode::<R::Key>(&key).expect("a record's own key reads back");
    assert_eq!(keys::encode(&read), key);
    let mut rows = IndexRows::default();
    record.index_rows(&mut rows);
    let Ok(stored) = codec::encode(table, &key, version, &record) else {
        assert!(payload.len() > codec::PAYLOAD_BYTES / 16, "it has become large from nothing");
        return true;
    };
    let again: R = codec::decode(table, &key, version, &stored).expect("what was written reads back");
    assert!(codec::encode(table, &key, version, &again).as_ref() == Ok(&stored), "and is the same");
    let mut damaged = stored;
    let place = payload.len() % damaged.len();
    damaged[place] ^= 1;
    assert!(codec::open(table, &key, &damaged).is_err(), "a flipped bit is found");
    true
}

fn record_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for file in samples("schema/records", |name| name.ends_with(".hex")) {
        for line in String::from_utf8_lossy(&file).lines() {
            let [table, _, stored] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let stored = from_hex(stored);
            let place = READERS.iter().position(|(name, _)| name.0 == table);
            let version = KINDS.iter().find(|kind| kind.table.0 == table).map(|kind| kind.version);
            // Index rows are no records, and older versions have another shape.
            if let Some(place) = place.filter(|_| version == stored.first().map(|byte| Version(*byte))) {
                seeds.push(chosen(place, &stored[1..stored.len() - 4]));
            }
        }
    }
    assert!(seeds.len() > READERS.len(), "every table has a sample");
    assert_eq!(READERS.len(), KINDS.len(), "every table is asked");
    seeds
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

const KEY_READERS: &[fn(&[u8]) -> bool] = &[
    read_key::<String>,
    read_key::<(AlertSourceId, String)>,
    read_key::<(AlertSourceId, String, Newest, IncidentId)>,
    read_key::<(Status, Newest, IncidentId)>,
    read_key::<TimerKey>,
    read_key::<(Timestamp, AlertSourceId, String)>,
    read_key::<(UserId, [u8; 32])>,
    read_key::<(Option<String>, bool, i64)>,
    read_key::<(i8, u16, i32)>,
];

fn key(data: &[u8]) -> bool {
    let (place, bytes) = choice(data, KEY_READERS.len());
    KEY_READERS[place](bytes)
}

fn read_key<K: Key + Ord>(bytes: &[u8]) -> bool {
    check_keys::<K>(bytes, |bytes| keys::decode(bytes))
}

/// A key is spelled in one way, and bytes sort as keys do. `bytes` may be one key, or two after each other.
pub(crate) fn check_keys<K: Key + Ord>(bytes: &[u8], read: impl Fn(&[u8]) -> Option<K>) -> bool {
    if let Some(key) = read(bytes) {
        assert!(keys::encode(&key) == bytes, "another spelling of the same key");
        return true;
    }
    let parts = (0..bytes.len()).map(|at| bytes.split_at(at));
    let pair = parts.take(200).find_map(|(one, other)| Some(((one, read(one)?), (other, read(other)?))));
    let Some(((one, first), (other, second))) = pair else { return false };
    assert_eq!(one.cmp(other), first.cmp(&second), "bytes sort as keys do");
    true
}

fn key_seeds() -> Vec<Vec<u8>> {
    let (source, incident) = (AlertSourceId::new(3), IncidentId::new(7));
    let text = |text: &str| keys::encode(text);
    let at = Timestamp::from_second(1_777_600_810);
    let mut seeds: Vec<Vec<u8>> =
        ["", "a", "ab", "a\0b", "\0", "é"].iter().map(|word| chosen(0, &text(word))).collect();
    seeds.push(chosen(0, &[text("a"), text("a\0")].concat()));
    seeds.push(chosen(1, &keys::encode(&(source, "disk"))));
    seeds.push(chosen(2, &keys::encode(&(source, "disk", Newest(at), incident))));
    seeds.push(chosen(3, &keys::encode(&(Status::Acknowledged, Newest(at), incident))));
    seeds.push(chosen(4, &[0, 0, 0, 0, 0, 0, 0, 0, 7, 1]));
    seeds.push(chosen(5, &keys::encode(&(at, source, "x"))));
    seeds.push(chosen(6, &keys::encode(&(UserId::new(1), [7; 32]))));
    seeds.push(chosen(7, &keys::encode(&(Some("a"), true, -1i64))));
    seeds.push(chosen(8, &keys::encode(&(-1i8, 1u16, i32::MAX))));
    seeds
}

/// As it is, or as a stranger who knows the format would send it: packed, and with a digest that is right.
fn backup(data: &[u8]) -> bool {
    let (how, bytes) = choice(data, 3);
    match how {
        0 => read_backup(bytes),
        1 => read_backup(&packed(bytes)),
        _ => {
            let mut whole = bytes.to_vec();
            whole.push(b'E');
            let sum = digest(&SHA256, &whole);
            whole.extend_from_slice(sum.as_ref());
            read_backup(&packed(&whole))
        }
    }
}

/// Whether the head was believed; all of the rest must then be proven.
fn read_backup(bytes: &[u8]) -> bool {
    let mut reader = match Reader::open(bytes, KINDS) {
        Ok(reader) => reader,
        Err(Unusable::Unreadable(why)) => panic!("memory can be read: {why}"),
        Err(_) => return false,
    };
    assert!(reader.head().format <= pagerpal::store::FORMAT);
    let mut rows = 0;
    loop {
        match reader.next_row() {
            Ok(Some(row)) => {
                assert!(codec::open(row.table, &row.key, &row.stored).is_ok(), "every record proves itself");
                assert!(row.key.len() <= 64 * 1024 && row.stored.len() <= codec::PAYLOAD_BYTES + 16);
                rows += 1;
            }
            Ok(None) => {
                assert_eq!(reader.head().records(), rows, "it holds what it says");
                return true;
            }
            Err(Unusable::Unreadable(why)) => panic!("memory can be read: {why}"),
            Err(_) => return true,
        }
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).and_then(|()| out.finish()).expect("memory takes everything")
}

fn backup_seeds() -> Vec<Vec<u8>> {
    let store = Store::in_memory(Arc::new(ScriptedClock::at(Timestamp::MIN)), Arc::new(ScriptedRandom::new(1)));
    let put = |tx: &mut Tx<'_>| {
        for (name, last) in [("a", 1), ("b", 2)] {
            tx.put(&Counter { name: name.to_owned(), last })?;
        }
        Ok::<(), StoreError>(())
    };
    store.write(Lane::People, put).expect("a store in memory");
    let mut whole = Vec::new();
    let read = store.read_tx().expect("a store in memory");
    backup::write(&read, KINDS, &mut whole, &mut |_| true).expect("memory takes everything");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut plain).expect("just packed");
    assert!(plain.starts_with(MAGIC));
    let without_end = &plain[..plain.len() - 33];
    vec![chosen(0, &whole), chosen(1, &plain), chosen(2, without_end)]
}

/// A file as it comes, a text that is encrypted and read back, an encrypted one of which a byte is changed, or a key.
fn age(data: &[u8]) -> bool {
    let (how, bytes) = choice(data, 4);
    let identity = Identity::new([7; 32]);
    let plain = match how {
        0 => return decrypted(bytes, &identity).is_ok_and(|plain| !plain.is_empty()),
        1 => bytes,
        2 => bytes.get(2..).unwrap_or_default(),
        _ => return keys_of_age(&String::from_utf8_lossy(bytes)),
    };
    let mut file = encrypted(plain, &identity);
    if how == 1 {
        assert_eq!(decrypted(&file, &identity).as_deref(), Ok(plain), "what was encrypted reads back");
        assert_eq!(decrypted(&file, &Identity::new([8; 32])), Err(NotOpened::OtherKey));
        return true;
    }
    let place =
        usize::from(bytes.first().copied().unwrap_or(0)) * 256 + usize::from(bytes.get(1).copied().unwrap_or(0));
    let place = place % file.len();
    file[place] ^= 1 << (plain.len() % 8);
    assert!(decrypted(&file, &identity).is_err(), "byte {place} was changed");
    assert!(decrypted(&file[..place], &identity).is_err(), "cut to {place}");
    false
}

fn encrypted(plain: &[u8], identity: &Identity) -> Vec<u8> {
    let mut out =
        Encryptor::new(Vec::new(), &[identity.recipient()], |bytes| bytes.fill(9)).expect("memory takes everything");
    out.write_all(plain).and_then(|()| out.finish()).expect("memory takes everything")
}

fn decrypted(file: &[u8], identity: &Identity) -> Result<Vec<u8>, NotOpened> {
    let mut plain = Vec::new();
    let mut reader = Decryptor::new(file, std::slice::from_ref(identity))?;
    reader.read_to_end(&mut plain).map_err(|_| NotOpened::Damaged)?;
    Ok(plain)
}

fn keys_of_age(text: &str) -> bool {
    let identities = Identity::read_file(text);
    for identity in identities.iter().flatten() {
        let again: Identity = identity.expose().parse().expect("it reads back");
        assert_eq!(again.recipient(), identity.recipient());
    }
    let recipient = text.parse::<Recipient>();
    if let Ok(recipient) = &recipient {
        assert_eq!(recipient.to_string().parse().as_ref(), Ok(recipient));
    }
    identities.is_ok() || recipient.is_ok()
}

fn age_seeds() -> Vec<Vec<u8>> {
    let identity = Identity::new([7; 32]);
    let key = format!("# of the machine\n{}\n", identity.expose());
    vec![
        chosen(0, &encrypted(b"a backup", &identity)),
        chosen(1, b"a backup"),
        chosen(2, b"\0\x30a backup"),
        chosen(3, key.as_bytes()),
        chosen(3, identity.recipient().to_string().as_bytes()),
    ]
}
