//! Pages when nothing can be saved: keeps the roster fresh while the store works, and calls from it while it does not.
//!
//! A call here is not a delivery: it is claimed nowhere and recorded nowhere before the store saves again. So one person gets
//! at most a message every five minutes, and it goes to all their methods at once.

use crate::app::AppError;
use crate::app::emergency::{collect, write_down};
use crate::domain::contact::Channel;
use crate::domain::emergency::Call;
use crate::domain::time::Timestamp;
use crate::notify::{Content, Message, Update};
use crate::worker::{Shop, wheel};
use std::time::Duration;
use tokio::sync::Notify;

const EVERY: Duration = Duration::from_secs(1);
/// How old the roster may get while commits come in.
const FRESH_SECS: i64 = 15;

pub async fn run(shop: Shop) {
    let nobody = Notify::new();
    // What the roster was made of, and when.
    let (mut commits, mut taken_at) = (None, None::<Timestamp>);
    loop {
        let status = shop.app.store_status();
        let now = shop.app.now();
        let begins = status.is_failing() && !shop.app.emergency.is_on();
        let is_old = taken_at.is_none_or(|at| now.secs_since(at) >= FRESH_SECS);
        // Reading mostly goes on when writing does not; if it does not, the last roster has to do.
        if begins || is_old && (commits != Some(status.commits) || shop.app.emergency.is_on()) {
            (commits, taken_at) = (Some(status.commits), Some(now));
            match shop.read(collect).await {
                Ok(roster) => shop.app.emergency.learn(roster),
                Err(error) => tracing::warn!(%error, "the roster for an emergency cannot be renewed"),
            }
        }
        if begins {
            shop.app.emergency.begin();
            tracing::error!("the store cannot save: people are called from memory until it can");
            if channels(&shop).is_empty() {
                tracing::error!("nobody is called: sending is off, or no channel is set up");
            }
        }
        if status.is_failing() {
            for call in shop.app.emergency.calls_due(now, &channels(&shop)) {
                send(&shop, call, now);
            }
        } else if shop.app.emergency.is_on() {
            end(&shop).await;
        }
        if !wheel::pause(&shop, EVERY, &nobody).await {
            return;
        }
    }
}

/// None in safe mode.
fn channels(shop: &Shop) -> Vec<Channel> {
    if shop.app.switches().sending { shop.providers.current().channels_configured() } else { vec![] }
}

/// The store saves again: first what was done meanwhile, and only then nobody is called any more.
async fn end(shop: &Shop) {
    let meanwhile = shop.app.emergency.meanwhile();
    let known = meanwhile.clone();
    let written: Result<(), AppError> = shop.write(move |tx| write_down(tx, &meanwhile)).await;
    match written {
        // Somebody may have taken one since; then it is written down in the next round.
        Ok(()) if !shop.app.emergency.end(&known) => {}
        Ok(()) => tracing::info!("the emergency is over: the store saves again"),
        Err(error) => tracing::error!(%error, "what was done meanwhile cannot be written down; trying again"),
    }
}

/// By every method at once, in a task of its own: a provider that hangs holds up nobody.
fn send(shop: &Shop, call: Call, now: Timestamp) {
    let settings = &shop.app.settings;
    let base = settings.base_url.as_deref().map(|base| base.trim_end_matches('/'));
    let token = call.incident.map(|incident| settings.link_key.link(incident, call.user));
    let link = base.zip(token).map(|(base, token)| format!("{base}/a/{token}"));
    for (method, (channel, to)) in call.methods.into_iter().enumerate() {
        let message = Message {
            // A provider takes each id once, and two methods may be of one provider.
            message_id: format!("pp-{}-emergency-{}-{}-{method}", shop.app.lineage(), call.user, now.as_second()),
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
