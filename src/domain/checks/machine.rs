//! Checks of the machine, its configuration, the switches, and of what `doctor --online` has tried.

use super::facts::{Certificate, Contents, Disk, Facts, Machine, SecretKey, StreamSeen, WorkerFacts};
use super::{Check, DAY, Item, counted, fails, passes, span, unknown, unread, warns};
use crate::domain::time::Timestamp;

pub const DISK_FREE_BYTES: u64 = 1 << 30;
const CERTIFICATE_DAYS: i64 = 14;
const CLOCK_SECS: i64 = 2;
const ZONE_DATA_DAYS: i64 = 180;
/// Beyond this a worker is not in time.
const LATE_SECS: i64 = 60;

pub(super) fn configuration(machine: &Machine) -> Check {
    let Machine { settings_wrong, settings_odd, .. } = machine;
    let remedy = "Correct them where they are set, and start PagerPal again.";
    match (settings_wrong.len(), settings_odd.len()) {
        (0, 0) => passes(Item::Configuration, "The configuration is sound."),
        (0, odd) => {
            let sentence = format!("{} probably not meant as it stands.", counted(odd, "setting is", "settings are"));
            warns(Item::Configuration, sentence, remedy).about(settings_odd)
        }
        (wrong, _) => {
            let sentence = format!("{} wrong and not in effect.", counted(wrong, "setting is", "settings are"));
            fails(Item::Configuration, sentence, remedy).about(settings_wrong)
        }
    }
}

pub(super) fn secret_key(machine: &Machine) -> Check {
    let item = Item::SecretKey;
    match &machine.secret_key {
        SecretKey::Private => passes(item, "The secret key is strong, and only its owner can read it."),
        SecretKey::Exposed { file } => fails(
            item,
            "Other users of this machine can read the file that holds the secret key.",
            "Take their right to read it away (chmod o-rwx). If anybody may have read it, replace it: everybody signs in again.",
        )
        .about(std::slice::from_ref(file)),
        SecretKey::Absent => unknown(item, "No secret key was made yet.", "The first start of PagerPal makes one."),
        SecretKey::Unreadable { problem } => fails(
            item,
            "The secret key cannot be read.",
            "Run this as the user that PagerPal runs as, or put the key back from where you keep it.",
        )
        .about(std::slice::from_ref(problem)),
    }
}

fn is_tight(disk: &Disk) -> bool {
    disk.free_bytes < DISK_FREE_BYTES || disk.free_bytes < disk.size_bytes / 10
}

pub(super) fn disk_space(machine: &Machine) -> Check {
    let free = |disk: &Disk| {
        let percent = disk.free_bytes.saturating_mul(100) / disk.size_bytes.max(1);
        format!("{}.{} GB, {percent} %", disk.free_bytes / 1_000_000_000, disk.free_bytes / 100_000_000 % 10)
    };
    let tight: Vec<&Disk> = machine.disks.iter().filter(|disk| is_tight(disk)).collect();
    match (machine.disks.iter().min_by_key(|disk| disk.free_bytes), tight.first()) {
        (None, _) => unknown(Item::DiskSpace, "The disk could not be asked how much is free.", "Look at it by `df`."),
        (Some(least), None) => passes(Item::DiskSpace, format!("There is room: {} are free.", free(least))),
        (Some(_), Some(first)) => {
            let about: Vec<String> = tight.iter().map(|disk| format!("{}: {}", disk.place, free(disk))).collect();
            let remedy = "Make room, or keep fewer backups (BACKUP_KEEP): without room nothing can be saved.";
            let sentence = format!("Less than 1 GiB or a tenth of the disk is free: {}.", free(first));
            fails(Item::DiskSpace, sentence, remedy).about(&about)
        }
    }
}

pub(super) fn sending(facts: &Facts) -> Check {
    if facts.sending_on {
        return passes(Item::Sending, "Messages are sent.");
    }
    fails(
        Item::Sending,
        "Safe mode: nobody is contacted, pages are only recorded.",
        "Set NOTIFICATION_SENDING_ENABLED=true once a channel is set up.",
    )
}

pub(super) fn escalation(facts: &Facts, contents: Option<&Contents>) -> Check {
    let off = ("Escalation is off: incidents stay at their level.", "Set ESCALATION_WORKER_ENABLED=true.");
    worker(
        facts,
        Item::Escalation,
        facts.escalation_on,
        off,
        contents.map(|contents| contents.escalation),
        "Escalation",
    )
}

pub(super) fn retry(facts: &Facts, contents: Option<&Contents>) -> Check {
    let off = ("Retries are off: a failed page stays failed.", "Set NOTIFICATION_RETRY_WORKER_ENABLED=true.");
    worker(
        facts,
        Item::Retry,
        facts.retry_on,
        off,
        contents.map(|contents| contents.retry),
        "The retry of failed pages",
    )
}

fn worker(
    facts: &Facts,
    item: Item,
    is_on: bool,
    (off, switch): (&str, &str),
    worker: Option<WorkerFacts>,
    name: &str,
) -> Check {
    let remedy = "Look at the log and at the load of the machine, and start PagerPal again if it does not catch up.";
    match worker {
        _ if !is_on => fails(item, off, switch),
        None => unread(item),
        Some(_) if !facts.is_served => {
            let sentence = format!("{name} is on; whether it is in time only a running PagerPal can say.");
            unknown(item, sentence, "Start PagerPal and ask again.")
        }
        Some(WorkerFacts { silent_secs: Some(secs), .. }) => {
            fails(item, format!("{name} has not come round for {}.", span(secs)), remedy)
        }
        Some(WorkerFacts { lag_secs, .. }) if lag_secs > LATE_SECS => {
            fails(item, format!("{name} is {} late.", span(lag_secs)), remedy)
        }
        Some(_) => passes(item, format!("{name} is on and in time.")),
    }
}

pub(super) fn cookie(machine: &Machine) -> Check {
    if machine.cookie_secure {
        return passes(Item::Cookie, "Sessions travel over https only.");
    }
    fails(
        Item::Cookie,
        "The session's cookie is not marked Secure: somebody on the way could take a session over.",
        "Put TLS in front, and set PAGERPAL_BASE_URL to the https address.",
    )
}

pub(super) fn certificate(machine: &Machine, now: Timestamp) -> Check {
    let item = Item::Certificate;
    let remedy = "Replace TLS_CERT_FILE and TLS_KEY_FILE; no restart is needed.";
    match &machine.certificate {
        Certificate::NotOurs => passes(item, "PagerPal serves no certificate of its own; a proxy's is the proxy's."),
        Certificate::Unusable(why) => {
            fails(item, "The TLS certificate cannot be used.", remedy).about(std::slice::from_ref(why))
        }
        Certificate::EndsAt(at) => match at.secs_since(now) {
            left if left <= 0 => fails(item, "The TLS certificate has ended: browsers and senders refuse.", remedy),
            left if left <= CERTIFICATE_DAYS * DAY => {
                fails(item, format!("The TLS certificate ends in {}.", span(left)), remedy)
            }
            left => passes(item, format!("The TLS certificate is good for {}.", span(left))),
        },
    }
}

pub(super) fn base_url(facts: &Facts) -> Check {
    let item = Item::BaseUrl;
    let Some(base_url) = &facts.base_url else {
        let sentence = "PAGERPAL_BASE_URL is not set: messages carry no link.";
        return warns(item, sentence, "Set it to the address people reach PagerPal at.");
    };
    match facts.online.as_ref().and_then(|online| online.base_url.as_ref()) {
        Some(Err(why)) => {
            let remedy = "Look at the proxy, its certificate and the name's address.";
            warns(item, "PagerPal does not answer at its base URL.", remedy).about(std::slice::from_ref(why))
        }
        _ if !base_url.starts_with("https://") => {
            let sentence = "The base URL is http: passwords and sessions travel in the clear.";
            warns(item, sentence, "Put TLS in front, and set PAGERPAL_BASE_URL to the https address.")
        }
        Some(Ok(())) => passes(item, "PagerPal answers at its base URL, over https."),
        None => passes(item, "The base URL is https; `pagerpal doctor --online` tries whether it answers."),
    }
}

const ONLINE: &str = "Run `pagerpal doctor --online`.";

pub(super) fn event_stream(facts: &Facts) -> Check {
    let item = Item::EventStream;
    match facts.online.as_ref().map(|online| &online.stream) {
        None => unknown(item, "Whether a proxy holds back live updates is tried from outside.", ONLINE),
        Some(StreamSeen::NotTried(why)) => unknown(item, why.as_str(), "See to that first."),
        Some(StreamSeen::AtOnce) => passes(item, "Live updates arrive at once."),
        Some(StreamSeen::HeldBack) => warns(
            item,
            "Something on the way holds live updates back: open pages are old without saying so.",
            "Switch buffering off in the proxy; packaging/proxy has examples.",
        ),
        Some(StreamSeen::Failed(why)) => warns(
            item,
            "Live updates could not be fetched at the base URL.",
            "Look whether PAGERPAL_BASE_URL leads to this PagerPal, and at the proxy.",
        )
        .about(std::slice::from_ref(why)),
    }
}

pub(super) fn clock(facts: &Facts) -> Check {
    let item = Item::Clock;
    let Some(online) = &facts.online else {
        return unknown(item, "The clock is held against another one from outside.", ONLINE);
    };
    match &online.clock {
        None => unknown(item, "No other clock could be asked.", "Set up a provider, or compare by `timedatectl`."),
        Some((whose, ahead)) if ahead.abs() > CLOCK_SECS => {
            let how = if *ahead > 0 { "ahead of" } else { "behind" };
            let sentence = format!("The clock is {} {how} another one.", span(ahead.abs()));
            warns(item, sentence, "Let the host follow a time server.").about(&[format!("by the clock of {whose}")])
        }
        Some(_) => passes(item, "The clock is right within 2 s."),
    }
}

pub(super) fn zone_data(machine: &Machine, now: Timestamp) -> Check {
    let item = Item::ZoneData;
    let Some((version, since)) = &machine.zone_data else {
        return unknown(item, "The time zone data does not say how old it is.", "Compare it with iana.org/time-zones.");
    };
    let days = now.secs_since(*since).max(0) / DAY;
    if days > ZONE_DATA_DAYS {
        let sentence = format!("The time zone data, {version}, was taken in {days} days ago.");
        return warns(item, sentence, "Update PagerPal: hand-offs follow it, and governments change clocks.");
    }
    passes(item, format!("The time zone data, {version}, is recent."))
}
