//! The last warnings and errors of the process, for a support report: when, how bad and where in the program.
//!
//! Not what they said: an error's words may hold a name, a number, an address. With the version, file and line say which sentence
//! it was, and the operating system's number for an error is kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};

const KEPT: usize = 50;

/// Shared between the subscriber, which notes, and whoever lists.
#[derive(Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<Trouble>>>);

struct Trouble {
    at: String,
    place: String,
    times: u64,
}

impl Recent {
    /// One line each, the newest last. A trouble that repeats itself is one line.
    pub fn list(&self) -> Vec<String> {
        let troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().map(|Trouble { at, place, times }| format!("{at} {place}, {times} times in a row")).collect()
    }

    fn note(&self, at: String, place: String) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = troubles.back_mut().filter(|last| last.place == place) {
            (last.at, last.times) = (at, last.times + 1);
            return;
        }
        troubles.push_back(Trouble { at, place, times: 1 });
        if troubles.len() > KEPT {
            troubles.pop_front();
        }
    }
}

impl<S: Subscriber> Layer<S> for Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN {
            return;
        }
        let mut at = String::new();
        // A clock that cannot be written leaves the time out.
        let _ = SystemTime.format_time(&mut Writer::new(&mut at));
        let mut errno = OsError::default();
        event.record(&mut errno);
        let line = metadata.line().unwrap_or_default();
        let number = errno.0.map(|number| format!(" (os error {number})")).unwrap_or_default();
        self.note(at, format!("{} {}:{line}{number}", metadata.level(), metadata.target()));
    }
}

/// The number in "(os error 28)", as the standard library writes it behind its words.
#[derive(Default)]
struct OsError(Option<u32>);

impl OsError {
    fn look(&mut self, text: &str) {
        let digits = text.split("(os error ").nth(1).and_then(|rest| rest.split(')').next());
        self.0 = self.0.or(digits.and_then(|digits| digits.parse().ok()));
    }
}

impl Visit for OsError {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.look(value);
    }

    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.look(&format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    fn noted(log: impl FnOnce()) -> Vec<String> {
        let recent = Recent::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, log);
        recent.list()
    }

    #[test]
    fn a_trouble_is_a_place_in_the_program_and_none_of_its_words() {
        let lines = noted(|| {
            tracing::info!(target: "pagerpal::web", "no trouble");
            for _ in 0..3 {
                let error = std::io::Error::from_raw_os_error(28);
                tracing::error!(target: "pagerpal::store", title = "Ana's disk", %error, "ana@example.org: {error}");
            }
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].contains("ERROR pagerpal::store:") && lines[0].contains("(os error 28), 3 times"),
            "{lines:?}"
        );
        assert!(!lines[0].contains("na"), "neither Ana nor her address: {lines:?}");
    }

    #[test]
    fn the_last_fifty_are_kept() {
        let recent = Recent::default();
        (0..60).for_each(|number| recent.note(String::new(), format!("place {number}")));
        let lines = recent.list();
        assert_eq!((lines.len(), lines[0].contains("place 10")), (50, true), "{lines:?}");
    }
}
