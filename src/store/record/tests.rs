use super::*;
use crate::domain::id::{Id, TeamId, UserId};
use crate::domain::time::Timestamp;
use crate::store::engine::map::MapEngine;
use crate::store::engine::{Changes, Engine};
use crate::store::keys::Newest;
use crate::store::testing::{BY_NAME, BY_TEAM, PETS, Pet, in_memory, on, pet, random};
use crate::store::verify::verify;
use crate::store::{Lane, Store, Tx, meta};

fn write<T: Send + 'static>(store: &Store, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Result<T> {
    store.write(Lane::People, work)
}

fn id(number: u64) -> UserId {
    Id::new(number)
}

fn names(pets: &Page<Pet>) -> Vec<&str> {
    pets.items.iter().map(|pet| pet.name.as_str()).collect()
}

fn team(number: u64) -> Span<(TeamId, Newest, UserId)> {
    Span::of((TeamId::new(number),))
}

#[test]
fn a_record_is_found_by_key_and_by_every_index_and_gone_when_deleted() {
    let store = in_memory();
    write(&store, |tx| tx.put(&pet(1, "rex"))).expect("written");
    store
        .read(|tx| {
            assert_eq!(tx.get::<Pet>(id(1))?, Some(pet(1, "rex")));
            assert_eq!(tx.find(&BY_NAME, "rex")?, Some(pet(1, "rex")));
            assert_eq!(tx.find(&BY_NAME, "tom")?, None);
            assert_eq!(tx.scan(&BY_TEAM, &team(1), Take::first(9))?.items, [pet(1, "rex")]);
            assert_eq!(tx.scan(&BY_TEAM, &team(2), Take::first(9))?.items, []);
            let keys = tx.scan_keys(&BY_TEAM, &Span::all(), Take::first(9))?;
            assert_eq!(keys.items, [(Id::new(1), Newest(Timestamp::from_second(1)), id(1))]);
            Ok::<_, StoreError>(())
        })
        .expect("read");

    assert_eq!(write(&store, |tx| tx.delete::<Pet>(id(1))), Ok(Some(pet(1, "rex"))));
    assert_eq!(write(&store, |tx| tx.delete::<Pet>(id(1))), Ok(None));
    assert_eq!(store.read(|tx| tx.find(&BY_NAME, "rex")), Ok(None));
    assert_eq!(
        store.read(|tx| Ok::<_, StoreError>(tx.scan_keys(&BY_TEAM, &Span::all(), Take::first(9))?.items.len())),
        Ok(0)
    );
}

#[test]
fn indexes_follow_a_change() {
    let store = in_memory();
    write(&store, |tx| {
        tx.put(&pet(1, "rex"))?;
        tx.put(&Pet { team: Id::new(2), awake: false, ..pet(1, "tom") })
    })
    .expect("written");
    store
        .read(|tx| {
            assert_eq!(tx.find(&BY_NAME, "rex")?, None);
            assert_eq!(tx.find(&BY_NAME, "tom")?, None, "asleep");
            assert!(tx.scan(&BY_TEAM, &team(1), Take::first(9))?.items.is_empty());
            assert_eq!(names(&tx.scan(&BY_TEAM, &team(2), Take::first(9))?), ["tom"]);
            Ok::<_, StoreError>(())
        })
        .expect("read");
}

#[test]
fn a_taken_place_in_a_unique_index_is_refused_and_nothing_has_changed() {
    let store = in_memory();
    write(&store, |tx| {
        tx.put(&pet(1, "rex"))?;
        tx.put(&pet(2, "tom"))?;
        let conflict = Err(StoreError::Conflict { index: BY_NAME.name() });
        assert_eq!(tx.put(&pet(3, "rex")), conflict);
        assert_eq!(tx.put(&Pet { team: Id::new(5), ..pet(2, "rex") }), conflict);
        assert_eq!(tx.get::<Pet>(id(3))?, None);
        assert_eq!(tx.get::<Pet>(id(2))?, Some(pet(2, "tom")));
        assert!(tx.scan(&BY_TEAM, &team(5), Take::first(9))?.items.is_empty());
        tx.put(&Pet { awake: false, ..pet(1, "rex") })?;
        tx.put(&pet(3, "rex"))
    })
    .expect("the name is free while its first bearer sleeps");
}

#[test]
fn pages_follow_one_another_in_both_directions_without_gap_or_repeat() {
    let store = in_memory();
    write(&store, |tx| (1..=7).try_for_each(|n| tx.put(&pet(n, &format!("pet {n}"))))).expect("written");
    let all = |take: fn(usize) -> Take| {
        let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.read(|tx| tx.scan(&BY_TEAM, &team(1), take(3).after(cursor.clone()))).expect("a page");
            found.extend(page.items.iter().map(|pet| pet.id.number()));
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                return (found, pages);
            }
        }
    };
    assert_eq!(all(Take::first), (vec![7, 6, 5, 4, 3, 2, 1], 3));
    assert_eq!(all(Take::last), (vec![1, 2, 3, 4, 5, 6, 7], 3));

    let page = store.read(|tx| tx.scan_table::<Pet>(&Span::all(), Take::last(7))).expect("a page");
    assert_eq!((page.items.len(), page.next), (7, None), "an exactly full page knows that it is the last");
    let none = store.read(|tx| tx.scan_table::<Pet>(&Span::all(), Take::first(0))).expect("a page");
    assert_eq!((none.items.len(), none.next), (0, None));
}

/// A store with pets 1 to 3, whose second is what `breaking` made of it.
fn damaged(breaking: impl FnOnce(&mut Changes)) -> Store {
    let engine = MapEngine::default();
    let mut changes = meta::birth(&*random());
    let store = in_memory();
    write(&store, |tx| (1..=3).try_for_each(|n| tx.put(&pet(n, &format!("pet {n}"))))).expect("written");
    let tx = store.read_tx().expect("a state");
    for table in [Pet::TABLE.name(), BY_NAME.name(), BY_TEAM.name()] {
        tx.raw_scan(table, &KeyRange::all(), Direction::Ascending, &mut |key, value| {
            changes.set(table, key.to_vec(), value.to_vec());
            ControlFlow::Continue(())
        })
        .expect("a copy");
    }
    breaking(&mut changes);
    engine.commit(&*engine.snapshot().expect("a state"), &changes).expect("a commit");
    on(engine)
}

#[test]
fn a_damaged_record_stops_only_itself() {
    let store = damaged(|changes| changes.set(Pet::TABLE.name(), keys::encode(&id(2)), b"rotten".to_vec()));
    let damage = Damage { table: Pet::TABLE.name(), key: keys::encode(&id(2)), problem: Problem::Checksum };
    assert_eq!(store.read(|tx| tx.get::<Pet>(id(2))), Err(StoreError::Damaged(damage.clone())));
    assert_eq!(store.read(|tx| tx.find(&BY_NAME, "pet 2")), Err(StoreError::Damaged(damage.clone())));
    let page = store.read(|tx| tx.scan(&BY_TEAM, &team(1), Take::first(9))).expect("the others");
    assert_eq!(names(&page), ["pet 3", "pet 1"]);
    let page = store.read(|tx| tx.scan_table::<Pet>(&Span::all(), Take::first(9))).expect("the others");
    assert_eq!(names(&page), ["pet 1", "pet 3"]);
    assert_eq!(store.status().damaged, std::slice::from_ref(&damage), "listed once");

    assert_eq!(write(&store, |tx| tx.put(&pet(2, "new"))), Err(StoreError::Damaged(damage)));
    write(&store, |tx| {
        tx.discard::<Pet>(id(2))?;
        tx.put(&pet(4, "pet 2"))
    })
    .expect("its name is free again");
    assert_eq!(store.read(|tx| tx.find(&BY_NAME, "pet 2")), Ok(Some(pet(4, "pet 2"))));
    assert!(store.read(|tx| verify(tx, PETS)).is_ok_and(|found| found.is_well()));
}

#[test]
fn an_index_row_that_leads_nowhere_is_reported() {
    let store = damaged(|changes| changes.remove(Pet::TABLE.name(), keys::encode(&id(2))));
    let page = store.read(|tx| tx.scan(&BY_TEAM, &team(1), Take::first(9))).expect("the others");
    assert_eq!(names(&page), ["pet 3", "pet 1"]);
    assert!(matches!(store.status().damaged[..], [Damage { problem: Problem::Missing, .. }]));
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let store = in_memory();
    let refused = write(&store, |tx| tx.put(&pet(1, &"x".repeat(codec::PAYLOAD_BYTES))));
    assert_eq!(refused, Err(StoreError::TooLarge { table: Pet::TABLE.name() }));
}
