//! Logs: what is written, in which form, to standard error.
//!
//! One event is one line, whatever its values contain: every control character is escaped, so that an alert's title can
//! neither forge a second line nor drive the reader's terminal, and without what [`redact`](crate::redact) recognises.

mod recent;

pub use recent::Recent;

use crate::redact::redacted;
use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{DefaultFields, Format, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, reload};

/// Sends the events of the whole process to standard error. The first call counts; a second one changes nothing, which
/// lets tests that start several servers in one process be. Answers what changes the levels, and where troubles are
/// remembered.
pub fn install(filter: &Filter, form: Form) -> (Levels, Recent) {
    let recent = Recent::default();
    let (subscriber, levels) = subscriber(filter, form, recent.clone(), io::stderr);
    let _already_installed = tracing::subscriber::set_global_default(subscriber);
    (levels, recent)
}

/// Changes what is written while the process runs.
pub struct Levels(reload::Handle<Targets, Registry>);

impl Levels {
    pub fn set(&self, filter: &Filter) {
        // Refused only once nobody writes any more.
        let _gone = self.0.reload(filter.0.clone());
    }
}

/// What [`install`] installs, for any writer.
pub fn subscriber<W>(
    filter: &Filter,
    form: Form,
    recent: Recent,
    writer: W,
) -> (Box<dyn Subscriber + Send + Sync>, Levels)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(filter.0.clone());
    let registry = tracing_subscriber::registry().with(filter).with(recent);
    let subscriber: Box<dyn Subscriber + Send + Sync> = match form {
        Form::Json => {
            let format = OneLine { format: Format::default().json().flatten_event(true), priority: false };
            Box::new(registry.with(layer().fmt_fields(JsonFields::new()).event_format(format).with_writer(writer)))
        }
        Form::Terminal => {
            let format = OneLine { format: Format::default().with_ansi(false), priority: false };
            let fields = DefaultFields::new();
            Box::new(
                registry.with(layer().fmt_fields(fields).event_format(format).with_ansi(false).with_writer(writer)),
            )
        }
        Form::Journal => {
            // The journal has its own clock and its own field for the level.
            let format = Format::default().with_ansi(false).without_time().with_level(false);
            let format = OneLine { format, priority: true };
            let fields = DefaultFields::new();
            Box::new(
                registry.with(layer().fmt_fields(fields).event_format(format).with_ansi(false).with_writer(writer)),
            )
        }
    };
    (subscriber, Levels(handle))
}

/// How a line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `<4>target: message`, the number being syslog's priority, which the journal reads and removes.
    Journal,
    /// Time, level, target, message and fields, for eyes.
    Terminal,
    /// One JSON object per line, for machines.
    Json,
}

impl Form {
    /// The form that fits where standard error goes. `journal_stream` is the variable `JOURNAL_STREAM`, in which systemd
    /// names the journal's device and inode. Programs started later inherit it, so the name alone proves nothing: a
    /// shell of a desktop session has it, too.
    pub fn automatic(journal_stream: Option<&str>) -> Form {
        if io::stderr().is_terminal() {
            Form::Terminal
        } else if journal_stream.is_some() && journal_stream == standard_error_file().as_deref() {
            Form::Journal
        } else {
            Form::Json
        }
    }
}

fn standard_error_file() -> Option<String> {
    let file = rustix::fs::fstat(io::stderr()).ok()?;
    Some(format!("{}:{}", file.st_dev, file.st_ino))
}

/// Which events are written: a level, or a list such as `info,hyper=debug`.
#[derive(Clone, Debug)]
pub struct Filter(Targets);

impl FromStr for Filter {
    type Err = ();

    /// A bare level is about PagerPal itself. Libraries keep to warnings unless the list names them: their `debug` is
    /// loud, and nobody has checked it for what must not be written down.
    fn from_str(text: &str) -> Result<Filter, ()> {
        let mut ours = LevelFilter::INFO;
        let mut targets = Targets::new();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((target, level)) if !target.trim().is_empty() => {
                    targets = targets.with_target(target.trim(), level_named(level.trim()).ok_or(())?);
                }
                Some(_) => return Err(()),
                None => ours = level_named(part).ok_or(())?,
            }
        }
        let others = ours.min(LevelFilter::WARN);
        let named = targets.iter().any(|(target, _)| target == OWN_TARGET);
        let targets = if named { targets } else { targets.with_target(OWN_TARGET, ours) };
        Ok(Filter(targets.with_default(others)))
    }
}

const OWN_TARGET: &str = "pagerpal";

/// Only the words: the library would also take numbers, which mean nothing to a reader.
fn level_named(word: &str) -> Option<LevelFilter> {
    let known = ["off", "error", "warn", "info", "debug", "trace"];
    if known.contains(&word) { word.parse().ok() } else { None }
}

/// Formats as `format` does, then escapes every control character but the last line end.
///
/// The escape is JSON's, `\u001b`, so that one function serves text and JSON alike: within JSON a control character can
/// only stand inside a string.
struct OneLine<F> {
    format: F,
    priority: bool,
}

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        self.format.format_event(context, Writer::new(&mut line), event)?;
        if self.priority {
            write!(out, "<{}>", syslog_priority(*event.metadata().level()))?;
        }
        writeln!(out, "{}", redacted(&escaped(line.trim_end_matches('\n'))))
    }
}

/// RFC 5424, table 2.
fn syslog_priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while writing").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(form: Form, filter: &str, log: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        let filter: Filter = filter.parse().expect("a filter");
        tracing::subscriber::with_default(subscriber(&filter, form, Recent::default(), move || writer.clone()).0, log);
        let bytes = page.0.lock().expect("no test panics while writing").clone();
        String::from_utf8(bytes).expect("logs are text")
    }

    const HOSTILE: &str = "one\ntwo\r\t\u{1b}[31m\u{7}\u{9b}2J";

    #[test]
    fn no_value_can_start_a_second_line_or_drive_a_terminal() {
        for form in [Form::Journal, Form::Terminal, Form::Json] {
            let text = lines_of(form, "info", || {
                let _span = tracing::warn_span!(target: "pagerpal::web", "request", path = HOSTILE).entered();
                tracing::warn!(target: "pagerpal::web", title = HOSTILE, shown = %HOSTILE, "{HOSTILE}");
            });
            assert_eq!(text.matches('\n').count(), 1, "{form:?}: {text}");
            assert!(text.trim_end().chars().all(|c| !c.is_control()), "{form:?}: {text:?}");
        }
    }

    #[test]
    fn json_stays_json() {
        let text = lines_of(Form::Json, "info", || tracing::info!(target: "pagerpal", title = HOSTILE, "said"));
        let value: serde_json::Value = serde_json::from_str(&text).expect("one JSON object");
        assert_eq!(value["message"], "said");
        assert_eq!(value["title"], HOSTILE);
        assert_eq!(value["level"], "INFO");
        assert!(value["timestamp"].is_string());
    }

    #[test]
    fn no_form_keeps_a_secret_or_an_address() {
        for form in [Form::Journal, Form::Terminal, Form::Json] {
            let text = lines_of(form, "info", || {
                let path = "/a/7hQ2mXk94TcaB8wzK3pLq9dRv5n";
                let _span = tracing::warn_span!(target: "pagerpal::web", "request", path).entered();
                tracing::warn!(target: "pagerpal::web", to = "+4917012345678", "ana@example.org is refused");
            });
            assert!(!["7hQ2", "12345", "ana@"].iter().any(|secret| text.contains(secret)), "{form:?}: {text}");
            assert!(text.contains("a\u{2026}@example.org"), "{form:?}: {text}");
        }
    }

    #[test]
    fn the_journal_gets_a_priority_and_no_time() {
        let text = lines_of(Form::Journal, "info", || tracing::error!(target: "pagerpal::store", "disk full"));
        assert_eq!(text, "<3>pagerpal::store: disk full\n");
    }

    #[test]
    fn a_bare_level_is_about_us_and_libraries_speak_when_named() {
        let log = || {
            tracing::debug!(target: "pagerpal::web", "ours");
            tracing::info!(target: "hyper::proto", "theirs");
            tracing::warn!(target: "redb", "warned");
        };
        let check = |filter: &str, expected: &[&str]| {
            let text = lines_of(Form::Terminal, filter, log);
            let seen: Vec<&str> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
            assert_eq!(seen, expected, "{filter}");
        };
        check("info", &["warned"]);
        check("debug", &["ours", "warned"]);
        check("error", &[]);
        check("info, hyper=info", &["theirs", "warned"]);
        check("error,pagerpal::web=debug", &["ours"]);
    }

    #[test]
    fn what_is_written_can_change_meanwhile() {
        let page = Page::default();
        let writer = page.clone();
        let (subscriber, levels) =
            subscriber(&"info".parse().expect("a filter"), Form::Journal, Recent::default(), move || writer.clone());
        let log = || tracing::debug!(target: "pagerpal::web", "a detail");
        tracing::subscriber::with_default(subscriber, || {
            log();
            levels.set(&"debug".parse().expect("a filter"));
            log();
        });
        let bytes = page.0.lock().expect("no test panics while writing").clone();
        assert_eq!(String::from_utf8_lossy(&bytes).matches("a detail").count(), 1);
    }

    #[test]
    fn nonsense_is_no_filter() {
        for text in ["", "loud", "3", "info,", "=info", "hyper=loud"] {
            assert!(text.parse::<Filter>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_journals_form_needs_the_journal_at_the_other_end() {
        let form = Form::automatic(standard_error_file().as_deref());
        assert!(io::stderr().is_terminal() || form == Form::Journal, "{form:?}");
        assert_ne!(Form::automatic(Some("9:12345")), Form::Journal);
        assert_ne!(Form::automatic(None), Form::Journal);
    }
}
