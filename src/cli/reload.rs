//! SIGHUP: reads the configuration again, and lets what may change while the process runs take effect.
//!
//! That is what [`Row::is_reread`](crate::config::keys::Row::is_reread) names: switches, providers, allowed origins, the
//! log level. A message on the wire ends with the provider it began with. What else has changed waits for a restart and is
//! named on every page until then. A configuration that is not valid changes nothing, and neither does one in which a
//! mistake takes away a channel that works: a typo must not stop pages.

use crate::app::App;
use crate::app::system::SettingShown;
use crate::cli::serve;
use crate::cli::supervised::Supervisor;
use crate::config::{Config, Invalid};
use crate::egress::Egress;
use crate::notify::registry::{Providers, Registry};
use crate::telemetry::Levels;
use crate::web::Web;
use crate::worker::Wakers;
use std::sync::{Arc, PoisonError};
use tokio::signal::unix::Signal;

/// Reads the configuration as it was read at the start, with the same flags.
pub type Read = Box<dyn Fn() -> Result<Config, Invalid> + Send + Sync>;

pub struct Reload {
    pub read: Read,
    /// What holds until the process ends, whatever is read later.
    pub started: Config,
    pub app: Arc<App>,
    pub web: Arc<Web>,
    pub egress: Arc<Egress>,
    pub providers: Providers,
    pub wakers: Arc<Wakers>,
    pub levels: Levels,
}

impl Reload {
    /// Ends with the signals, which is never.
    pub async fn on_each(self, mut hangups: Signal, supervisor: Arc<Supervisor>) {
        while hangups.recv().await.is_some() {
            match self.again() {
                Ok(()) => {
                    tracing::info!(switches = ?self.app.switches(), "the configuration was read again");
                    supervisor.status("Serving; the configuration was read again");
                }
                Err(mistakes) => {
                    mistakes.iter().for_each(|mistake| tracing::error!("not taken over: {mistake}"));
                    self.app.board.configuration_kept(kept(&mistakes));
                    supervisor.status("Serving; the configuration that was read is not valid and not in effect");
                }
            }
        }
    }

    /// What is wrong, if nothing was changed.
    fn again(&self) -> Result<(), Vec<String>> {
        let config = (self.read)()
            .map_err(|invalid| invalid.problems.iter().map(ToString::to_string).collect::<Vec<String>>())?;
        let callbacks = serve::callbacks(&self.started, &self.app.settings.link_key);
        let registry = Registry::new(&serve::notify_settings(&config, callbacks), &self.egress);
        let mistakes: Vec<String> = config
            .problems_degraded
            .iter()
            .map(ToString::to_string)
            .chain(registry.problems().iter().cloned())
            .collect();
        let works = self.providers.current().channels_configured();
        if !mistakes.is_empty() && works.iter().any(|channel| registry.provider(*channel).is_none()) {
            return Err(mistakes);
        }

        self.levels.set(&config.log_filter);
        *self.web.settings.allowed_origins.write().unwrap_or_else(PoisonError::into_inner) = serve::origins(&config);
        serve::configured(&self.app, &config, self.shown(&config), self.waiting(&config), &registry);
        // Before the switches: what they let out finds the new providers.
        self.providers.replace(registry);
        self.app.switch(serve::switches(&config));
        self.wakers.wake_all();
        Ok(())
    }

    /// Every setting as it is in effect: the new ones, and the old ones of what waits for a restart.
    fn shown(&self, config: &Config) -> Vec<SettingShown> {
        let shown = config.settings.iter().zip(&self.started.settings);
        shown.map(|(new, old)| serve::setting(if new.is_reread() { new } else { old })).collect()
    }

    /// A sentence about what was changed and is not in effect.
    fn waiting(&self, config: &Config) -> Option<String> {
        let names = config.changed_until_restart(&self.started);
        let (last, others) = names.split_last()?;
        Some(match others {
            [] => format!("{last} was changed, which takes effect when PagerPal is restarted."),
            _ => {
                format!("{} and {last} were changed, which takes effect when PagerPal is restarted.", others.join(", "))
            }
        })
    }
}

/// The strip on every page: the first mistake stands for all.
fn kept(mistakes: &[String]) -> String {
    let first = mistakes.first().map_or("", String::as_str);
    let more = match mistakes.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more; see the log)", count - 1),
    };
    format!("The configuration was read again and not taken over, the one from before stays: {first}{more}")
}
