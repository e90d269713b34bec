//! Faults planted on purpose, for the simulation and the harnesses of `tools/disk` to find: whoever plays thousands of nights
//! without a finding must know that something would have been found.
//!
//! Each is one condition in the code that it spoils, and one line of `tools/sim/src/planted.rs` or of a test named
//! `planted_faults_are_found`. Only a build with the feature `faults` has them, which those tools ask for; in what is handed
//! out `is` is a constant.

/// Whether this is the fault that the environment asks for, which is asked once: this stands where everything passes.
#[cfg(feature = "faults")]
pub fn is(fault: &str) -> bool {
    use std::sync::LazyLock;
    static PLANTED: LazyLock<Option<std::ffi::OsString>> = LazyLock::new(|| std::env::var_os("PAGERPAL_PLANTED"));
    PLANTED.as_ref().is_some_and(|planted| planted == fault)
}

/// Never.
#[cfg(not(feature = "faults"))]
pub const fn is(_: &str) -> bool {
    false
}
