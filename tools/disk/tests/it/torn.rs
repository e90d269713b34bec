//! *torn*: power cuts between any two operations of the disk, thousands of them, and what comes back.
//!
//! `CUTS=100000` makes it longer, `SEED=7` begins elsewhere.

use crate::{number, older, planted};
use disk::power::{Broken, Opening, Tally, as_the_product, live, live_with_lies};

/// Lives, one after the other, until there were so many power cuts.
fn play(cuts: u64, opening: &Opening) -> Result<Tally, Broken> {
    let mut sum = Tally::default();
    let mut seed = number("SEED").unwrap_or(1);
    while sum.cuts < cuts {
        sum += live(seed, opening)?;
        seed += 1;
    }
    Ok(sum)
}

#[test]
fn after_every_power_cut_the_last_confirmed_state_or_the_one_under_way_is_there() {
    let cuts = number("CUTS").unwrap_or(5000);
    let sum = play(cuts, &as_the_product).unwrap_or_else(|broken| panic!("{broken}"));
    println!("{sum:?}");
    let least = [
        (sum.cuts, 1),
        (sum.actions, 1),
        (sum.syncs, 2),
        (sum.recoveries, 3),
        (sum.cuts_while_opening, 8),
        (sum.cuts_while_made, 200),
        (sum.undone, 10),
        (sum.done, 100),
        (sum.sectors_lost, 1),
        (sum.sectors_torn, 1),
        (sum.lengths_lost, 1000),
        (sum.names_lost, 200),
    ];
    for (place, (count, share)) in least.into_iter().enumerate() {
        assert!(count >= cuts / share, "row {place}: only {count} in {cuts} cuts: {sum:?}");
    }
}

#[test]
fn the_same_seed_is_the_same_life() {
    let life = || live(4, &as_the_product).unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(life(), life());
}

#[test]
fn what_a_lying_disk_gives_back_is_refused_or_was_once_so() {
    let mut sum = Tally::default();
    for seed in 1..=number("LIES").unwrap_or(120) {
        sum += live_with_lies(seed, &as_the_product).unwrap_or_else(|broken| panic!("{broken}"));
    }
    println!("{sum:?}");
    // That lies do harm shows that an honest disk's syncs are what the other test relies on.
    assert!(sum.refused > sum.lives / 20 && sum.older > sum.lives / 50 && sum.unharmed > 0, "{sum:?}");
}

#[test]
fn the_redb_before_is_found_to_lose_what_was_confirmed() {
    let broken = play(3000, &older::open).expect_err("its faults are known");
    println!("{broken}");
}

#[test]
fn planted_faults_are_found() {
    for fault in ["answer_before_commit", "unsynced_commit", "born_in_place", "unsynced_name"] {
        let test = "torn::after_every_power_cut_the_last_confirmed_state_or_the_one_under_way_is_there";
        let said = planted(fault, test, &[("CUTS", "3000")]).unwrap_or_else(|| panic!("{fault} is not found"));
        assert!(said.contains("seed ") && said.contains("cut "), "{fault}: {said}");
    }
}
