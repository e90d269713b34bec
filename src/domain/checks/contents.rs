//! Checks of the database and of what it holds: channels, people, policies, schedules, sources, backups.

use super::facts::{BackupFacts, ChannelFacts, Contents, Database};
use super::{Check, Item, counted, fails, passes, span, unread, warns};
use crate::domain::contact::Channel;
use crate::domain::time::Timestamp;

const BACKUP_SECS: i64 = 3600;

pub(super) fn database(database: &Database) -> Check {
    let item = Item::Database;
    match database {
        Database::Open(contents) => match &contents.cannot_save {
            None => passes(item, "The database opens."),
            Some(why) => fails(
                item,
                "Nothing can be saved: alerts are refused, and nothing new is recorded.",
                "Make room on the disk, or mount it writable again. PagerPal goes on by itself.",
            )
            .about(std::slice::from_ref(why)),
        },
        Database::OtherSchema(_) => passes(item, "The database opens."),
        Database::Unreadable(why) => fails(
            item,
            "The database cannot be opened.",
            "Look at DATA_DIR and at who may read it. A damaged file is replaced by a backup: `pagerpal restore FILE`.",
        )
        .about(std::slice::from_ref(why)),
    }
}

pub(super) fn schema(database: &Database) -> Check {
    match database {
        Database::Open(contents) => {
            passes(Item::Schema, format!("The database has the format of this version, {}.", contents.schema))
        }
        Database::OtherSchema(why) => fails(
            Item::Schema,
            "The database has the format of another version.",
            "Start PagerPal, or run `pagerpal migrate`, to bring an older one up to date. A newer one needs the newer version.",
        )
        .about(std::slice::from_ref(why)),
        Database::Unreadable(_) => unread(Item::Schema),
    }
}

pub(super) fn integrity(contents: &Contents, now: Timestamp) -> Check {
    let item = Item::Integrity;
    match &contents.verified {
        None => passes(item, "The file was sound when it was opened; every record is looked at each night."),
        Some((at, problems)) if problems.is_empty() => {
            let ago = span(now.secs_since(*at));
            passes(item, format!("Every record and every index is sound, looked at {ago} ago."))
        }
        Some((_, problems)) => fails(
            item,
            format!("{} found in the database.", counted(problems.len(), "problem was", "problems were")),
            "Take a copy, run `pagerpal verify`, and restore the last good backup if it does not pass.",
        )
        .about(problems),
    }
}

pub(super) fn channel(contents: &Contents, now: Timestamp) -> Check {
    let item = Item::Channel;
    let complete: Vec<&ChannelFacts> = contents.channels.iter().filter(|channel| channel.is_complete).collect();
    let lacking = contents.channels.iter().filter(|channel| !channel.missing.is_empty());
    let missing: Vec<String> =
        lacking.map(|channel| format!("{}: {}", channel.channel.title(), channel.missing.join(", "))).collect();
    if complete.is_empty() {
        let sentence = "No channel is set up, so nobody can be paged.";
        return fails(item, sentence, "Set SMTP_HOST and SMTP_FROM for email, or INFOBIP_* for SMS.").about(&missing);
    }
    let attempts = |accepted: bool| {
        complete.iter().filter_map(move |channel| {
            let attempt = channel.last_attempt.as_ref().filter(|attempt| attempt.accepted == accepted)?;
            Some((channel.channel.title(), attempt))
        })
    };
    if let Some((channel, attempt)) = attempts(true).max_by_key(|(_, attempt)| attempt.at) {
        let ago = span(now.secs_since(attempt.at));
        return passes(item, format!("{channel} works: its last message was accepted {ago} ago."));
    }
    let refused: Vec<String> =
        attempts(false).map(|(channel, attempt)| format!("{channel}: {}", attempt.text)).collect();
    if refused.is_empty() {
        let sentence = "A channel is set up, but no message has been sent yet, so nobody knows whether it works.";
        return fails(item, sentence, "Send a test to yourself under Settings, Channels.");
    }
    let sentence = "The last message of every channel that is set up was not accepted.";
    fails(item, sentence, "Correct what the provider says, then send a test to yourself.").about(&refused)
}

pub(super) fn second_channel(contents: &Contents) -> Check {
    let is_up = |wanted: fn(Channel) -> bool| {
        contents.channels.iter().any(|channel| channel.is_complete && wanted(channel.channel))
    };
    if is_up(|channel| channel != Channel::Email) {
        return passes(Item::SecondChannel, "There is a channel beside email.");
    }
    let sentence = "Email is at most the only channel, and mail wakes nobody.";
    warns(Item::SecondChannel, sentence, "Set INFOBIP_* for SMS or WhatsApp.")
}

pub(super) fn admins(contents: &Contents) -> Check {
    match contents.admins {
        0 => warns(Item::Admins, "Nobody who can sign in is an admin.", "Run `pagerpal create-admin --email E`."),
        1 => warns(
            Item::Admins,
            "There is one admin: when they are away, nobody can change anything.",
            "Make somebody else an admin.",
        ),
        admins => passes(Item::Admins, format!("{admins} admins can sign in.")),
    }
}

pub(super) fn last_resort(contents: &Contents) -> Check {
    let without = &contents.policies_without_last_resort;
    if contents.policies == 0 {
        return warns(Item::LastResort, "There is no escalation policy yet.", "Make one under Escalation policies.");
    }
    if without.is_empty() {
        return passes(Item::LastResort, "Every escalation policy has a last resort that can be paged.");
    }
    let sentence =
        format!("{} no last resort that can be paged.", counted(without.len(), "policy has", "policies have"));
    warns(Item::LastResort, sentence, "Name people there; until then all admins are paged.").about(without)
}

pub(super) fn reachable(contents: &Contents) -> Check {
    let who = &contents.people_unreachable;
    if who.is_empty() {
        return passes(Item::Reachable, "Everybody in a level or on a schedule can be paged.");
    }
    let sentence = format!("{} in a level or on a schedule cannot be paged.", counted(who.len(), "person", "people"));
    warns(Item::Reachable, sentence, "Give them a contact method that is on, or take them out.").about(who)
}

pub(super) fn levels(contents: &Contents) -> Check {
    let empty = &contents.levels_empty;
    if empty.is_empty() {
        return passes(Item::Levels, "Every level reaches somebody now.");
    }
    let sentence =
        format!("{} nobody now and would be skipped.", counted(empty.len(), "level reaches", "levels reach"));
    warns(Item::Levels, sentence, "Add somebody who can be paged.").about(empty)
}

pub(super) fn coverage(contents: &Contents) -> Check {
    let gaps = &contents.gaps;
    if gaps.is_empty() {
        return passes(Item::Coverage, "No schedule has a gap in the next 14 days.");
    }
    let sentence = format!("{} a gap in the next 14 days.", counted(gaps.len(), "schedule has", "schedules have"));
    warns(Item::Coverage, sentence, "Put somebody on call there.").about(gaps)
}

pub(super) fn sources(contents: &Contents) -> Check {
    let unheard = &contents.sources_unheard;
    if contents.sources == 0 {
        return warns(Item::Sources, "There is no alert source yet.", "Make one under Alert sources.");
    }
    if unheard.is_empty() {
        return passes(Item::Sources, "Something was heard from every alert source.");
    }
    let sentence = format!("Nothing was ever heard from {}.", counted(unheard.len(), "alert source", "alert sources"));
    warns(Item::Sources, sentence, "Send a test from the tool, or deactivate what is not used.").about(unheard)
}

pub(super) fn backup(backup: &BackupFacts, now: Timestamp) -> Check {
    let item = Item::Backup;
    let remedy = "Look at BACKUP_INTERVAL and BACKUP_DIR, or run `pagerpal backup` from a timer.";
    let age = backup.last.map(|at| now.secs_since(at));
    match age {
        _ if !backup.problems.is_empty() => {
            warns(item, "Backups fail, or one could not be restored.", remedy).about(&backup.problems)
        }
        None if backup.is_automatic => warns(item, "No backup has been taken yet.", remedy),
        None => warns(item, "No backups are taken by themselves.", remedy),
        Some(age) if age > BACKUP_SECS => warns(item, format!("The last backup is {} old.", span(age)), remedy),
        Some(age) if backup.is_encrypted => passes(item, format!("The last backup is {} old.", span(age))),
        Some(age) => {
            let sentence = "It is not encrypted: set BACKUP_RECIPIENTS before a copy leaves this machine.";
            passes(item, format!("The last backup is {} old. {sentence}", span(age)))
        }
    }
}
