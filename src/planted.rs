//! Faults planted on purpose, for the simulation to find: whoever plays thousands of nights without a finding must know that
//! something would have been found.
//!
//! Each is one condition in the code that it spoils, and one line of `tools/sim/src/planted.rs`. Only a build with the
//! feature `faults` has them, which nothing but `cargo xtask sim --planted` asks for; everywhere else `is` is a constant.

/// Whether this is the fault that the environment asks for.
#[cfg(feature = "faults")]
pub fn is(fault: &str) -> bool {
    std::env::var_os("PAGERPAL_PLANTED").is_some_and(|planted| planted == fault)
}

/// Never.
#[cfg(not(feature = "faults"))]
pub const fn is(_: &str) -> bool {
    false
}
