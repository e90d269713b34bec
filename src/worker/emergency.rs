//! Pages when nothing can be saved: keeps the roster fresh while the store works, and calls from it while it does not.
//!
//! A call here is not a delivery: it is claimed nowhere and recorded nowhere before the store saves again. So one person gets
//! at most a message every five minutes, and it goes to all their methods at once.
//!
//! The roster is mirrored to a file, and a start whose database does not open calls from that ([`before_start`]).

use crate::app::AppError;
use crate::app::emergency::{collect, write_down};
use crate::app::system::Worker;
use crate::bridge::Lane;
use crate::domain::contact::Channel;
use crate::domain::emergency::{Call, Why};
use crate::domain::time::Timestamp;
use crate::notify::{Content, Message, Update};
use crate::worker::{Shop, wheel};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
/// How often a database that does not open is tried again.
const TRY_AGAIN_ROUNDS: u32 = 10;
/// How old the roster may get while commits come in, and without any: who is on call changes by the hour, too.
const FRESH_SECS: i64 = 2;
const OLD_SECS: i64 = 60;
/// Its mirror on the disk is written at most so often.
const MIRROR_SECS: i64 = 60;

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    let mut fresh = Fresh { is_unwritten: true, ..Fresh::default() };
    loop {
        let status = shop.app.store_status();
        let now = shop.app.now();
        let begins = status.is_failing() && !shop.app.emergency.is_on();
        // Reading mostly goes on when writing does not; if it does not, the last roster has to do until it does.
        if begins || fresh.is_old(status.commits, now) {
            fresh.take(&shop, status.commits, now).await;
        }
        if begins {
            shop.app.emergency.begin(Why::CannotSave);
            tracing::error!("the store cannot save: people are called from memory until it can");
            if channels(&shop).is_empty() {
                tracing::error!("nobody is called: sending is off, or no channel is set up");
            }
        }
        if status.is_failing() {
            call(&shop, now);
        } else if shop.app.emergency.is_on()
            && let Err(error) = end(&shop).await
        {
            tracing::error!(%error, "what was done meanwhile cannot be written down; trying again");
        }
        if fresh.written_at.is_none_or(|at| now.is_past(at, MIRROR_SECS)) {
            fresh.mirror(&shop, now).await;
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            // The next start may need it.
            fresh.take(&shop, status.commits, now).await;
            fresh.mirror(&shop, now).await;
            return;
        }
    }
}

/// In place of every other worker while the database does not open or cannot be written: calls from the last roster, and tries
/// again. Returns when the database is as after any start, or the process is to stop.
pub async fn before_start(shop: &Shop) {
    let nobody = Notify::new();
    recall(shop).await;
    let mut fresh = Fresh::default();
    let mut rounds: u32 = 0;
    loop {
        let now = shop.app.now();
        // One that opened and cannot be written knows better than the file.
        let commits = shop.app.store_status().commits;
        if shop.app.is_open() && fresh.is_old(commits, now) {
            fresh.take(shop, commits, now).await;
        }
        shop.app.emergency.begin(if shop.app.is_open() { Why::CannotSave } else { Why::CannotOpen });
        call(shop, now);
        // Who looks after us has to know that somebody still calls.
        shop.ran(Worker::Inspector, 0, None);
        if !wheel::pause(shop, EVERY, &nobody).await {
            return;
        }
        rounds = rounds.wrapping_add(1);
        if rounds.is_multiple_of(TRY_AGAIN_ROUNDS) {
            match begin_late(shop).await {
                Ok(()) => return,
                Err(problem) => {
                    tracing::error!(problem, "normal service cannot begin yet; it is tried again");
                    shop.app.emergency.wait_for(Some(problem));
                }
            }
        }
    }
}

async fn begin_late(shop: &Shop) -> Result<(), String> {
    let app = Arc::clone(&shop.app);
    let opened = shop.bridge.run(Lane::Paging, move || app.open_late()).await;
    opened.map_err(|crossing| crossing.to_string())??;
    // Before any timer fires, so that what was sent stands before what follows.
    while shop.app.emergency.is_on() {
        end(shop).await.map_err(|error| error.to_string())?;
    }
    super::begin(shop).await.map_err(|error| error.to_string())
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
    /// A look that failed counts for nothing: the next round looks again.
    fn is_old(&self, commits: u64, now: Timestamp) -> bool {
        let most = if self.commits == Some(commits) { OLD_SECS } else { FRESH_SECS };
        self.taken_at.is_none_or(|at| now.is_past(at, most))
    }

    async fn take(&mut self, shop: &Shop, commits: u64, now: Timestamp) {
        match shop.read(collect).await {
            Ok(roster) => {
                (self.commits, self.taken_at) = (Some(commits), Some(now));
                self.is_unwritten |= shop.app.emergency.learn(roster);
            }
            Err(error) => {
                if self.taken_at.take().is_some() {
                    tracing::warn!(%error, "the roster for an emergency cannot be renewed");
                }
            }
        }
    }

    /// For a start whose database does not open.
    async fn mirror(&mut self, shop: &Shop, now: Timestamp) {
        let Some(files) = shop.app.files.clone().filter(|_| self.is_unwritten) else { return };
        self.written_at = Some(now);
        let app = Arc::clone(&shop.app);
        let saved = shop
            .bridge
            .run(Lane::Paging, move || {
                let bytes = app.emergency.to_bytes().ok_or_else(|| io::Error::other("it has no bytes"))?;
                save(&bytes, &files.roster)
            })
            .await;
        match saved {
            Ok(Ok(())) => self.is_unwritten = false,
            Ok(Err(error)) => tracing::warn!(%error, "the roster for an emergency cannot be written"),
            Err(crossing) => tracing::warn!(%crossing, "the roster for an emergency cannot be written"),
        }
    }
}

/// Whole or not at all, for this user's eyes: it holds names and numbers.
fn save(bytes: &[u8], path: &Path) -> io::Result<()> {
    let new = path.with_extension("roster.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // On a full disk it would take the room that the next one needs.
        let _ = fs::remove_file(&new);
    }
    written
}

/// Learns the last roster from its file.
async fn recall(shop: &Shop) {
    let Some(files) = shop.app.files.clone() else { return };
    let app = Arc::clone(&shop.app);
    let learnt = shop
        .bridge
        .run(Lane::Paging, move || match fs::read(&files.roster) {
            Ok(bytes) if app.emergency.learn_from(&bytes) => Ok(()),
            Ok(_) => Err("it is damaged, or of another version".to_owned()),
            Err(error) => Err(error.to_string()),
        })
        .await;
    if let Err(problem) = learnt.map_err(|crossing| crossing.to_string()).and_then(|learnt| learnt) {
        tracing::error!(problem, "the last roster cannot be read: nobody is called");
    }
}

/// Whoever is due.
fn call(shop: &Shop, now: Timestamp) {
    for call in shop.app.emergency.calls_due(now, &channels(shop)) {
        send(shop, call, now);
    }
}

/// None in safe mode.
fn channels(shop: &Shop) -> Vec<Channel> {
    if shop.app.switches().sending { shop.providers.current().channels_configured() } else { vec![] }
}

/// The store saves again: first what was done meanwhile, and only then nobody is called any more. Somebody may have taken an
/// incident since; then it goes on, to be written down in the next round.
async fn end(shop: &Shop) -> Result<(), AppError> {
    let (all, unwritten) = shop.app.emergency.meanwhile();
    shop.write(move |tx| write_down(tx, &unwritten)).await?;
    if shop.app.emergency.end(all) {
        tracing::info!("the emergency is over: the store saves again");
    }
    Ok(())
}

/// By every method at once, in a task of its own: a provider that hangs holds up nobody.
fn send(shop: &Shop, call: Call, now: Timestamp) {
    let settings = &shop.app.settings;
    let base = settings.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    let token = call.incident.map(|incident| settings.link_key.link(incident, call.user));
    let link = base.zip(token).map(|(base, token)| format!("{base}/a/{token}"));
    for (method, (channel, to)) in call.methods.into_iter().enumerate() {
        let message = Message {
            // A provider takes each id once, two methods may be of one provider, and a clock set back may read the same again.
            message_id: format!(
                "pp-{}-emergency-{}-{}-{}-{method}",
                shop.app.lineage(),
                call.user,
                now.as_second(),
                call.nth
            ),
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
            shop.app.board.channel_answered(channel, shop.app.now(), answer.failure());
            tracing::info!(channel = channel.word(), outcome = ?answer.outcome, "called in an emergency");
        });
    }
}
