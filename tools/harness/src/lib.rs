//! What the tests of PagerPal talk to: fake providers and real programs, all on loopback.
//!
//! * [`infobip`] is a fake, because the real one costs money and cannot be told to fail. Its answers are checked against
//!   the vendor's own client library by `python/infobip_contract.py`.
//! * [`smtp`], [`alertmanager`], [`moto`], [`oidc`] and [`browser`] start the real thing: Exim, Prometheus Alertmanager, a
//!   server that posts SNS envelopes, an OpenID Connect provider, and Chromium. `cargo xtask needs` installs them.
//! * [`dns`] is a name server that knows one name, for programs that have no hosts file.
//! * [`receiver`] keeps what a webhook sender sends, for looking at it before PagerPal does.
//! * [`process`] starts PagerPal's own binary, kills it, and never leaves an orphan; [`programs`] knows where that and
//!   the others are; [`http`] is a client for tests; [`wait`] waits for state to change without sleeping.
//!
//! Everything takes a free port, lives in a temporary directory and ends when its handle is dropped. Handles are for
//! tests: what a test cannot go on without panics with a sentence. Drive them from a multi-threaded runtime, as
//! `#[tokio::test(flavor = "multi_thread")]` gives, so that a blocked test does not block the fakes it waits for.

pub mod alertmanager;
pub mod browser;
pub mod dns;
pub mod http;
pub mod infobip;
pub mod moto;
pub mod oidc;
pub mod process;
pub mod programs;
pub mod receiver;
pub mod smtp;
pub mod wait;
