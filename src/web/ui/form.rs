//! A form as it is shown: the values in its fields, and the sentence about the one that was refused.
//!
//! One type serves every form. Filled from a record it shows what is; filled from a submission that was refused it shows
//! what the person typed, so that nothing has to be typed twice. Passwords are never given back.

use crate::domain::refusal::{Refusal, RefusalKind};
use crate::web::error::{BUSY, WebError};
use crate::web::extract::Fields;
use crate::web::ui::stale::{Basis, Other, SEEN, Stale};
use axum::http::StatusCode;

/// `name` tells the forms of one page apart: it begins the id of every field.
#[derive(Clone, Debug)]
pub struct Form {
    pub name: &'static str,
    /// Tells forms of one name apart; 0 is the first.
    pub place: usize,
    values: Vec<(String, String)>,
    refusal: Option<Refusal>,
    /// Where it does not follow from the refusal.
    status: Option<StatusCode>,
    /// Of a form filled from a record: what it was made of, and the page that shows the record.
    basis: Option<(Basis, String)>,
    stale: Option<Box<Stale>>,
}

/// One option of a select.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    pub value: String,
    pub label: String,
}

impl Choice {
    pub fn new(value: impl ToString, label: impl Into<String>) -> Choice {
        Choice { value: value.to_string(), label: label.into() }
    }
}

impl Form {
    pub fn blank(name: &'static str) -> Form {
        Form { name, place: 0, values: Vec::new(), refusal: None, status: None, basis: None, stale: None }
    }

    /// Filled from a record in which a field may come more than once.
    pub fn filled(name: &'static str, values: Vec<(&str, String)>) -> Form {
        let values = values.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
        Form { values, ..Form::blank(name) }
    }

    /// A later value of the same field replaces an earlier one.
    pub fn with(mut self, field: &str, value: impl ToString) -> Form {
        self.values.retain(|(other, _)| other != field);
        self.values.push((field.to_owned(), value.to_string()));
        self
    }

    /// One more value of a field that may come more than once.
    pub fn and(mut self, field: &str, value: impl ToString) -> Form {
        self.values.push((field.to_owned(), value.to_string()));
        self
    }

    /// Of this version of a record, and complete: what is added later is not told apart. `page` shows the record.
    pub fn of_version(self, object: impl ToString, version: u64, page: impl Into<String>) -> Form {
        let basis = Basis::new(object.to_string(), version, &self.values);
        Form { basis: Some((basis, page.into())), ..self }
    }

    pub fn at_place(self, place: usize) -> Form {
        Form { place, ..self }
    }

    /// What the ids of its fields begin with.
    pub fn prefix(&self) -> String {
        if self.place == 0 { self.name.to_owned() } else { format!("{}-{}", self.name, self.place) }
    }

    pub fn refused(name: &'static str, values: &[(String, String)], refusal: Refusal) -> Form {
        Form { values: values.to_vec(), refusal: Some(refusal), ..Form::blank(name) }
    }

    /// Of somebody who typed a password and can only wait: too many tries, or too many people at once. Everything else
    /// is an error page.
    pub fn to_wait(
        name: &'static str,
        values: &[(String, String)],
        field: &'static str,
        error: WebError,
    ) -> Result<Form, WebError> {
        let sentence = match error {
            WebError::TooMany { retry_after_secs } => {
                format!("Too many tries. Try again in {retry_after_secs} seconds.")
            }
            WebError::Busy => BUSY.to_owned(),
            error => return Err(error),
        };
        let form = Form::refused(name, values, Refusal::invalid("wait", field, sentence));
        Ok(Form { status: Some(error.status()), ..form })
    }

    /// What to show in this form's place on a page with several: the refused one, if it is this; this one with the
    /// other's sentence, if that was a button of `buttons`, which has no values of its own; else this one.
    pub fn chosen(refused: &Option<Form>, otherwise: Form, buttons: &[&str]) -> Form {
        match refused {
            Some(form) if form.name == otherwise.name => form.clone().beside(otherwise),
            Some(form) if buttons.contains(&form.name) => Form { refusal: form.refusal.clone(), ..otherwise },
            _ => otherwise,
        }
    }

    /// A refused form beside what is: if that is another version by now, both sides of it.
    pub fn beside(self, otherwise: Form) -> Form {
        let is_stale = self.refusal.as_ref().is_some_and(|refusal| refusal.kind == RefusalKind::Stale);
        let (true, Some(basis)) = (is_stale, Basis::read(&Fields(self.values.clone()))) else { return self };
        let mine = self.values.iter().filter(|(field, _)| field != SEEN).cloned().collect();
        let stale = Stale::new(basis, mine, otherwise.values);
        Form { values: stale.merged(), basis: otherwise.basis, stale: Some(Box::new(stale)), ..self }
    }

    /// For the hidden field. What a refused form brought with it stands until it is answered by a newer one.
    pub fn seen(&self) -> Option<String> {
        let brought = || Some(self.value(SEEN).to_owned()).filter(|text| !text.is_empty());
        self.basis.as_ref().map(|(basis, _)| basis.spelled()).or_else(brought)
    }

    /// Of a form that came too late: the page that shows what the others made of it.
    pub fn theirs(&self) -> Option<&str> {
        self.stale.as_ref()?;
        self.basis.as_ref().map(|(_, page)| page.as_str())
    }

    /// Whether they changed what this form is about.
    pub fn has_two_sides(&self) -> bool {
        self.stale.as_ref().is_some_and(|stale| stale.is_about_this())
    }

    /// What stands beside a field that they changed.
    pub fn other(&self, field: &str) -> Option<Other> {
        self.stale.as_ref().and_then(|stale| stale.other(field))
    }

    /// 422 for a value that is not acceptable, 409 for something that stands in the way or has changed, 200 for a fresh form.
    pub fn status(&self) -> StatusCode {
        if let Some(status) = self.status {
            return status;
        }
        match self.refusal.as_ref().map(|refusal| refusal.kind) {
            None => StatusCode::OK,
            Some(RefusalKind::Conflict | RefusalKind::Stale) => StatusCode::CONFLICT,
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Empty if the form does not have the field.
    pub fn value(&self, field: &str) -> &str {
        self.values.iter().find(|(name, _)| name == field).map_or("", |(_, value)| value)
    }

    /// Every value of a field that may come more than once.
    pub fn values<'a>(&'a self, field: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let field = field.to_owned();
        self.values.iter().filter(move |(name, _)| *name == field).map(|(_, value)| value.as_str())
    }

    pub fn is(&self, field: &str, value: &str) -> bool {
        self.value(field) == value
    }

    /// The sentence that belongs beside this field.
    pub fn error(&self, field: &str) -> Option<&str> {
        self.refusal.as_ref().filter(|refusal| refusal.field == Some(field)).map(|refusal| refusal.sentence.as_str())
    }

    /// The sentence at the top of the form, and the field it leads to. It is there even when no field of the form has
    /// the refusal's name, so that no refusal goes unseen.
    pub fn summary(&self) -> Option<&str> {
        self.refusal.as_ref().map(|refusal| refusal.sentence.as_str())
    }

    pub fn refused_field(&self) -> Option<&str> {
        self.refusal.as_ref().and_then(|refusal| refusal.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_where() {
        let typed = vec![("name".to_owned(), "Ana".to_owned()), ("email".to_owned(), "ana".to_owned())];
        let form = Form::refused("user", &typed, Refusal::invalid("email_form", "email", "Write it as name@host."));
        assert_eq!((form.value("name"), form.value("email"), form.value("role")), ("Ana", "ana", ""));
        assert_eq!((form.error("email"), form.error("name")), (Some("Write it as name@host."), None));
        assert_eq!(form.summary(), Some("Write it as name@host."));
    }
}
