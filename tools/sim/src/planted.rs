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
    ("forget_mark", "a restart believes whatever clock it finds"),
    ("activity_by_old_clock", "who was reactivated before the clock was set back is not, until it gets there again"),
    ("nap_moves_with_clock", "the end of a nap moves along when the clock is set"),
    ("forget_ack_timeout", "an acknowledgement is for ever, whatever the policy says"),
    ("rise_is_silent", "a severity that rises pages nobody"),
    ("newcomers_not_paged", "whom a hand-off or an edit puts on call is not paged"),
    ("silence_ends_taken", "silence resolves what somebody has acknowledged"),
    ("edit_begins_delay_anew", "an edit begins the delay of the level anew"),
    ("exhausted_is_the_end", "an exhausted incident waits for nothing"),
    ("last_resort_once", "without coverage the last resort is paged once"),
    ("coverage_unseen", "coverage that returns is not noticed"),
    ("same_text_twice", "texts about an incident are alike"),
    ("due_too_early", "what is due is taken five seconds before"),
    ("no_next_method", "a message that fails starts no other method"),
    ("bypassed_still_paged", "somebody passed over is paged all the same"),
    ("late_answer_counts", "the answer to an attempt that is over decides about the next"),
    ("window_unseen", "a maintenance window holds nothing back"),
    ("window_ended_unseen", "an edit of a maintenance window decides nothing anew"),
    ("reserve_for_all", "what is kept for critical incidents is used by others"),
];

/// Those that take more runs to be found than a change has time for: `--planted slow`.
pub const SLOW: &[&str] = &["oldest_override_wins", "bypassed_still_paged", "late_answer_counts"];
