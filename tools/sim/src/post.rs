//! The providers: what becomes of a message between our claim and our record, and what they report later.
//!
//! Exact where it matters. An SMS or WhatsApp message whose id the provider has taken before is answered as a duplicate
//! and reaches no handset again; mail has no such memory. The flooding filter counts every text to a number within 60
//! minutes, refuses the 7th equal and the 21st of any kind, counts those too, and says so in the report alone.

use super::plan::{Mood, Weather};
use pagerpal::domain::contact::Channel;
use pagerpal::domain::delivery::{LEASE_SECS, Outcome};
use pagerpal::domain::given::Jitter;
use pagerpal::domain::receipt::{Fate, Reported};
use std::collections::BTreeMap;

const HOUR_MS: u64 = 3_600_000;
/// The limit of our own calls: what is not answered by then counts as unknown.
const TIMEOUT_MS: u64 = 10_000;

const LEASE_MS: u64 = LEASE_SECS as u64 * 1000;

pub struct Post {
    weather: Weather,
    moods: BTreeMap<Channel, Mood>,
    latency: Jitter,
    fate: Jitter,
    /// What has been taken, by message id.
    taken: BTreeMap<String, Taken>,
    texts: BTreeMap<String, Vec<(u64, String)>>,
    pub filtered: usize,
}

#[derive(Clone, Copy, Default)]
struct Taken {
    times: u64,
    /// On the handset, or in the mailbox.
    copies: u64,
    /// Sendings of which we could not know what became.
    doubts: u64,
}

pub struct Request<'a> {
    pub message_id: &'a str,
    pub channel: Channel,
    pub address: &'a str,
    pub text: &'a str,
    /// No claim before this one may have left under the same id, as far as the sender can know.
    pub is_first: bool,
}

pub struct Reply {
    pub outcome: Outcome,
    pub after_ms: u64,
    /// Each with how much later it comes.
    pub reports: Vec<(u64, Reported)>,
}

/// Whether the provider tells later what became of a message.
pub fn has_receipts(channel: Channel) -> bool {
    channel != Channel::Email
}

impl Post {
    pub fn new(weather: Weather, latency: Jitter, fate: Jitter) -> Post {
        let (moods, taken, texts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Post { weather, moods, latency, fate, taken, texts, filtered: 0 }
    }

    pub fn set_mood(&mut self, channel: Channel, mood: Option<Mood>) {
        match mood {
            Some(mood) => self.moods.insert(channel, mood),
            None => self.moods.remove(&channel),
        };
    }

    /// Nothing goes wrong any more.
    pub fn calm(&mut self) {
        (self.weather, self.moods) = (Weather::default(), BTreeMap::new());
    }

    /// Handset copies of a message, and how many there may be.
    pub fn copies(&self, message_id: &str) -> (u64, u64) {
        let taken = self.taken.get(message_id).copied().unwrap_or_default();
        (taken.copies, 1 + taken.doubts)
    }

    pub fn was_taken(&self, message_id: &str) -> bool {
        self.taken.get(message_id).is_some_and(|taken| taken.times > 0)
    }

    /// We could not learn what became of a sending: the process died, or its answer could not be recorded.
    pub fn doubt(&mut self, message_id: &str) {
        self.taken.entry(message_id.to_owned()).or_default().doubts += 1;
    }

    pub fn send(&mut self, at: u64, request: &Request<'_>) -> Reply {
        let slow = self.fate.below(1000) < self.weather.slow;
        let after_ms = if slow { 1000 + self.latency.below(8000) } else { 80 + self.latency.below(800) };
        let answer = |outcome, after_ms| Reply { outcome, after_ms, reports: vec![] };
        match self.moods.get(&request.channel).copied() {
            Some(Mood::Busy) => {
                let retry_after_secs = (self.fate.below(3) == 0).then_some(20);
                answer(Outcome::Temporary { retry_after_secs }, after_ms)
            }
            Some(Mood::Refuses) => answer(Outcome::Permanent { account_wide: false }, after_ms),
            Some(Mood::AccountClosed) => answer(Outcome::Permanent { account_wide: true }, after_ms),
            Some(Mood::Stalls) => {
                self.doubt(request.message_id);
                answer(Outcome::Ambiguous, TIMEOUT_MS)
            }
            Some(Mood::LosesAnswers) => self.take_in_doubt(at, request, TIMEOUT_MS),
            Some(Mood::Breaks { taken: true }) => self.take_in_doubt(at, request, after_ms),
            Some(Mood::Breaks { taken: false }) => {
                self.doubt(request.message_id);
                answer(Outcome::Ambiguous, after_ms)
            }
            Some(Mood::AnswersLate { taken }) => {
                let after_ms = LEASE_MS + 1000 + self.latency.below(LEASE_MS);
                self.doubt(request.message_id);
                match taken {
                    true => self.take(at, request, after_ms, None),
                    false => answer(Outcome::Temporary { retry_after_secs: None }, after_ms),
                }
            }
            // After a claim whose sender died nobody can tell this from a copy, so it is not asked of anybody.
            Some(Mood::KnowsTheId) if has_receipts(request.channel) && request.is_first => {
                answer(Outcome::Duplicate, after_ms)
            }
            Some(Mood::Unreachable) if has_receipts(request.channel) => {
                self.take(at, request, after_ms, Some(Fate::Refused(Outcome::TemporaryOnce)))
            }
            Some(Mood::Unreachable | Mood::KnowsTheId) | None => self.take(at, request, after_ms, None),
        }
    }

    fn take_in_doubt(&mut self, at: u64, request: &Request<'_>, after_ms: u64) -> Reply {
        let reply = self.take(at, request, after_ms, None);
        self.doubt(request.message_id);
        Reply { outcome: Outcome::Ambiguous, ..reply }
    }

    fn take(&mut self, at: u64, request: &Request<'_>, after_ms: u64, fate: Option<Fate>) -> Reply {
        let Request { message_id, channel, .. } = *request;
        if self.was_taken(message_id) && has_receipts(channel) {
            return Reply { outcome: Outcome::Duplicate, after_ms, reports: vec![] };
        }
        let passes = channel != Channel::Sms || self.filter_passes(at, request.address, request.text);
        let arrives = match &fate {
            Some(_) => false,
            None => !has_receipts(channel) || self.fate.below(1000) >= self.weather.undelivered,
        };
        let fate = match (passes, arrives) {
            (false, _) => Fate::Refused(Outcome::Muted),
            (true, true) => Fate::Delivered,
            (true, false) => fate.unwrap_or(Fate::Refused(Outcome::Permanent { account_wide: false })),
        };
        let taken = self.taken.entry(message_id.to_owned()).or_default();
        taken.times += 1;
        taken.copies += u64::from(fate == Fate::Delivered);
        let reports = if has_receipts(channel) { self.reports(message_id, fate, after_ms) } else { vec![] };
        Reply { outcome: Outcome::Accepted, after_ms, reports }
    }

    /// The clock was set forward, of which we knew nothing: what number got what lately is not counted any more.
    pub fn forget_texts(&mut self) {
        self.texts.clear();
    }

    fn filter_passes(&mut self, at: u64, number: &str, text: &str) -> bool {
        let texts = self.texts.entry(number.to_owned()).or_default();
        texts.retain(|(then, _)| at - then < HOUR_MS);
        texts.push((at, text.to_owned()));
        let equal = texts.iter().filter(|(_, other)| other == text).count();
        let passes = equal < 7 && texts.len() < 21;
        self.filtered += usize::from(!passes);
        passes
    }

    fn reports(&mut self, message_id: &str, fate: Fate, after_ms: u64) -> Vec<(u64, Reported)> {
        let mut chance = |thousandths: u64| self.fate.below(1000) < thousandths;
        let Weather { report_lost, report_twice, report_late, report_early, .. } = self.weather;
        let (lost, twice, late) = (chance(report_lost), chance(report_twice), chance(report_late));
        let (early, at_operator) = (chance(report_early), chance(500));
        let report = |fate: Fate| Reported { message_id: message_id.to_owned(), fate, text: "reported".to_owned() };
        let mut reports = Vec::new();
        let mut wait = || match (early, late) {
            (true, _) => self.latency.below(after_ms),
            (_, true) => after_ms + 120_000 + self.latency.below(2 * HOUR_MS),
            _ => after_ms + 1000 + self.latency.below(20_000),
        };
        if at_operator {
            // Drawn by itself, so it may well come after the final one.
            reports.push((wait(), report(Fate::AtOperator)));
        }
        if !lost {
            reports.push((wait(), report(fate.clone())));
        }
        if twice {
            reports.push((wait(), report(fate)));
        }
        reports
    }
}
