use super::*;
use crate::domain::id::{Id, TeamId, UserId};
use crate::domain::time::Timestamp;
use crate::store::engine::Engine;
use crate::store::engine::map::MapEngine;
use crate::store::engine::redb::RedbEngine;
use crate::store::keys::{Newest, Span};
use crate::store::record::{Read, Take};
use crate::store::testing::{BY_NAME, BY_TEAM, PETS, Pet, Script, Scripted, clock, on, pet, random};
use crate::store::verify::verify;
use crate::store::{Status, Store};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

type Answers<T> = Arc<Mutex<Vec<Result<T>>>>;

/// A job whose answer goes to the end of a list.
fn job<T: Send + 'static>(answers: &Answers<T>, work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> Job {
    let answers = Arc::clone(answers);
    Job::new(work, move |answer| lock(&answers).push(answer))
}

fn taken<T>(answers: &Answers<T>) -> Vec<Result<T>> {
    std::mem::take(&mut *lock(answers))
}

fn refusal() -> StoreError {
    StoreError::Conflict { index: BY_NAME.name() }
}

/// A panic without the noise of the hook.
fn panic() -> ! {
    std::panic::resume_unwind(Box::new("a bug"))
}

fn scripted() -> (Store, Arc<Script>) {
    let script = Arc::<Script>::default();
    let store = on(Scripted { inner: MapEngine::default(), script: Arc::clone(&script) });
    script.commits.store(0, Ordering::SeqCst);
    (store, script)
}

fn names(store: &Store) -> Vec<String> {
    let pets = store.read(|tx| tx.scan_table::<Pet>(&Span::all(), Take::first(99))).expect("pets");
    pets.items.into_iter().map(|pet| pet.name).collect()
}

#[test]
fn neighbours_see_what_was_kept_before_them_and_nothing_of_what_was_dropped() {
    let (store, script) = scripted();
    let answers = Answers::default();
    let look = |tx: &mut Tx<'_>| Ok(tx.scan_table::<Pet>(&Span::all(), Take::first(9))?.items.len());
    store.run_batch(vec![
        job(&answers, |tx| tx.put(&pet(1, "kept")).map(|()| 0)),
        job(&answers, |tx| tx.put(&pet(2, "refused")).and(Err(refusal()))),
        job(&answers, look),
        job(&answers, |tx| {
            tx.delete::<Pet>(UserId::new(1))?;
            tx.put(&pet(3, "panicked"))?;
            panic()
        }),
        job(&answers, look),
        job(&answers, |tx| tx.put(&pet(4, "refused")).map(|()| 0)),
    ]);
    let panicked = StoreError::Panicked("a bug".to_owned());
    assert_eq!(taken(&answers), [Ok(0), Err(refusal()), Ok(1), Err(panicked), Ok(1), Ok(0)]);
    assert_eq!(names(&store), ["kept", "refused"], "the second of that name");
    assert_eq!(script.commits.load(Ordering::SeqCst), 1);
}

#[test]
fn no_answer_leaves_before_the_commit_not_even_a_refusal() {
    let (store, script) = scripted();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let job = |refuse: bool| {
        let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
        Job::new(
            move |tx| if refuse { Err(refusal()) } else { tx.put(&pet(1, "rex")) },
            move |_| lock(&seen).push(script.commits.load(Ordering::SeqCst)),
        )
    };
    store.run_batch(vec![job(true), job(false), job(true)]);
    assert_eq!(*lock(&seen), [1, 1, 1]);
}

#[test]
fn a_batch_in_which_nobody_wrote_answers_without_a_commit() {
    let (store, script) = scripted();
    let answers = Answers::default();
    store.run_batch(vec![
        job(&answers, |tx| Ok(tx.new_id::<UserId>().number())),
        job(&answers, |tx| tx.put(&pet(1, "rex")).and(Err(refusal()))),
        job(&answers, |tx| tx.delete::<Pet>(UserId::new(8)).map(|_| 0)),
    ]);
    assert_eq!(taken(&answers), [Ok(1), Err(refusal()), Ok(0)]);
    assert_eq!(script.commits.load(Ordering::SeqCst), 0);
}

#[test]
fn writing_what_is_there_already_costs_no_commit() {
    let (store, script) = scripted();
    let put = || store.write(Lane::Paging, |tx| tx.put(&pet(1, "rex")));
    assert_eq!((put(), put()), (Ok(()), Ok(())));
    assert_eq!(script.commits.load(Ordering::SeqCst), 1);
}

#[test]
fn if_the_commit_fails_all_hear_unavailable_and_the_status_says_so_until_one_goes_through() {
    let (store, script) = scripted();
    let unavailable = || Err(StoreError::Unavailable("the disk is full".to_owned()));
    let answers = Answers::default();
    let batch = || {
        store.run_batch(vec![job(&answers, |tx| tx.put(&pet(1, "rex"))), job(&answers, |_| Err(refusal()))]);
        taken(&answers)
    };
    let failures = |status: Status| (status.failures, status.is_failing(), status.last_commit.is_some());

    script.unavailable.store(3, Ordering::SeqCst);
    assert_eq!(batch(), [unavailable(), unavailable()]);
    assert_eq!(failures(store.status()), (1, false, false));
    assert_eq!(batch(), [unavailable(), unavailable()]);
    assert_eq!(failures(store.status()), (2, true, false));
    assert_eq!(store.try_again(), unavailable());
    assert!(names(&store).is_empty());

    assert_eq!(store.try_again(), Ok(()));
    assert_eq!(failures(store.status()), (0, false, true));
    assert_eq!(store.status().last_error.as_deref(), Some("the disk is full"));
    assert_eq!(batch(), [Ok(()), Err(refusal())]);
}

#[test]
fn a_stale_batch_runs_again_with_the_same_ids() {
    let (store, script) = scripted();
    script.stale.store(2, Ordering::SeqCst);
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let id = store.write(Lane::People, move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        let id: UserId = tx.new_id();
        tx.put(&Pet { id, ..pet(0, "rex") })?;
        Ok::<_, StoreError>(id.number())
    });
    assert_eq!((id, runs.load(Ordering::SeqCst)), (Ok(1), 3));

    script.stale.store(u64::MAX, Ordering::SeqCst);
    let refused = store.write(Lane::People, |tx| tx.put(&pet(9, "tom")));
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "not for ever");
}

#[test]
fn ids_are_never_given_out_twice_and_a_refused_job_leaves_no_gap() {
    let (store, _) = scripted();
    let answers = Answers::default();
    let take = |tx: &mut Tx<'_>| {
        let id: UserId = tx.new_id();
        tx.put(&Pet { id, ..pet(0, &id.to_string()) })?;
        Ok(id.number())
    };
    for _ in 0..2 {
        store.run_batch(vec![
            job(&answers, take),
            job(&answers, move |tx| take(tx).and(Err(refusal()))),
            job(&answers, take),
        ]);
    }
    assert_eq!(taken(&answers), [Ok(1), Err(refusal()), Ok(2), Ok(3), Err(refusal()), Ok(4)]);
}

#[test]
fn jobs_of_a_batch_share_the_time_but_not_the_jitter() {
    let drawn = || {
        let store = on(MapEngine::default());
        let answers = Answers::default();
        let draw = |tx: &mut Tx<'_>| Ok((tx.now(), tx.given().jitter.number()));
        store.run_batch(vec![job(&answers, draw), job(&answers, draw)]);
        taken(&answers).into_iter().collect::<Result<Vec<_>>>().expect("drawn")
    };
    let first = drawn();
    assert_eq!(first[0].0, first[1].0);
    assert_ne!(first[0].1, first[1].1);
    assert_eq!(first, drawn(), "and all follows from the seed");
}

#[test]
fn a_nested_part_that_fails_takes_nothing_else_along() {
    let (store, _) = scripted();
    let outcome = store.write(Lane::Paging, |tx| {
        tx.put(&pet(1, "one"))?;
        let refused = tx.nested(|tx| tx.put(&pet(2, "two")).and(Err::<(), _>(refusal())));
        let panicked = tx.nested(|tx| -> Result<()> {
            tx.delete::<Pet>(UserId::new(1))?;
            tx.nested(|tx| tx.put(&pet(3, "three")))?;
            panic()
        });
        tx.nested(|tx| tx.nested(|tx| tx.put(&pet(4, "four"))))?;
        Ok::<_, StoreError>((refused, panicked))
    });
    assert_eq!(outcome, Ok((Err(refusal()), Err(StoreError::Panicked("a bug".to_owned())))));
    assert_eq!(names(&store), ["one", "four"]);
}

#[test]
fn watchers_hear_of_every_commit_and_of_nothing_else() {
    let (store, script) = scripted();
    let heard = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&heard);
    store.on_change(Box::new(|_| panic()));
    store.on_change(Box::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    }));
    store.write(Lane::Paging, |tx| tx.put(&pet(1, "rex"))).expect("written");
    store.write(Lane::Paging, |tx| tx.get::<Pet>(UserId::new(1))).expect("nothing to commit");
    script.unavailable.store(1, Ordering::SeqCst);
    store.write(Lane::Paging, |tx| tx.put(&pet(2, "tom"))).expect_err("no commit");
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[test]
fn watchers_hear_what_was_written_and_what_was_removed() {
    let (store, _) = scripted();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&heard);
    store.on_change(Box::new(|_| panic()));
    store.on_change(Box::new(move |changed| {
        let names: Vec<String> = changed.written::<Pet>().map(|pet| pet.name).collect();
        noted.lock().expect("no panic here").push((names, changed.touches::<Pet>()));
    }));
    store
        .write(Lane::Paging, |tx| {
            tx.put(&pet(1, "rex"))?;
            tx.put(&pet(2, "tom"))
        })
        .expect("written");
    store.write(Lane::Paging, |tx| tx.put(&pet(1, "rex the second"))).expect("written");
    store.write(Lane::Paging, |tx| tx.delete::<Pet>(UserId::new(2))).expect("removed");
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let expected = [(names(&["rex", "tom"]), true), (names(&["rex the second"]), true), (vec![], true)];
    assert_eq!(*heard.lock().expect("no panic here"), expected);
}

/// Holds the write thread inside the callback of a first job, so that what is submitted meanwhile has to wait.
struct Held {
    release: mpsc::Sender<()>,
}

fn hold(store: &Store) -> Held {
    let (release, released) = mpsc::channel::<()>();
    let (holding, held) = mpsc::channel();
    store.write_then(
        Lane::Paging,
        |_| Ok::<(), StoreError>(()),
        move |_| {
            holding.send(()).expect("the test waits");
            let _ = released.recv();
        },
    );
    held.recv().expect("the write thread is held");
    Held { release }
}

#[test]
fn waiting_jobs_share_one_commit() {
    let (store, script) = scripted();
    let store = store.with_write_thread().expect("a thread");
    let held = hold(&store);
    let (answered, answers) = mpsc::channel();
    for n in 1..=64 {
        let answered = answered.clone();
        store.write_then(
            Lane::Paging,
            move |tx| tx.put(&pet(n, &format!("pet {n}"))),
            move |answer| answered.send(answer).expect("the test waits"),
        );
    }
    assert_eq!(store.status().waiting_paging, 64);
    held.release.send(()).expect("the thread waits");
    assert!((0..64).all(|_| answers.recv() == Ok(Ok(()))));
    assert_eq!(script.commits.load(Ordering::SeqCst), 1);
}

#[test]
fn paging_goes_first_and_still_leaves_people_a_place() {
    let (store, _) = scripted();
    let store = store.with_write_thread().expect("a thread");
    let held = hold(&store);
    let order = Arc::new(Mutex::new(Vec::new()));
    let submit = |lane: Lane, count: usize| {
        for _ in 0..count {
            let order = Arc::clone(&order);
            store.write_then(lane, |_| Ok::<(), StoreError>(()), move |_| lock(&order).push(lane));
        }
    };
    submit(Lane::People, 20);
    submit(Lane::Paging, 100);
    held.release.send(()).expect("the thread waits");
    drop(store);

    let lengths: Vec<usize> = lock(&order).chunk_by(|one, other| one == other).map(<[Lane]>::len).collect();
    // 56 and 8, then what is left of both: 44 and 12 fit into one batch.
    assert_eq!(lengths, [56, 8, 44, 12]);
    assert_eq!(lock(&order)[0], Lane::Paging);
}

#[test]
fn a_full_lane_refuses_at_once_and_leaves_the_other_lane_open() {
    let (store, _) = scripted();
    let store = store.with_write_thread().expect("a thread");
    let held = hold(&store);
    let answers = Answers::default();
    let submit = |lane| {
        let answers = Arc::clone(&answers);
        store.write_then(lane, |_| Ok(()), move |answer| lock(&answers).push(answer));
    };
    (0..LANE_JOBS).for_each(|_| submit(Lane::People));
    assert!(lock(&answers).is_empty());
    submit(Lane::People);
    assert!(matches!(taken(&answers)[..], [Err(StoreError::Unavailable(_))]));
    submit(Lane::Paging);
    assert!(lock(&answers).is_empty());
    held.release.send(()).expect("the thread waits");
    drop(store);
    assert_eq!(taken(&answers).len(), LANE_JOBS + 1, "what was waiting is done before the thread ends");
}

#[test]
fn a_callback_that_panics_or_drops_the_store_harms_nobody() {
    let (store, _) = scripted();
    let store = Arc::new(store.with_write_thread().expect("a thread"));
    store.write_then(Lane::People, |_| Ok::<(), StoreError>(()), |_| panic());
    assert_eq!(store.write(Lane::People, |tx| tx.put(&pet(1, "rex"))), Ok(()));

    let (done, wait) = mpsc::channel();
    let held = hold(&store);
    let last = Arc::clone(&store);
    store.write_then(
        Lane::People,
        |_| Ok::<(), StoreError>(()),
        move |_| {
            drop(last);
            done.send(()).expect("the test waits");
        },
    );
    drop(store);
    held.release.send(()).expect("the thread waits");
    wait.recv().expect("the last handle was dropped on the write thread");
}

/// What a job of the random mix does to one of a few pets.
#[derive(Clone, Debug)]
enum Step {
    Put { number: u64, name: u8, team: u64, fed_at: i64, awake: bool },
    Delete(u64),
    Nested(Vec<Step>, Ending),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Keep,
    Refuse,
    Panic,
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![3 => Just(Ending::Keep), 1 => Just(Ending::Refuse), 1 => Just(Ending::Panic)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let flat = prop_oneof![
        4 => (0..12u64, 0..6u8, 0..3u64, 0..4i64, any::<bool>())
            .prop_map(|(number, name, team, fed_at, awake)| Step::Put { number, name, team, fed_at, awake }),
        1 => (0..12u64).prop_map(Step::Delete),
    ];
    let nested =
        (proptest::collection::vec(flat.clone(), 1..4), endings()).prop_map(|(steps, end)| Step::Nested(steps, end));
    proptest::collection::vec(prop_oneof![4 => flat, 1 => nested], 0..6)
}

fn batches() -> impl Strategy<Value = Vec<Vec<(Vec<Step>, Ending)>>> {
    proptest::collection::vec(proptest::collection::vec((steps(), endings()), 1..5), 1..6)
}

/// The naive model: a sorted list of pets and full scans over it.
type Model = BTreeMap<u64, Pet>;

fn apply(tx: &mut Tx<'_>, model: &mut Model, steps: &[Step], wrong: &mut Vec<String>) -> Result<()> {
    for step in steps {
        match step {
            Step::Put { number, name, team, fed_at, awake } => {
                let new = Pet {
                    team: TeamId::new(*team),
                    fed_at: Timestamp::from_second(*fed_at),
                    awake: *awake,
                    ..pet(*number, &format!("pet {name}"))
                };
                let taken = model.values().any(|other| other.awake && other.name == new.name && other.id != new.id);
                let expected = if *awake && taken { Err(refusal()) } else { Ok(()) };
                if tx.put(&new) != expected {
                    wrong.push(format!("put {new:?} did not answer {expected:?}"));
                }
                if expected.is_ok() {
                    model.insert(*number, new);
                }
            }
            Step::Delete(number) => {
                let gone = model.remove(number);
                if tx.delete::<Pet>(UserId::new(*number)) != Ok(gone) {
                    wrong.push(format!("delete {number}"));
                }
            }
            Step::Nested(steps, ending) => {
                let mut inner = model.clone();
                let answer = tx.nested(|tx| {
                    apply(tx, &mut inner, steps, wrong)?;
                    end(*ending)
                });
                if answer.is_ok() {
                    *model = inner;
                }
            }
        }
        wrong.extend(differences(tx, model));
    }
    Ok(())
}

fn end(ending: Ending) -> Result<()> {
    match ending {
        Ending::Keep => Ok(()),
        Ending::Refuse => Err(refusal()),
        Ending::Panic => panic(),
    }
}

/// Every way of reading, compared with the model.
fn differences(tx: &impl Read, model: &Model) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: String, same: bool| wrong.extend((!same).then_some(what));
    let all: Vec<Pet> = model.values().cloned().collect();
    let backwards = |pets: &[Pet], count: usize| pets.iter().rev().take(count).cloned().collect::<Vec<_>>();
    let items = |page: Result<crate::store::Page<Pet>>| page.map(|page| page.items);

    expect("table".into(), items(tx.scan_table(&Span::all(), Take::first(99))) == Ok(all.clone()));
    expect("table backwards".into(), items(tx.scan_table(&Span::all(), Take::last(3))) == Ok(backwards(&all, 3)));
    for team in 0..3 {
        let mut of_team: Vec<Pet> = all.iter().filter(|pet| pet.team.number() == team).cloned().collect();
        of_team.sort_by_key(|pet| (Newest(pet.fed_at), pet.id));
        let span = Span::of((TeamId::new(team),));
        expect(format!("team {team}"), items(tx.scan(&BY_TEAM, &span, Take::first(99))) == Ok(of_team.clone()));
        expect(
            format!("team {team} backwards"),
            items(tx.scan(&BY_TEAM, &span, Take::last(2))) == Ok(backwards(&of_team, 2)),
        );
    }
    for number in 0..12 {
        expect(format!("pet {number}"), tx.get::<Pet>(UserId::new(number)) == Ok(model.get(&number).cloned()));
    }
    for name in (0..6).map(|name| format!("pet {name}")) {
        let bearer = all.iter().find(|pet| pet.awake && pet.name == name).cloned();
        expect(name.clone(), tx.find(&BY_NAME, &name) == Ok(bearer));
    }
    wrong
}

fn store_equals_model(store: &Store, batches: Vec<Vec<(Vec<Step>, Ending)>>) -> std::result::Result<(), TestCaseError> {
    let shared = Arc::new(Mutex::new((Model::new(), Vec::<String>::new())));
    for batch in batches {
        let answers = Answers::default();
        let endings: Vec<Ending> = batch.iter().map(|(_, ending)| *ending).collect();
        let jobs = batch.into_iter().map(|(steps, ending)| {
            let shared = Arc::clone(&shared);
            job(&answers, move |tx| {
                let mut shared = lock(&shared);
                let (model, wrong) = &mut *shared;
                wrong.extend(differences(tx, model));
                let mut mine = model.clone();
                apply(tx, &mut mine, &steps, wrong)?;
                end(ending)?;
                *model = mine;
                Ok(())
            })
        });
        store.run_batch(jobs.collect());
        let (model, wrong) = &*lock(&shared);
        prop_assert_eq!(wrong, &Vec::<String>::new());
        for (answer, ending) in taken(&answers).iter().zip(&endings) {
            prop_assert_eq!(answer.is_ok(), *ending == Ending::Keep);
        }
        let tx = store.read_tx().expect("a state");
        prop_assert_eq!(differences(&tx, model), Vec::<String>::new());
        let verified = verify(&tx, PETS).expect("a verdict");
        prop_assert_eq!(&verified.problems, &Vec::<String>::new());
        prop_assert_eq!(verified.records, model.len() as u64);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_mix_of_jobs_in_memory_equals_the_naive_model(batches in batches()) {
        store_equals_model(&on(MapEngine::default()), batches)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_mix_of_jobs_on_disk_equals_the_naive_model(batches in batches()) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        RedbEngine::create(&path, |_| Ok(())).expect("a new file");
        let engine: Box<dyn Engine> = Box::new(RedbEngine::open(&path).expect("an engine"));
        store_equals_model(&Store::on_engine(engine, clock(), random()).expect("a store"), batches)?;
    }
}
