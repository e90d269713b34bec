//! `/problems` and `/problems/{code}`: what the `type` of an API error leads to.
//!
//! The pages are one table, sorted by code. A test reads every code out of the source and fails for one that is not in it,
//! and in a debug build an answer whose code has no page ends in a panic.

mod table;

use crate::domain::preferences::Theme;
use crate::web::error::WebError;
use crate::web::extract::Colours;
use axum::extract::Path;
use axum::response::Html;
use rinja::Template;
pub use table::PROBLEMS;

/// One page.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// The last part of `type`.
    pub code: &'static str,
    pub statuses: &'static [u16],
    pub title: &'static str,
    /// In what situation it is answered.
    pub means: &'static str,
    pub paging: Paging,
    /// What to do.
    pub remedy: &'static str,
    /// What is answered so: a call, or what lies in its body.
    pub example: &'static str,
}

/// What a problem means for people who ought to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paging {
    /// The call would have changed whom PagerPal pages, and did not.
    AsBefore,
    /// It was about an incident.
    Goes,
    /// It was about a message to somebody.
    ByMail,
    /// It has nothing to do with pages.
    Elsewhere,
    /// If it answers a sender of alerts, an alert may not have come in.
    NotHeard,
    /// It may be a sign that pages are in danger.
    MayBeLost,
}

impl Paging {
    pub fn sentence(self) -> &'static str {
        match self {
            Paging::AsBefore => "This answer changed nothing. Whoever was paged before is paged now.",
            Paging::Goes => "The incident is as it was: if it is paging, it goes on paging.",
            Paging::ByMail => "This message was not sent. Pages use whatever contact methods are on.",
            Paging::Elsewhere => "None of it touches pages.",
            Paging::NotHeard => {
                "If the call was an alert, it is not in PagerPal and pages nobody until its sender tries again. Incidents \
                 that are open go on."
            }
            Paging::MayBeLost => {
                "What PagerPal had confirmed is on disk, and open incidents go on. What was answered with this problem was \
                 not confirmed: an alert pages only once its sender tries again and is heard."
            }
        }
    }
}

pub fn of(code: &str) -> Option<&'static Problem> {
    let place = PROBLEMS.binary_search_by(|problem| problem.code.cmp(code)).ok()?;
    PROBLEMS.get(place)
}

#[derive(Template)]
#[template(path = "templates/problem.html", askama = rinja)]
struct OnePage {
    problem: &'static Problem,
    theme: Theme,
}

#[derive(Template)]
#[template(path = "templates/problems.html", askama = rinja)]
struct AllPage {
    problems: &'static [Problem],
    theme: Theme,
}

pub async fn page(Colours(theme): Colours, Path(code): Path<String>) -> Result<Html<String>, WebError> {
    let problem = of(&code).ok_or(WebError::NotFound)?;
    drawn(&OnePage { problem, theme })
}

pub async fn all(Colours(theme): Colours) -> Result<Html<String>, WebError> {
    drawn(&AllPage { problems: PROBLEMS, theme })
}

fn drawn(page: &impl Template) -> Result<Html<String>, WebError> {
    page.render().map(Html).map_err(|error| WebError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_sorted_and_say_everything() {
        assert!(PROBLEMS.is_sorted_by(|a, b| a.code < b.code), "sort the table by code, and give each code one page");
        for problem in PROBLEMS {
            let texts = [problem.title, problem.means, problem.remedy, problem.example];
            assert!(texts.iter().all(|text| text.len() > 3 && text.trim() == *text), "{}", problem.code);
            let are_sentences = [problem.means, problem.remedy].iter().all(|text| text.ends_with('.'));
            assert!(are_sentences && !problem.title.ends_with('.'), "{}", problem.code);
            assert!(problem.statuses.iter().all(|status| (400..600).contains(status)), "{}", problem.code);
            assert_eq!(of(problem.code).map(|found| found.title), Some(problem.title));
        }
        assert!(of("no_such_code").is_none());
    }
}
