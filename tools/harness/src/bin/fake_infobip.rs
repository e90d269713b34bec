//! The fake provider on its own, for clients in other languages and for trying PagerPal by hand.
//!
//! Prints its base URL and serves until it is ended. `INFOBIP_API_KEY` is the key it takes, `test-key` if unset.

use harness::infobip::FakeInfobip;

#[tokio::main]
async fn main() {
    let key = std::env::var("INFOBIP_API_KEY").unwrap_or_else(|_| "test-key".to_string());
    let fake = FakeInfobip::start(&key).await;
    println!("{}", fake.base_url());
    std::future::pending::<()>().await;
}
