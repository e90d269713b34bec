//! What systemd wants to know of a service of `Type=notify`: that it serves, that it is alive, that it is stopping.
//!
//! The watchdog is fed only after the workers that move pages have come round lately: a process that answers requests and
//! pages nobody is to be killed and started again. Without the variables of sd_notify(3) nothing is said.

use crate::app::{App, system};
use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

pub struct Supervisor {
    address: Option<SocketAddr>,
    /// After so much silence the process is killed.
    watchdog: Option<Duration>,
}

impl Supervisor {
    pub fn from_environment() -> Supervisor {
        let address = env::var("NOTIFY_SOCKET").ok().and_then(|name| address_of(&name));
        let is_ours = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let micros = env::var("WATCHDOG_USEC").ok().and_then(|micros| micros.parse().ok());
        Supervisor { address, watchdog: micros.filter(|_| is_ours).map(Duration::from_micros) }
    }

    /// Also in an emergency: a restart opens no database.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// What `systemctl status` shows, until normal service has begun.
    pub async fn say_how_it_is(&self, app: &App, address: &str) {
        if app.emergency.waits_for().is_some() {
            self.status(&format!("Emergency on {address}: the database does not open; see /health"));
        }
        while app.emergency.waits_for().is_some() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.status(&format!("Serving on {address}"));
    }

    pub fn status(&self, text: &str) {
        self.say(&format!("STATUS={text}"));
    }

    pub fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=Stopping: what has begun is finished first");
    }

    /// Never ends.
    pub async fn feed_watchdog(&self, app: Arc<App>) {
        let Some(limit) = self.watchdog.filter(|_| self.address.is_some()) else { return std::future::pending().await };
        loop {
            tokio::time::sleep(limit / 3).await;
            // Not through the bridge: what is asked is memory, and a full lane must not look like a standstill.
            match system::stalled(&app) {
                None => self.say("WATCHDOG=1"),
                Some(worker) => {
                    tracing::error!(worker = worker.word(), "has not come round; systemd is not told that all is well");
                }
            }
        }
    }

    /// Nobody listening is no reason to stop.
    fn say(&self, state: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!("systemd was not reached: {error}");
        }
    }
}

/// A path, or a name in the abstract space if it begins with `@`.
fn address_of(name: &str) -> Option<SocketAddr> {
    match name.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).ok(),
        None => SocketAddr::from_pathname(name).ok(),
    }
}
