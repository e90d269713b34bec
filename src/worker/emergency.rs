//! Pages when nothing can be saved: keeps the roster fresh while the store works, and calls from it while it does not.
//!
//! A call here is not a delivery: it is claimed nowhere and recorded nowhere before the store saves again. So one person gets
//! at most a message every five minutes, and it goes to all their methods at once.

use crate::app::AppError;
use crate::app::emergency::{collect, write_down};
use crate::domain::delivery::Outcome;
use crate::domain::emergency::{Call, Roster};
use crate::domain::time::Timestamp;
use crate::exchange::roster;
use crate::notify::{Content, Message, Update};
use crate::worker::{Shop, wheel};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
/// How old the roster may get while commits come in.
const FRESH_SECS: i64 = 15;
/// Its mirror on the disk is written at most so often.
const MIRROR_SECS: i64 = 60;

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    let mut fresh = Fresh::default();
    loop {
        let status = shop.app.store_status();
        let now = shop.app.now();
        if status.is_failing() {
            if !shop.app.emergency.is_on() {
                // Reading mostly goes on when writing does not; if it does not, the last roster has to do.
                fresh.refresh(&shop, now).await;
                shop.app.emergency.begin(now);
                tracing::error!("the store cannot save: people are called from memory until it can");
            }
            for call in shop.app.emergency.calls_due(now) {
                send(&shop, call, now);
            }
        } else if shop.app.emergency.is_on() {
            end(&shop).await;
        }
        let is_old = fresh.taken_at.is_none_or(|at| now.secs_since(at) >= FRESH_SECS);
        if is_old && (fresh.commits != Some(status.commits) || shop.app.emergency.is_on()) {
            fresh.commits = Some(status.commits);
            fresh.refresh(&shop, now).await;
        }
        fresh.mirror(&shop, now).await;
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    }
}

/// What the roster was made of, and when.
#[derive(Default)]
struct Fresh {
    commits: Option<u64>,
    taken_at: Option<Timestamp>,
    is_unwritten: bool,
    written_at: Option<Timestamp>,
}

impl Fresh {
    async fn refresh(&mut self, shop: &Shop, now: Timestamp) {
        self.taken_at = Some(now);
        match shop.read(collect).await {
            Ok(roster) => self.is_unwritten |= shop.app.emergency.learn(roster),
            Err(error) => tracing::warn!(%error, "the roster for an emergency cannot be renewed"),
        }
    }

    /// For a start with a damaged database.
    async fn mirror(&mut self, shop: &Shop, now: Timestamp) {
        let is_due = self.written_at.is_none_or(|at| now.secs_since(at) >= MIRROR_SECS);
        let Some(path) = shop.app.roster_file.clone().filter(|_| self.is_unwritten && is_due) else { return };
        self.written_at = Some(now);
        let roster = shop.app.emergency.roster();
        match tokio::task::spawn_blocking(move || save(&roster, &path)).await {
            Ok(Ok(())) => self.is_unwritten = false,
            Ok(Err(error)) => tracing::warn!(%error, "the roster for an emergency cannot be written"),
            Err(error) => tracing::warn!(%error, "the roster for an emergency cannot be written"),
        }
    }
}

/// Whole or not at all, for this user's eyes.
fn save(roster: &Roster, path: &Path) -> io::Result<()> {
    let new = path.with_extension("roster.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(&roster::to_bytes(roster)?)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// The store saves again: first what was done meanwhile, and only then nobody is called any more.
async fn end(shop: &Shop) {
    let meanwhile = shop.app.emergency.meanwhile();
    let written: Result<(), AppError> = shop.write(move |tx| write_down(tx, &meanwhile)).await;
    match written {
        Ok(()) => {
            shop.app.emergency.end();
            tracing::info!("the emergency is over: the store saves again");
        }
        Err(error) => tracing::error!(%error, "what was done meanwhile cannot be written down; trying again"),
    }
}

/// By every method at once, in a task of its own: a provider that hangs holds up nobody.
fn send(shop: &Shop, call: Call, now: Timestamp) {
    let settings = &shop.app.settings;
    let base = settings.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    let token = call.incident.map(|incident| settings.link_key.link(incident, call.user));
    let link = base.zip(token).map(|(base, token)| format!("{base}/a/{token}"));
    for (channel, to) in call.methods {
        if !shop.app.switches().sending || shop.providers.current().provider(channel).is_none() {
            tracing::warn!(user = %call.user, channel = channel.word(), "nobody is called: sending is off, or the channel is not set up");
            continue;
        }
        let message = Message {
            message_id: format!("pp-{}-emergency-{}-{}", shop.app.lineage(), call.user, now.as_second()),
            channel,
            to,
            at: now,
            thread: None,
            content: Content::Update(Update { about: None, sentence: call.sentence.clone(), link: link.clone() }),
            nth: Some(call.nth),
        };
        let shop = shop.clone();
        tokio::spawn(async move {
            let providers = shop.providers.current();
            let Some(provider) = providers.provider(channel) else { return };
            let answer = provider.send(&message).await;
            let failure = match answer.outcome {
                Outcome::Accepted | Outcome::Duplicate => None,
                _ => Some(answer.text.as_str()),
            };
            shop.app.board.channel_answered(channel, shop.app.now(), failure);
            tracing::info!(channel = channel.word(), outcome = ?answer.outcome, "called in an emergency");
        });
    }
}
