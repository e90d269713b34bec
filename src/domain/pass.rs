//! A pass lets one person act on one incident from a message: by the link in it, or by its code in a reply.
//!
//! Whoever is paged gets one for the incident, the same in every message. It dies 24 h after the incident closed and with
//! the person's activity; that is asked when it is used.

use crate::domain::id::{IncidentId, UserId};
use crate::domain::incident::{Incident, Status};
use crate::domain::time::Timestamp;
use crate::domain::user::User;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pass {
    pub incident: IncidentId,
    pub user: UserId,
    /// SHA-256 of the link's token. The token follows from the two ids and a key that is not in the database.
    pub token_hash: [u8; 32],
    /// What a reply names the incident by; unique among the person's passes.
    pub code: String,
    pub created_at: Timestamp,
}

/// What a person mistakes for nothing else: no 0 O 1 I L, no vowels that make words, no 5 S, no 2 Z, no 8 B.
const CODE_LETTERS: &[u8] = b"34679CDFGHJKMNPQRTVWXY";
pub const CODE_LENGTH: u32 = 4;

/// The n-th code; numbers that differ below 22^4 give different codes.
pub fn code(number: u64) -> String {
    let base = CODE_LETTERS.len() as u64;
    let letter = |place: u32| CODE_LETTERS[(number / base.pow(place) % base) as usize] as char;
    (0..CODE_LENGTH).map(letter).collect()
}

/// Whether a word, in upper case, could be a code.
pub fn is_code(word: &str) -> bool {
    word.len() == CODE_LENGTH as usize && word.bytes().all(|letter| CODE_LETTERS.contains(&letter))
}

/// How long a pass works after its incident was closed.
pub const OUTLIVES_SECS: i64 = 24 * 3600;

impl Pass {
    /// Dead passes open nothing: the incident has been closed for a day, or the person is not active.
    pub fn is_dead(&self, incident: &Incident, user: &User, now: Timestamp) -> bool {
        let closed = incident.resolved_at.filter(|_| incident.status == Status::Resolved);
        closed.is_some_and(|at| now.secs_since(at) >= OUTLIVES_SECS) || !user.is_active()
    }
}

/// 160 bits as 27 characters of letters and digits: a link that fits a text message.
pub fn token(bits: [u8; 20]) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut number = bits;
    let mut token = [b'0'; TOKEN_LENGTH];
    for place in token.iter_mut().rev() {
        let mut rest = 0u32;
        for byte in &mut number {
            let part = rest * 256 + u32::from(*byte);
            *byte = (part / 62) as u8;
            rest = part % 62;
        }
        *place = LETTERS[rest as usize];
    }
    token.iter().map(|letter| *letter as char).collect()
}

/// 62^27 is more than 2^160.
pub const TOKEN_LENGTH: usize = 27;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_four_letters_that_look_like_nothing_else() {
        let codes: std::collections::BTreeSet<String> = (0..22 * 22 * 22 * 22).map(code).collect();
        assert_eq!(codes.len(), 22 * 22 * 22 * 22);
        assert!(codes.iter().all(|code| code.len() == 4 && !code.contains(['0', 'O', '1', 'I', 'L'])));
    }

    #[test]
    fn a_token_tells_all_its_bits() {
        assert_eq!(token([0; 20]), "0".repeat(27));
        let mut one = [0; 20];
        one[19] = 61;
        assert_eq!(token(one), format!("{}z", "0".repeat(26)));
        // 2^160 - 1 in base 62, worked out with another language's big integers.
        assert_eq!(token([255; 20]), "aWgEPTl1tmebfsQzFP4bxwgy80V");
        let tokens: std::collections::BTreeSet<String> = (0..160)
            .map(|bit| {
                let mut bits = [0; 20];
                bits[bit / 8] = 1 << (bit % 8);
                token(bits)
            })
            .collect();
        assert_eq!(tokens.len(), 160);
    }

    #[test]
    fn a_pass_outlives_its_incident_by_a_day() {
        use crate::domain::access::Role;
        use crate::domain::incident::testing::{ANA, climbing, id, incident, minute, person};
        let (incident_id, user) = (climbing().id, id(ANA));
        let code = "7KQ4".to_owned();
        let pass = Pass { incident: incident_id, user, token_hash: [0; 32], code, created_at: minute(0) };
        let closed = Incident { resolved_at: Some(minute(0)), ..incident(Status::Resolved) };
        let mut ana = person(ANA, Role::Responder);
        let dead = |incident: &Incident, ana: &User, secs| pass.is_dead(incident, ana, minute(0).plus_secs(secs));
        assert_eq!([0, OUTLIVES_SECS - 1, OUTLIVES_SECS].map(|secs| dead(&closed, &ana, secs)), [false, false, true]);
        let reopened = Incident { resolved_at: Some(minute(0)), ..climbing() };
        assert!(!dead(&reopened, &ana, OUTLIVES_SECS));
        ana.deactivate(minute(0));
        assert!(dead(&climbing(), &ana, 0));
    }
}
