//! Ids: one type per thing, so that a user's can never be passed for a team's.
//!
//! An id is a number from the database's one sequence. Outside it is written as a prefix that names the kind and the
//! number in base 32 (Crockford's alphabet, lower case): `usr_1k`. Readers treat it as opaque.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What every id type can do; [`NewIds`] makes them, the store's keys are made of them.
pub trait Id: Copy + Ord + fmt::Display + FromStr {
    const PREFIX: &'static str;
    fn new(number: u64) -> Self;
    fn number(self) -> u64;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u64);

        impl Id for $name {
            const PREFIX: &'static str = $prefix;
            fn new(number: u64) -> Self { $name(number) }
            fn number(self) -> u64 { self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { write_id(out, $prefix, self.0) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result { write_id(out, $prefix, self.0) }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> { read_id(text, $prefix).map($name) }
        }
    )*};
}

ids! {
    UserId "usr"
    /// A phone number or mail address of a user.
    ContactId "con"
    TeamId "team"
    ScheduleId "sch"
    /// A normal entry of a schedule.
    EntryId "ent"
    /// An override of a schedule; a larger one is newer.
    OverrideId "ovr"
    /// A rotation or imported calendar of a schedule.
    LayerId "lay"
    /// A calendar that is fetched from elsewhere.
    ImportId "imp"
    /// A calendar that others may fetch from here.
    FeedId "feed"
    MaintenanceId "mnt"
    HeartbeatId "hbt"
    PolicyId "pol"
    AlertSourceId "src"
    IncidentId "inc"
    /// One message to one person about one thing.
    NotificationId "ntf"
    /// A notification on its way over one channel.
    DeliveryId "dlv"
    SessionId "ses"
    ApiTokenId "tok"
    InvitationId "inv"
    AuditId "aud"
}

/// The text is not an id of the expected kind. Carries no text: it is shown as "not found".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAnId;

fn write_id(out: &mut fmt::Formatter<'_>, prefix: &str, number: u64) -> fmt::Result {
    write!(out, "{prefix}_")?;
    let digits = (u64::BITS - number.leading_zeros()).div_ceil(5).max(1);
    for place in (0..digits).rev() {
        let digit = (number >> (place * 5)) & 31;
        write!(out, "{}", ALPHABET[digit as usize] as char)?;
    }
    Ok(())
}

/// Accepts exactly what `write_id` writes, so that every id has one spelling.
fn read_id(text: &str, prefix: &str) -> Result<u64, NotAnId> {
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(NotAnId)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(NotAnId);
    }
    let mut number: u64 = 0;
    for byte in digits.bytes() {
        let digit = ALPHABET.iter().position(|letter| *letter == byte).ok_or(NotAnId)?;
        number = number.checked_mul(32).and_then(|n| n.checked_add(digit as u64)).ok_or(NotAnId)?;
    }
    Ok(number)
}

/// New ids for one decision, in order, from the sequence the store keeps.
#[derive(Clone, Debug)]
pub struct NewIds {
    next: u64,
}

impl NewIds {
    pub fn starting_at(next: u64) -> NewIds {
        NewIds { next }
    }

    pub fn take<T: Id>(&mut self) -> T {
        let id = T::new(self.next);
        self.next += 1;
        id
    }

    /// The first number not handed out; the store keeps it.
    pub fn peek(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_writes() {
        for number in [0, 1, 31, 32, 1023, 1024, u64::from(u32::MAX), u64::MAX] {
            let id = UserId::new(number);
            assert_eq!(id.to_string().parse(), Ok(id), "{id}");
        }
        assert_eq!(UserId::new(52).to_string(), "usr_1m");
    }

    #[test]
    fn an_id_has_one_spelling_and_one_kind() {
        for text in ["", "usr_", "usr_01", "usr_U", "usr_i", "team_1", "usr1", "usr_zzzzzzzzzzzzzz", "usr_1 "] {
            assert_eq!(text.parse::<UserId>(), Err(NotAnId), "{text:?}");
        }
    }
}
