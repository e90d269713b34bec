//! A parser with a fault: it must crash soon, or the others prove nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| drop((fuzz::spoiled::SPOILED[1].ask)(data)));
