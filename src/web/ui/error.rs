//! What a person reads when there is no page to show.

use crate::domain::preferences::Theme;
use axum::http::StatusCode;
use rinja::Template;

#[derive(Template)]
#[template(path = "templates/error.html", askama = rinja)]
struct ErrorPage<'a> {
    status: u16,
    title: &'a str,
    sentence: &'a str,
    theme: Theme,
}

/// The whole document. Without the navigation: nobody may be signed in, and the store may be what failed.
pub fn error_page(status: StatusCode, title: &str, sentence: &str, theme: Theme) -> String {
    let page = ErrorPage { status: status.as_u16(), title, sentence, theme };
    // Drawing fails only if writing to a String does.
    page.render().unwrap_or_else(|_| format!("{title}\n{sentence}\n"))
}

#[derive(Template)]
#[template(path = "templates/emergency.html", askama = rinja)]
struct EmergencyPage<'a> {
    sentence: &'a str,
    /// Only this machine is told.
    reason: Option<&'a str>,
    theme: Theme,
}

/// In place of every page while the database does not open: what happened, and what brings it back.
pub fn emergency_page(sentence: &str, reason: Option<&str>, theme: Theme) -> String {
    EmergencyPage { sentence, reason, theme }.render().unwrap_or_else(|_| format!("{sentence}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_an_emergency_says_how_to_restore_and_why_only_if_it_is_told() {
        let page = emergency_page("No <b> database.", Some("/data/x is damaged"), Theme::System);
        assert!(page.contains("pagerpal restore") && page.contains("/data/x is damaged"), "{page}");
        assert!(page.contains("No &#60;b&#62; database.") && page.contains("strip red"), "{page}");
        assert!(!emergency_page("", None, Theme::System).contains("/data/x"));
    }

    #[test]
    fn an_error_page_quotes_what_it_is_given() {
        let page = error_page(StatusCode::NOT_FOUND, "Not found", "No <script>alert(1)</script> here.", Theme::Dark);
        assert!(
            page.contains("404")
                && page.contains("data-theme=\"dark\"")
                && page.contains("No &#60;script&#62;alert(1)&#60;/script&#62; here."),
            "{page}"
        );
    }
}
