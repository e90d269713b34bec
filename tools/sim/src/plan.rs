//! What a run is made of, as plain values: an organisation, what goes wrong in its night, and everything that people,
//! tools and fate do. Made before the run ([`deal`](super::deal)), kept as lines of JSON, played as often as wanted.
//!
//! Nothing here depends on a generator: a plan that was saved plays the same after every change of what is dealt. People,
//! policies and the like are named by their place in the site.

use serde::{Deserialize, Serialize};

/// A whole run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What the run itself draws comes from streams of this.
    pub seed: u64,
    pub weather: Weather,
    pub site: Site,
    /// How long people, tools and faults go on. Then nothing goes wrong any more.
    pub minutes: u64,
    #[serde(skip)]
    pub actions: Vec<Planned>,
}

/// What goes wrong by itself, for each message or commit, in thousandths. Nothing else in a run is left to chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Weather {
    /// The provider took it and reports later that it did not arrive.
    pub undelivered: u64,
    pub report_lost: u64,
    pub report_twice: u64,
    /// The report comes minutes or hours late instead of seconds.
    pub report_late: u64,
    /// The report comes before the answer to our own call.
    pub report_early: u64,
    /// The call takes seconds instead of tenths.
    pub slow: u64,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Site {
    pub people: Vec<Person>,
    pub schedules: Vec<Schedule>,
    /// Members by place. Every schedule belongs to the team of its number, if there is one.
    pub teams: Vec<Vec<usize>>,
    pub policies: Vec<Policy>,
    pub sources: Vec<Source>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Person {
    pub admin: bool,
    pub methods: Vec<Method>,
    /// High urgency: method by place, and minutes after the page. Empty: all at once.
    pub rules: Vec<(usize, u8)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Method {
    pub channel: Channel,
    /// Two methods with the same number share a phone.
    pub number: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Sms,
    WhatsApp,
    Email,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Schedule {
    pub fallback: Option<usize>,
    /// A rotation: the length of a turn in hours, and whose they are.
    pub rotation: Option<(u16, Vec<usize>)>,
    pub entries: Vec<Shift>,
}

/// In minutes since the start, by the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shift {
    pub who: usize,
    pub from: i64,
    pub to: i64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Policy {
    pub levels: Vec<Level>,
    pub repeat: u8,
    pub last_resort: Vec<usize>,
    pub repage: u16,
    pub ack_timeout: Option<u16>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Level {
    pub number: u8,
    pub delay: u16,
    pub recipients: Vec<Recipient>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipient {
    Person(usize),
    Schedule(usize),
    Team(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Source {
    pub policy: usize,
    pub auto_resolve: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

/// `at` is in thousandths of a second since the start, by a clock that nobody can set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Planned {
    pub at: u64,
    #[serde(flatten)]
    pub what: Action,
}

/// The alert of this number, of the source of this place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Alert {
    pub source: usize,
    pub alert: usize,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    Trigger {
        #[serde(flatten)]
        alert: Alert,
        severity: Severity,
    },
    Recover {
        #[serde(flatten)]
        alert: Alert,
    },
    /// The tool says that somebody there took it.
    TakenThere {
        #[serde(flatten)]
        alert: Alert,
    },
    /// Somebody does something to the alert's newest incident.
    Act {
        #[serde(flatten)]
        alert: Alert,
        who: usize,
        deed: Deed,
    },
    /// Failed messages of the alert's newest incident are sent again.
    Retry {
        #[serde(flatten)]
        alert: Alert,
        who: usize,
    },
    Deactivate {
        who: usize,
    },
    Reactivate {
        who: usize,
    },
    EnableMethod {
        who: usize,
        method: usize,
        enabled: bool,
    },
    RemoveMethod {
        who: usize,
        method: usize,
    },
    AddMethod {
        who: usize,
        method: Method,
    },
    /// The whole policy is saved anew.
    EditPolicy {
        policy: usize,
        #[serde(flatten)]
        to: Policy,
    },
    MoveSource {
        source: usize,
        policy: usize,
    },
    AddEntry {
        schedule: usize,
        shift: Shift,
    },
    /// The one made `nth` in this run, if it is there yet; the same below.
    RemoveEntry {
        schedule: usize,
        nth: usize,
    },
    AddOverride {
        schedule: usize,
        shift: Shift,
        /// Whom it replaces; without, it covers.
        instead_of: Option<usize>,
    },
    RemoveOverride {
        schedule: usize,
        nth: usize,
    },
    JoinTeam {
        team: usize,
        who: usize,
    },
    LeaveTeam {
        team: usize,
        who: usize,
    },
    /// A job of this source is to report every so many minutes, and a grace.
    AddHeartbeat {
        source: usize,
        interval: u32,
        grace: u32,
    },
    /// The job reports that it ran, or that it failed.
    Ping {
        nth: usize,
        fails: bool,
    },
    RemoveHeartbeat {
        nth: usize,
    },
    /// A maintenance window over these sources, or over the team of all of them.
    AddWindow {
        sources: Vec<usize>,
        from: i64,
        to: i64,
    },
    /// What runs of it ends now.
    EndWindow {
        nth: usize,
    },
    RemoveWindow {
        nth: usize,
    },
    /// Somebody sets the host's wall clock.
    SetClock {
        by_secs: i64,
    },
    /// The process dies at that moment, or the next time it comes about, and is back after a while.
    Crash {
        moment: Moment,
        down_ms: u64,
    },
    /// A backup is taken.
    BackUp,
    /// The host is lost, and another goes on from the newest backup after a while.
    Restore {
        down_ms: u64,
    },
    /// An admin has looked at what is held after that.
    Resume {
        who: usize,
    },
    /// Commits fail: the next one, or all for a while. `applied`: the first of them is on disk all the same.
    StoreFails {
        applied: bool,
        for_ms: u64,
        /// Nothing can be read, either.
        reads: bool,
    },
    /// Every message to a channel meets this, for a while.
    Provider {
        channel: Channel,
        mood: Mood,
        for_ms: u64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    Now,
    /// A message is claimed and has not left.
    BeforeSend,
    /// It has left, and the answer has not come.
    BeforeAnswer,
    /// The answer has come and is not recorded.
    BeforeRecord,
    /// While a commit is under way; it is on disk, or not.
    InCommit {
        applied: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// A definite no that may pass.
    Busy,
    /// No to this message.
    Refuses,
    /// No to every message of the account.
    AccountClosed,
    /// Nothing arrives and nothing is answered.
    Stalls,
    /// It takes the message, and the answer is lost.
    LosesAnswers,
    /// An error of its own, with or without having taken the message.
    Breaks { taken: bool },
    /// The answer comes when the claim is long over and somebody else has claimed the message: a host that stood still.
    /// Yes, or a no that may pass.
    AnswersLate { taken: bool },
    /// It believes that somebody has used the id before, and takes nothing.
    KnowsTheId,
    /// Rejected in the report, with leave to try once more.
    Unreachable,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    Acknowledge,
    Unacknowledge,
    Resolve,
    Reopen,
    Escalate { to: Option<u8>, seen: Option<u8> },
    Snooze { minutes: i64 },
    Reassign { to: Vec<usize> },
    ReassignToPolicy { policy: usize },
    SetSeverity { to: Severity },
    Note,
}

impl Plan {
    /// One line for the run, one for each action.
    pub fn to_lines(&self) -> String {
        let line = |value: serde_json::Result<String>| value.expect("plain values have a JSON form") + "\n";
        let actions = self.actions.iter().map(|action| line(serde_json::to_string(action)));
        line(serde_json::to_string(self)) + &actions.collect::<String>()
    }

    pub fn from_lines(text: &str) -> Result<Plan, String> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, first) = lines.next().ok_or("there is no line in it")?;
        let mut plan: Plan = serde_json::from_str(first).map_err(|error| format!("line 1: {error}"))?;
        for (number, line) in lines {
            let planned = serde_json::from_str(line).map_err(|error| format!("line {}: {error}", number + 1))?;
            plan.actions.push(planned);
        }
        Ok(plan)
    }
}
