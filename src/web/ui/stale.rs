//! A form whose record somebody else has changed since it was shown: what they made of it stands beside what was typed, and
//! the reader keeps one or the other.
//!
//! A form that is filled from a record carries one hidden field, `seen`: the record, its version, and a digest of each
//! value the form had. [`Web::edit`](crate::web::Web::edit) compares the version within the transaction of the edit; the
//! digests tell afterwards which values they changed and which the reader did, so that a value only they touched is not
//! turned back, and one that only the reader touched is no question.

use crate::app::sha256;
use crate::hex::hex;
use crate::web::extract::Fields;

/// The hidden field.
pub const SEEN: &str = "seen";

type Pair = (String, String);
type Values = Vec<Pair>;

/// What a form was made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Basis {
    /// The id of the record: `pol_1k`.
    pub object: String,
    pub version: u64,
    /// Of each field, in the order of the form.
    digests: Vec<(String, String)>,
}

impl Basis {
    pub fn new(object: String, version: u64, values: &[Pair]) -> Basis {
        let mut digests: Vec<(String, String)> = Vec::new();
        for (field, _) in values {
            if digests.iter().all(|(known, _)| known != field) {
                digests.push((field.clone(), digest(&of(values, field))));
            }
        }
        Basis { object, version, digests }
    }

    /// What a form brought back. One that brings nothing, or nothing that was written here, saw no version.
    pub fn read(form: &Fields) -> Option<Basis> {
        let mut parts = form.text(SEEN).splitn(3, '.');
        let (object, version) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let pair = |pair: &str| pair.split_once('=').map(|(field, digest)| (field.to_owned(), digest.to_owned()));
        let digests = parts.next()?.split(';').filter_map(pair).collect();
        Some(Basis { object, version, digests })
    }

    pub fn spelled(&self) -> String {
        let digests: Vec<String> = self.digests.iter().map(|(field, digest)| format!("{field}={digest}")).collect();
        format!("{}.{}.{}", self.object, self.version, digests.join(";"))
    }

    /// Whether the form had these values in the field.
    fn had(&self, field: &str, values: &[String]) -> bool {
        let known = self.digests.iter().find(|(known, _)| known == field);
        known.map_or(values.is_empty(), |(_, kept)| *kept == digest(values))
    }
}

/// Long enough to tell the values of one field apart; nothing is protected by it.
fn digest(values: &[String]) -> String {
    let framed: Vec<u8> = values.iter().flat_map(|value| [value.as_bytes(), b"\0"].concat()).collect();
    hex(&sha256(&framed)[..4])
}

/// The values of a field, as they are before a browser ends their lines; blank ones are no values.
fn of(values: &[Pair], field: &str) -> Vec<String> {
    let ours = values.iter().filter(|(name, _)| name == field).map(|(_, value)| value.trim().replace("\r\n", "\n"));
    ours.filter(|value| !value.is_empty()).collect()
}

/// Both sides of a form that came too late.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stale {
    basis: Basis,
    mine: Values,
    theirs: Values,
}

/// What stands beside a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Other {
    /// "Theirs:", or what the reader had seen there, if the field shows theirs already.
    pub lead: &'static str,
    values: Vec<String>,
}

impl Other {
    /// A choice of nobody or nothing has an empty value.
    pub fn is(&self, value: &str) -> bool {
        if value.is_empty() { self.values.is_empty() } else { self.values.iter().any(|one| one == value) }
    }

    pub fn text(&self) -> String {
        if self.values.is_empty() { "nothing".to_owned() } else { self.values.join(", ") }
    }
}

impl Stale {
    pub fn new(basis: Basis, mine: Values, theirs: Values) -> Stale {
        Stale { basis, mine, theirs }
    }

    /// What to fill the form with: what was typed, and theirs where nothing was.
    pub fn merged(&self) -> Values {
        let mut values: Values = self.mine.iter().filter(|(field, _)| !self.takes_theirs(field)).cloned().collect();
        values.extend(self.theirs.iter().filter(|(field, _)| self.takes_theirs(field)).cloned());
        values
    }

    /// `None` where there is nothing to choose between.
    pub fn other(&self, field: &str) -> Option<Other> {
        if !self.differs(field) {
            None
        } else if self.takes_theirs(field) {
            Some(Other { lead: "Theirs now. You saw:", values: of(&self.mine, field) })
        } else {
            Some(Other { lead: "Theirs:", values: of(&self.theirs, field) })
        }
    }

    /// Whether any field has two values to choose between.
    pub fn is_about_this(&self) -> bool {
        self.basis
            .digests
            .iter()
            .map(|(field, _)| field)
            .chain(self.theirs.iter().map(|(field, _)| field))
            .any(|field| self.differs(field))
    }

    /// They changed it, and not to what was typed.
    fn differs(&self, field: &str) -> bool {
        let theirs = of(&self.theirs, field);
        field != SEEN && !self.basis.had(field, &theirs) && theirs != of(&self.mine, field)
    }

    fn takes_theirs(&self, field: &str) -> bool {
        self.differs(field) && self.basis.had(field, &of(&self.mine, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_a_form_was_made_of_comes_back_as_it_went() {
        let seen =
            Basis::new("pol_1k".into(), 17, &values(&[("name", "Day; night=1.2"), ("user", "a"), ("user", "b")]));
        let sent = Fields(values(&[("name", "Night"), (SEEN, &seen.spelled())]));
        assert_eq!(Basis::read(&sent), Some(seen));
        for odd in ["", "pol_1k", "pol_1k.x.", "17"] {
            assert_eq!(Basis::read(&Fields(values(&[(SEEN, odd)]))), None, "{odd}");
        }
    }

    #[test]
    fn a_value_is_asked_about_only_where_both_have_touched_it() {
        let shown =
            values(&[("name", "Day"), ("zone", "UTC"), ("repeat", "1"), ("team", "a"), ("who", "ana"), ("who", "")]);
        let seen = Basis::new("pol_1k".into(), 17, &shown);
        let mine = values(&[("name", "Night"), ("zone", "UTC"), ("repeat", "2"), ("team", "b"), ("who", "bo")]);
        let theirs =
            values(&[("name", "Dusk"), ("zone", "Asia/Tokyo"), ("repeat", "1"), ("team", "b"), ("who", "caro")]);
        let stale = Stale::new(seen, mine, theirs);
        let other = |field: &str| stale.other(field).map(|other| (other.lead, other.text()));
        assert_eq!(other("name"), Some(("Theirs:", "Dusk".to_owned())));
        assert_eq!(other("zone"), Some(("Theirs now. You saw:", "UTC".to_owned())));
        assert_eq!(other("repeat"), None, "only the reader changed it");
        assert_eq!(other("team"), None, "both want the same");
        let who = stale.other("who").expect("both changed it");
        assert!(who.is("caro") && !who.is("bo") && !who.is(""));
        let merged = stale.merged();
        let kept = |field: &str| of(&merged, field).join("+");
        assert_eq!(["name", "zone", "repeat", "team", "who"].map(kept), ["Night", "Asia/Tokyo", "2", "b", "bo"]);
        assert!(stale.is_about_this());
    }

    #[test]
    fn a_change_of_something_else_is_no_question() {
        let shown = values(&[("name", "Day")]);
        let stale = Stale::new(Basis::new("usr_1".into(), 3, &shown), values(&[("name", "Night")]), shown);
        assert!(!stale.is_about_this());
        assert_eq!(stale.merged(), values(&[("name", "Night")]));
    }
}
