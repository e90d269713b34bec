//! What people's browsers and mail readers get.

use super::{Verdict, allow, hold};

/// Alert text comes from strangers, so escaping is never switched off; and the content security policy refuses
/// whatever is written into the page itself.
fn templates(path: &str, text: &str) -> Verdict {
    let is_page = path.starts_with("assets/templates/");
    if !is_page && !path.starts_with("assets/messages/") {
        return None;
    }
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let squeezed: String = line.to_lowercase().split_whitespace().collect();
        if squeezed.contains("|safe") || squeezed.contains("escape(\"none\"") {
            found.push((
                number + 1,
                "escaping stays on: give the template plain values and let it write the tags".to_owned(),
            ));
        }
        if is_page && (squeezed.contains("style=") || squeezed.contains("<style")) {
            found.push((
                number + 1,
                "no style in the page: use a class of the style sheet, or an attribute of SVG".to_owned(),
            ));
        }
        let has_inline_script =
            squeezed.split("<script").skip(1).any(|tag| !tag.split('>').next().unwrap_or("").contains("src="));
        if is_page && (has_inline_script || squeezed.contains("javascript:") || has_handler(&line.to_lowercase())) {
            found.push((
                number + 1,
                "no script in the page: put it into a file of assets/static and find the element there".to_owned(),
            ));
        }
    }
    Some(found)
}

/// An attribute such as `onclick=`.
fn has_handler(line: &str) -> bool {
    let attributes = line.split_whitespace().filter_map(|word| word.split_once('=')).map(|(name, _)| name);
    let mut names = attributes.map(|name| name.trim_start_matches(['"', '\'']));
    names.any(|name| name.len() > 4 && name.starts_with("on") && name.chars().all(|c| c.is_ascii_lowercase()))
}

#[test]
fn templates_escape_everything_and_hold_no_style_or_script() {
    allow(
        templates,
        &[("assets/templates/a.html", "<script src=\"/assets/app.js\" defer></script>\n<p class=\"on\">{{ a }}</p>")],
    );
    hold(
        templates,
        &[
            ("assets/templates/a.html", "{{ title|safe }}"),
            ("assets/messages/a.html", "{{ title | safe }}"),
            ("assets/templates/a.html", "{{ title|escape(\"none\") }}"),
            ("assets/templates/a.html", "<p style=\"color: red\">"),
            ("assets/templates/a.html", "<style>"),
            ("assets/templates/a.html", "<SCRIPT>alert(1)</SCRIPT>"),
            ("assets/templates/a.html", "<script defer>"),
            ("assets/templates/a.html", "<button onclick=\"go()\">"),
            ("assets/templates/a.html", "<a href=\"javascript:go()\">"),
        ],
    );
}
