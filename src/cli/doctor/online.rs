//! What `doctor --online` tries from outside: whether PagerPal answers at its base URL, whether live updates pass on their way,
//! and whose clock is right.

use crate::cli::target::Server;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::domain::checks::facts::{Facts, Online, StreamSeen};
use crate::domain::time::Timestamp;
use crate::egress::{Client, Egress, Purpose, read_limited};
use crate::web::control::{Answer, Ask};
use crate::web::probe::PAUSE;
use reqwest::Response;
use std::io;
use std::time::Duration;

/// The first event has to be there by then; the last is written when [`PAUSE`] is over.
const AT_ONCE: Duration = Duration::from_secs(PAUSE.as_secs() - 1);

pub fn look(config: &Config, facts: &Facts) -> Result<Online, String> {
    let egress = Egress::new(&config.extra_roots).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let client = egress.client(Purpose::Operator);
    let stream_word = if facts.is_served { word(config) } else { Err("PagerPal is not running.".to_owned()) };
    runtime.map_err(|error| error.to_string())?.block_on(tried(&client, facts, stream_word))
}

/// What opens the stream once; the server gives it to commands of its own machine.
fn word(config: &Config) -> Result<String, String> {
    let server = Server::connect(&config.data_dir).ok_or("PagerPal is not running any more.")?;
    match server.ask(Ask::Probe, &mut io::sink(), &mut |_| true) {
        Ok(Answer::Probe { word }) => Ok(word),
        Ok(other) => Err(format!("The server answered another question: {other:?}.")),
        Err(error) => Err(format!("The server gave no answer: {error}.")),
    }
}

async fn tried(client: &Client, facts: &Facts, word: Result<String, String>) -> Result<Online, String> {
    let (base_url, stream) = match &facts.base_url {
        None => (None, StreamSeen::NotTried("PAGERPAL_BASE_URL is not set, so nothing was tried there.".to_owned())),
        Some(base_url) => {
            let health = health(client, base_url).await;
            let stream = match (&health, word) {
                (Err(_), _) => StreamSeen::NotTried("Nothing answers at the base URL.".to_owned()),
                (_, Err(why)) => StreamSeen::NotTried(why),
                (Ok(()), Ok(word)) => stream(client, base_url, &word).await,
            };
            (Some(health), stream)
        }
    };
    let provider = facts.machine.as_ref().and_then(|machine| machine.provider_url.as_deref());
    let clock = match provider.or(facts.base_url.as_deref()) {
        Some(url) => clock(client, url).await,
        None => None,
    };
    Ok(Online { base_url, stream, clock })
}

/// Whatever it says of itself: that it is PagerPal's answer is what counts.
async fn health(client: &Client, base_url: &str) -> Result<(), String> {
    let response = get(client, &format!("{}/health", base_url.trim_end_matches('/'))).await?;
    let status = response.status();
    let body = read_limited(response).await.map_err(|error| error.to_string())?;
    let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    if said["escalation"].is_string() {
        return Ok(());
    }
    Err(format!("something else answers there, with status {}", status.as_u16()))
}

async fn stream(client: &Client, base_url: &str, word: &str) -> StreamSeen {
    let url = format!("{}/health/stream?word={word}", base_url.trim_end_matches('/'));
    let first = async {
        let mut response = get(client, &url).await?;
        if response.status() != 200 {
            let sentence = "another PagerPal, or something else, answers there: status";
            return Err(format!("{sentence} {}", response.status().as_u16()));
        }
        response.chunk().await.map_err(|error| words(&error))
    };
    match tokio::time::timeout(AT_ONCE, first).await {
        Ok(Ok(Some(_))) => StreamSeen::AtOnce,
        Ok(Ok(None)) => StreamSeen::Failed("it ended at once".to_owned()),
        Ok(Err(why)) => StreamSeen::Failed(why),
        Err(_) => StreamSeen::HeldBack,
    }
}

/// The other's host, and how many seconds ours is ahead.
async fn clock(client: &Client, url: &str) -> Option<(String, i64)> {
    let response = get(client, url).await.ok()?;
    let date = response.headers().get("date")?.to_str().ok()?.to_owned();
    let ahead = SystemClock::new().now().secs_since(instant(&date)?);
    Some((response.url().host_str()?.to_owned(), ahead))
}

/// As HTTP writes it (RFC 9110, 5.6.7).
fn instant(date: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(Timestamp::from_jiff(zoned.timestamp()))
}

async fn get(client: &Client, url: &str) -> Result<Response, String> {
    let request = client.get(url).map_err(|refused| refused.to_string())?;
    request.send().await.map_err(|error| words(&error))
}

/// The innermost cause says most: "connection refused", "certificate has expired".
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_an_instant() {
        let at = instant("Fri, 27 Nov 2026 12:30:05 GMT").expect("a date");
        assert_eq!(at.to_string(), "2026-11-27T12:30:05Z");
        assert_eq!(instant("yesterday"), None);
    }
}
