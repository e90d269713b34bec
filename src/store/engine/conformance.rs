//! The suite every engine passes: what the store relies on, and nothing else.

use super::{Changes, Direction, Engine, Error, KeyRange, Snapshot, TableName};
use std::ops::ControlFlow;

const ONE: TableName = TableName("one");
const TWO: TableName = TableName("two");

/// `new` gives an empty engine each time.
pub fn check(new: &mut dyn FnMut() -> Box<dyn Engine>) {
    rows_are_found_in_byte_order_in_both_directions(&*new());
    a_commit_sets_replaces_and_removes(&*new());
    tables_do_not_mix_and_need_no_creation(&*new());
    a_snapshot_does_not_see_later_commits(&*new());
    a_stale_commit_changes_nothing(&*new());
    a_visitor_may_stop_and_may_read(&*new());
    large_tables_keep_their_order(&*new());
}

fn rows_are_found_in_byte_order_in_both_directions(engine: &dyn Engine) {
    let keys: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"ab", b"\xff\xff"];
    commit(engine, keys.iter().rev().map(|key| (ONE, *key, Some(*key))));
    let snapshot = snapshot(engine);
    let check = |range: KeyRange, expected: &[&[u8]]| {
        assert_eq!(keys_in(&*snapshot, ONE, &range, Direction::Ascending), expected, "{range:?}");
        let backwards: Vec<&[u8]> = expected.iter().rev().copied().collect();
        assert_eq!(keys_in(&*snapshot, ONE, &range, Direction::Descending), backwards, "{range:?} backwards");
    };
    let between = |start: &[u8], end: &[u8]| KeyRange { start: start.to_vec(), end: Some(end.to_vec()) };
    check(KeyRange::all(), &keys);
    check(KeyRange::prefix(b"a".to_vec()), &[b"a", b"a\0", b"ab"]);
    check(KeyRange::prefix(b"\xff".to_vec()), &[b"\xff\xff"]);
    check(between(b"a", b"ab"), &[b"a", b"a\0"]);
    check(between(b"a\0", b"a\0"), &[]);
    check(between(b"b", b"a"), &[]);
    check(KeyRange { start: b"aa".to_vec(), end: None }, &[b"ab", b"\xff\xff"]);
}

fn a_commit_sets_replaces_and_removes(engine: &dyn Engine) {
    commit(engine, [(ONE, &b"a"[..], Some(&b"1"[..])), (ONE, b"b", Some(b"")), (TWO, b"a", Some(b"2"))]);
    commit(engine, [(ONE, &b"a"[..], Some(&b"3"[..])), (ONE, b"b", None), (ONE, b"never there", None)]);
    let snapshot = snapshot(engine);
    let get = |table, key: &[u8]| snapshot.get(table, key).expect("a read");
    assert_eq!(get(ONE, b"a"), Some(b"3".to_vec()));
    assert_eq!(get(ONE, b"b"), None);
    assert_eq!(get(TWO, b"a"), Some(b"2".to_vec()));
    let count = |table| snapshot.row_count(table).expect("a count");
    assert_eq!([count(ONE), count(TWO), count(TableName("three"))], [1, 1, 0]);
}

fn tables_do_not_mix_and_need_no_creation(engine: &dyn Engine) {
    let empty = snapshot(engine);
    assert_eq!(empty.get(ONE, b"a"), Ok(None));
    assert!(keys_in(&*empty, ONE, &KeyRange::all(), Direction::Descending).is_empty());
    commit(engine, [(ONE, &b"a"[..], Some(&b"1"[..]))]);
    assert_eq!(snapshot(engine).get(TWO, b"a"), Ok(None));
}

fn a_snapshot_does_not_see_later_commits(engine: &dyn Engine) {
    commit(engine, [(ONE, &b"a"[..], Some(&b"1"[..])), (ONE, b"b", Some(b"1"))]);
    let before = snapshot(engine);
    commit(
        engine,
        [(ONE, &b"a"[..], Some(&b"2"[..])), (ONE, b"b", None), (ONE, b"c", Some(b"2")), (TWO, b"x", Some(b"2"))],
    );
    assert_eq!(before.get(ONE, b"a"), Ok(Some(b"1".to_vec())));
    assert_eq!(before.get(TWO, b"x"), Ok(None));
    assert_eq!(keys_in(&*before, ONE, &KeyRange::all(), Direction::Ascending), [b"a", b"b"]);
    assert_eq!(keys_in(&*snapshot(engine), ONE, &KeyRange::all(), Direction::Ascending), [b"a", b"c"]);
}

/// `Stale` says that somebody has committed since the snapshot was taken and that nothing was written now. An engine may
/// compare more finely and accept changes whose basis is untouched, but here the same row was read and written.
fn a_stale_commit_changes_nothing(engine: &dyn Engine) {
    let basis = snapshot(engine);
    assert_eq!(basis.get(ONE, b"a"), Ok(None));
    commit(engine, [(ONE, &b"a"[..], Some(&b"first"[..]))]);

    let mut late = Changes::default();
    late.set(ONE, b"a".to_vec(), b"late".to_vec());
    late.set(TWO, b"b".to_vec(), b"late".to_vec());
    assert_eq!(engine.commit(&*basis, &late), Err(Error::Stale));
    assert_eq!(snapshot(engine).get(ONE, b"a"), Ok(Some(b"first".to_vec())));
    assert_eq!(snapshot(engine).get(TWO, b"b"), Ok(None));

    assert_eq!(engine.commit(&*snapshot(engine), &late), Ok(()), "computed again, it goes through");
    assert_eq!(snapshot(engine).get(ONE, b"a"), Ok(Some(b"late".to_vec())));
}

fn a_visitor_may_stop_and_may_read(engine: &dyn Engine) {
    commit(engine, [b"a", b"b", b"c"].map(|key| (ONE, &key[..], Some(&b"1"[..]))));
    commit(engine, [(TWO, &b"b"[..], Some(&b"2"[..]))]);
    let snapshot = snapshot(engine);
    for (direction, expected) in [(Direction::Ascending, [b"a", b"b"]), (Direction::Descending, [b"c", b"b"])] {
        let mut seen = Vec::new();
        let scanned = snapshot.scan(ONE, &KeyRange::all(), direction, &mut |key, _| {
            seen.push(key.to_vec());
            match snapshot.get(TWO, key).expect("a read inside a scan") {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        });
        assert_eq!((scanned, seen), (Ok(()), expected.map(|key| key.to_vec()).to_vec()));
    }
}

fn large_tables_keep_their_order(engine: &dyn Engine) {
    let key = |n: u32| n.to_be_bytes().to_vec();
    // 7919 is prime to 2000, so every number comes once, in no order.
    for part in 0..4u32 {
        let mut changes = Changes::default();
        (part * 500..(part + 1) * 500).for_each(|n| changes.set(ONE, key(n * 7919 % 2000), vec![7; 100]));
        engine.commit(&*snapshot(engine), &changes).expect("a commit");
    }
    let mut changes = Changes::default();
    (0..2000).filter(|n| n % 3 != 0 || (300..900).contains(n)).for_each(|n| changes.remove(ONE, key(n)));
    engine.commit(&*snapshot(engine), &changes).expect("a commit");

    let left: Vec<Vec<u8>> = (0..2000).filter(|n| n % 3 == 0 && !(300..900).contains(n)).map(key).collect();
    let state = snapshot(engine);
    assert_eq!(keys_in(&*state, ONE, &KeyRange::all(), Direction::Ascending), left);
    let range = KeyRange { start: key(200), end: Some(key(1001)) };
    let within = left.iter().filter(|key| **key >= range.start && Some(*key) < range.end.as_ref()).rev();
    assert!(within.eq(&keys_in(&*state, ONE, &range, Direction::Descending)));
    assert!(left.iter().all(|key| state.get(ONE, key) == Ok(Some(vec![7; 100]))));
}

fn snapshot(engine: &dyn Engine) -> Box<dyn Snapshot> {
    engine.snapshot().expect("a snapshot")
}

fn commit<'a>(engine: &dyn Engine, rows: impl IntoIterator<Item = (TableName, &'a [u8], Option<&'a [u8]>)>) {
    let mut changes = Changes::default();
    for (table, key, value) in rows {
        match value {
            Some(value) => changes.set(table, key.to_vec(), value.to_vec()),
            None => changes.remove(table, key.to_vec()),
        }
    }
    engine.commit(&*snapshot(engine), &changes).expect("a commit");
}

fn keys_in(snapshot: &dyn Snapshot, table: TableName, range: &KeyRange, direction: Direction) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let scanned = snapshot.scan(table, range, direction, &mut |key, _| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    });
    scanned.expect("a scan");
    keys
}
