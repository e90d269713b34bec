//! Where a person can be reached, and how they prove that messages arrive there.

use crate::domain::id::ContactId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::domain::user::{ContactMethod, Verification};
use serde::{Deserialize, Serialize};

/// The ways a message can leave. Also the kind of a contact method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Channel {
    Sms,
    WhatsApp,
    Email,
}

impl Channel {
    pub const ALL: [Channel; 3] = [Channel::Sms, Channel::WhatsApp, Channel::Email];

    /// The word used in the API, in forms and in logs.
    pub fn word(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::WhatsApp => "whatsapp",
            Channel::Email => "email",
        }
    }

    pub fn from_word(word: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.word() == word)
    }

    /// How people write it.
    pub fn title(self) -> &'static str {
        match self {
            Channel::Sms => "SMS",
            Channel::WhatsApp => "WhatsApp",
            Channel::Email => "Email",
        }
    }
}

/// A code that was sent can be typed in for so long.
pub const CODE_GOOD_SECS: i64 = 10 * 60;
/// Wrong codes after which a new one must be asked for.
pub const CODE_MISSES: u8 = 5;

impl ContactMethod {
    /// The address of an account, as it is from the start.
    pub fn email(id: ContactId, address: &str) -> ContactMethod {
        let (channel, address) = (Channel::Email, address.to_owned());
        ContactMethod { id, channel, address, enabled: true, verified_at: None, verification: None }
    }

    /// A code is on its way; what was sent before opens nothing any more.
    pub fn begin_proof(&mut self, now: Timestamp) {
        self.verification = Some(Verification { sent_at: now, misses: 0 });
    }

    /// When the proof under way began, if a code can still be typed in.
    pub fn proof_begun_at(&self, now: Timestamp) -> Option<Timestamp> {
        let proof = self.verification.as_ref()?;
        let is_good = now.secs_since(proof.sent_at) < CODE_GOOD_SECS && proof.misses < CODE_MISSES;
        is_good.then_some(proof.sent_at)
    }

    /// Somebody typed a code; `expected` is the one of the proof under way. A wrong one is counted, so the change must be
    /// kept whatever the answer.
    pub fn prove(&mut self, typed: &str, expected: &str, now: Timestamp) -> Result<(), Refusal> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let refusal = |sentence: &str| Refusal::invalid("code_wrong", "code", sentence);
        if self.proof_begun_at(now).is_none() {
            return Err(refusal("This code has expired. Send a new one."));
        }
        if digits == expected {
            (self.verified_at, self.verification) = (Some(now), None);
            return Ok(());
        }
        let Some(proof) = &mut self.verification else { return Err(refusal("Send a code first.")) };
        proof.misses += 1;
        match CODE_MISSES - proof.misses {
            0 => Err(refusal("That was the wrong code too often. Send a new one.")),
            1 => Err(refusal("That is not the code that was sent. One more try.")),
            left => Err(refusal(&format!("That is not the code that was sent. {left} more tries."))),
        }
    }

    /// Another address is another place: nobody has proved that messages arrive there.
    pub fn readdress(&mut self, address: String) {
        if self.address != address {
            (self.address, self.verified_at, self.verification) = (address, None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Id;

    fn contact() -> ContactMethod {
        ContactMethod {
            id: ContactId::new(1),
            channel: Channel::Sms,
            address: "+491701234567".to_owned(),
            enabled: true,
            verified_at: None,
            verification: None,
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_780_000_000 + secs)
    }

    #[test]
    fn the_code_that_was_sent_proves_the_method_within_ten_minutes() {
        let mut phone = contact();
        assert!(phone.prove("123456", "123456", at(0)).is_err(), "nothing was sent");
        phone.begin_proof(at(0));
        let mut late = phone.clone();
        assert!(late.prove("123456", "123456", at(CODE_GOOD_SECS)).is_err());
        assert_eq!(phone.prove(" 123 456 ", "123456", at(CODE_GOOD_SECS - 1)), Ok(()));
        assert_eq!((phone.verified_at, phone.verification), (Some(at(CODE_GOOD_SECS - 1)), None));
    }

    #[test]
    fn a_code_can_be_missed_only_so_often() {
        let mut phone = contact();
        phone.begin_proof(at(0));
        let wrong = |left: &str| format!("That is not the code that was sent. {left}");
        let said = [wrong("4 more tries."), wrong("3 more tries."), wrong("2 more tries."), wrong("One more try.")];
        for sentence in said.iter().map(String::as_str).chain(["That was the wrong code too often. Send a new one."]) {
            let refusal = phone.prove("000000", "123456", at(1)).expect_err("the wrong code");
            assert_eq!(refusal.sentence, sentence);
        }
        assert!(phone.prove("123456", "123456", at(1)).is_err(), "the right one comes too late");
        phone.begin_proof(at(60));
        assert_eq!(phone.prove("654321", "654321", at(61)), Ok(()));
    }

    #[test]
    fn another_address_is_unproved() {
        let mut phone = ContactMethod { verified_at: Some(at(0)), ..contact() };
        phone.readdress("+491701234567".to_owned());
        assert_eq!(phone.verified_at, Some(at(0)));
        phone.readdress("+491701234568".to_owned());
        assert_eq!(phone.verified_at, None);
    }
}
