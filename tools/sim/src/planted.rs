//! Faults that can be planted into the product (`src/planted.rs`), to prove that the simulation finds what it is there for.
//! One at a time, in a build with the feature `faults`, by the environment variable `PAGERPAL_PLANTED`.

/// What each does, as it reads in the product's code.
pub const FAULTS: &[(&str, &str)] = &[
    ("skip_claim_check", "a claim does not look whether the page is still wanted"),
    ("forget_lease", "a claimed message whose sender died is not looked for"),
    ("due_too_late", "what is due is taken a second after"),
    ("skip_index_on_update", "an updated record keeps its old rows in the indexes"),
    ("acknowledge_keeps_timers", "an acknowledged incident goes on waiting"),
    ("no_shift_at_clock_step", "delays stay where they are when the clock is set"),
    ("new_id_after_doubt", "the copy of a message that may have been taken gets an id of its own"),
    ("same_id_after_refusal", "a refused message is sent again under its id"),
    ("duplicate_is_accepted", "a duplicate id counts as taken on a first attempt"),
    ("ignore_budget", "a number gets as many texts as there are"),
    ("answer_before_commit", "a success is answered although the commit failed"),
    ("one_step_per_missed_level", "after downtime delays count from when they were due"),
    ("inactive_counts", "somebody deactivated still counts as active"),
    ("skip_recheck", "an edit decides nothing anew"),
    ("climbs_for_ever", "the ladder begins anew however often the policy repeats it"),
    ("oldest_override_wins", "of overlapping overrides the oldest counts"),
    ("two_open_incidents", "a repeat does not find its open incident"),
];
