//! Version 1 of a channel's trouble: without what the trouble was, which is empty from then on.

use super::Step;
use crate::domain::contact::Channel;
use crate::domain::throttle::ChannelTrouble;
use crate::domain::time::Timestamp;
use crate::store::codec::{self, Problem, Version};
use crate::store::tables;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct ChannelTroubleV1 {
    channel: ChannelV1,
    told_at: Timestamp,
}

/// The variants and their order as they were.
#[derive(Serialize, Deserialize)]
enum ChannelV1 {
    Sms,
    WhatsApp,
    Email,
}

impl From<ChannelV1> for Channel {
    fn from(old: ChannelV1) -> Channel {
        match old {
            ChannelV1::Sms => Channel::Sms,
            ChannelV1::WhatsApp => Channel::WhatsApp,
            ChannelV1::Email => Channel::Email,
        }
    }
}

pub(super) const STEP: Step = Step {
    table: tables::CHANNEL_TROUBLE.name(),
    from: Version(1),
    format: 2,
    says: "keeps why a channel works for nobody",
    up,
};

fn up(key: &[u8], payload: &[u8]) -> Result<Vec<u8>, Problem> {
    let ChannelTroubleV1 { channel, told_at } = codec::decode_payload(payload)?;
    let new = ChannelTrouble { channel: channel.into(), told_at, why: String::new() };
    codec::encode(STEP.table, key, Version(2), &new).map_err(|codec::TooLarge| Problem::Shape)
}
