//! A refusal: a rule of the product said no, and this is what the person who asked reads.

/// Which answer a refusal becomes; the web layer turns it into a status once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusalKind {
    /// A value is not acceptable: 422.
    Invalid,
    /// The thing is in another state, or another thing stands in the way: 409.
    Conflict,
    /// The thing has changed since the caller looked at it: 412.
    Stale,
    /// The role does not allow it: 403.
    Forbidden,
    /// There is no such thing: 404.
    NotFound,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// Stable, for programs: `level_number_taken`.
    pub code: &'static str,
    /// The form field or JSON member it is about.
    pub field: Option<&'static str>,
    /// What is wrong and what to do, for people.
    pub sentence: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub fn invalid(code: &'static str, field: &'static str, sentence: impl Into<String>) -> Refusal {
        Refusal { kind: RefusalKind::Invalid, code, field: Some(field), sentence: sentence.into() }
    }

    pub fn conflict(code: &'static str, sentence: impl Into<String>) -> Refusal {
        Refusal { kind: RefusalKind::Conflict, code, field: None, sentence: sentence.into() }
    }

    pub fn forbidden(sentence: impl Into<String>) -> Refusal {
        Refusal { kind: RefusalKind::Forbidden, code: "forbidden", field: None, sentence: sentence.into() }
    }

    pub fn not_found(what: &str) -> Refusal {
        Refusal {
            kind: RefusalKind::NotFound,
            code: "not_found",
            field: None,
            sentence: format!("There is no such {what}. It may have been removed; go back to the list and look again."),
        }
    }
}

/// A name as every named thing has one: trimmed, one line, 1 to 100 characters.
pub fn checked_name(text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Refusal::invalid("name_range", "name", "Give it a name of 1 to 100 characters on one line."));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_1_to_100_characters() {
        assert_eq!(checked_name("  Nächte ").as_deref(), Ok("Nächte"));
        let is_name = |text: &str| checked_name(text).is_ok();
        assert_eq!([0, 1, 100, 101, 102].map(|length| is_name(&"ü".repeat(length))), [false, true, true, false, false]);
        for wrong in [" \t ", "a\nb", "a\u{7}b"] {
            assert!(!is_name(wrong), "{wrong:?}");
        }
    }
}
