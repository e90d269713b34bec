//! Makes a failing plan smaller, as long as the same promise is broken: delta debugging over the actions, then less weather.

use super::plan::{Plan, Weather};
use super::run::play;
use super::trace::Failure;
use std::sync::LazyLock;

/// Plays at most; a plan that is still large then is small enough to be read. SIM_PLAYS=0 leaves it whole: a night of storms
/// takes seconds.
static PLAYS: LazyLock<usize> =
    LazyLock::new(|| std::env::var("SIM_PLAYS").ok().and_then(|most| most.parse().ok()).unwrap_or(400));

/// The smallest plan found, and its failure.
pub fn shrink(plan: &Plan, failure: &Failure) -> (Plan, Failure) {
    let mut smallest = (plan.clone(), failure.clone());
    let mut plays = 0;
    let mut parts = 2;
    while parts <= smallest.0.actions.len().max(1) && plays < *PLAYS {
        let size = smallest.0.actions.len().div_ceil(parts);
        let smaller = (0..parts).find_map(|part| {
            let mut plan = smallest.0.clone();
            let end = (size * (part + 1)).min(plan.actions.len());
            plan.actions.drain((size * part).min(end)..end);
            plays += 1;
            fails_alike(plan, failure)
        });
        match smaller {
            Some(smaller) => {
                smallest = smaller;
                parts = (parts - 1).max(2);
            }
            None if size <= 1 => break,
            None => parts = (parts * 2).min(smallest.0.actions.len()),
        }
    }
    if *PLAYS == 0 {
        return smallest;
    }
    let calm = Plan { weather: Weather::default(), ..smallest.0.clone() };
    if let Some(smaller) = fails_alike(calm, failure) {
        smallest = smaller;
    }
    let last = smallest.0.actions.last().map_or(0, |action| action.at / 60_000 + 1);
    let short = Plan { minutes: last, ..smallest.0.clone() };
    fails_alike(short, failure).unwrap_or(smallest)
}

fn fails_alike(plan: Plan, failure: &Failure) -> Option<(Plan, Failure)> {
    let again = play(&plan).err().filter(|again| again.promise() == failure.promise())?;
    Some((plan, again))
}
