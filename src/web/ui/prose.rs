//! Our own texts, written as Markdown files, as values that a template draws: set-up instructions, the manual.
//!
//! It knows the little of Markdown that these files use: headings, paragraphs, lists, indented code, tables, and in a
//! line `code`, **strong** and [links](/help). What it does not know stays text. It is not for words of strangers,
//! although nothing here could hurt: the template escapes everything, and a link leads to our own pages or to https.

/// A piece of a text, in its order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// The words and the id to link to; of a `##` line.
    Heading(String, String),
    Paragraph(Vec<Span>),
    Code(String),
    Bullets(Vec<Vec<Span>>),
    Steps(Vec<Vec<Span>>),
    /// Heads and rows.
    Table(Vec<Vec<Span>>, Vec<Vec<Vec<Span>>>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Span {
    Text(String),
    Code(String),
    Strong(String),
    Link { href: String, text: String },
}

/// The blocks of a text. A `# ` line is its title and is left to [`title`].
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(heading) = line.strip_prefix("## ") {
            blocks.push(Block::Heading(heading.to_owned(), anchor(heading)));
        } else if let Some(first) = line.strip_prefix(INDENT) {
            let mut code = vec![first];
            while let Some(next) = lines.next_if(|next| next.starts_with(INDENT) || next.trim().is_empty()) {
                code.push(next.strip_prefix(INDENT).unwrap_or(""));
            }
            blocks.push(Block::Code(code.join("\n").trim_end().to_owned()));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(next) = lines.next_if(|next| next.starts_with('|')) {
                rows.push(cells(next));
            }
            // The second line only says that the first is the head.
            let head = rows.remove(0);
            blocks.push(Block::Table(head, rows.split_off(1.min(rows.len()))));
        } else {
            let mut items = vec![line.to_owned()];
            let is_more =
                |next: &&str| !next.trim().is_empty() && !["#", "|", INDENT].iter().any(|m| next.starts_with(m));
            while let Some(next) = lines.next_if(is_more) {
                match item(next).is_some() && item(line).is_some() {
                    true => items.push(next.to_owned()),
                    false => {
                        let last = items.last_mut().expect("it begins with one");
                        last.push(' ');
                        last.push_str(next.trim());
                    }
                }
            }
            blocks.push(match item(line) {
                None => Block::Paragraph(spans(&items[0])),
                Some((is_step, _)) => {
                    let items = items.iter().filter_map(|text| item(text)).map(|(_, text)| spans(text)).collect();
                    if is_step { Block::Steps(items) } else { Block::Bullets(items) }
                }
            });
        }
    }
    blocks
}

const INDENT: &str = "    ";

/// The words of its first line, `# Title`.
pub fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("")
}

/// Whether a line begins an item, numbered or not, and what it says.
fn item(line: &str) -> Option<(bool, &str)> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some((false, text));
    }
    let (number, text) = line.split_once(". ")?;
    let is_number = !number.is_empty() && number.len() < 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((true, text))
}

fn cells(line: &str) -> Vec<Vec<Span>> {
    line.trim().trim_matches('|').split('|').map(|cell| spans(cell.trim())).collect()
}

/// What one can link to: `what-is-paged` of "What is paged".
fn anchor(heading: &str) -> String {
    let plain = heading.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let words = plain.collect::<String>();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// A line in its parts.
pub fn spans(line: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut rest = line;
    let mut plain = String::new();
    while !rest.is_empty() {
        let Some((span, after)) = marked(rest) else {
            let next = rest.chars().next().expect("it is not empty");
            plain.push(next);
            rest = &rest[next.len_utf8()..];
            continue;
        };
        if !plain.is_empty() {
            spans.push(Span::Text(std::mem::take(&mut plain)));
        }
        spans.push(span);
        rest = after;
    }
    if !plain.is_empty() {
        spans.push(Span::Text(plain));
    }
    spans
}

/// A marked part at the very beginning, and what comes after it.
fn marked(rest: &str) -> Option<(Span, &str)> {
    if let Some(code) = rest.strip_prefix('`') {
        let (code, after) = code.split_once('`')?;
        return Some((Span::Code(code.to_owned()), after));
    }
    if let Some(strong) = rest.strip_prefix("**") {
        let (strong, after) = strong.split_once("**")?;
        return Some((Span::Strong(strong.to_owned()), after));
    }
    let (text, after) = rest.strip_prefix('[')?.split_once("](")?;
    let (href, after) = after.split_once(')')?;
    let is_ours = href.starts_with('#') || href.starts_with('/') && !href.starts_with("//");
    (is_ours || href.starts_with("https://"))
        .then(|| (Span::Link { href: href.to_owned(), text: text.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Span {
        Span::Text(words.to_owned())
    }

    #[test]
    fn a_text_becomes_its_blocks() {
        let written = "# A title\n\nTwo lines\nof one.\n\n## What is paged\n\n- one\n- two\n  and more\n\n1. first\n2. second\n\n    \
                       curl -d a \\\n      b\n\n    c\n\nEnd.\n";
        assert_eq!(title(written), "A title");
        let expected = [
            Block::Paragraph(vec![text("Two lines of one.")]),
            Block::Heading("What is paged".into(), "what-is-paged".into()),
            Block::Bullets(vec![vec![text("one")], vec![text("two and more")]]),
            Block::Steps(vec![vec![text("first")], vec![text("second")]]),
            Block::Code("curl -d a \\\n  b\n\nc".into()),
            Block::Paragraph(vec![text("End.")]),
        ];
        assert_eq!(blocks(written), expected);
    }

    #[test]
    fn a_table_has_a_head_and_rows() {
        let expected = Block::Table(
            vec![vec![text("Word")], vec![text("Means")]],
            vec![vec![vec![Span::Code("a".into())], vec![text("b")]], vec![vec![text("c")], vec![]]],
        );
        assert_eq!(blocks("| Word | Means |\n|---|---|\n| `a` | b |\n| c | |\n"), [expected]);
    }

    #[test]
    fn a_line_has_code_strong_words_and_links() {
        let expected = vec![
            text("Press "),
            Span::Strong("Test".into()),
            text(" of `a, "),
            Span::Code("b".into()),
            text(" or see "),
            Span::Link { href: "/help/api".into(), text: "the API".into() },
            text("."),
        ];
        assert_eq!(spans("Press **Test** of `a, `b` or see [the API](/help/api)."), {
            // An odd tick takes up to the next one.
            let mut odd = expected.clone();
            odd[2] = text(" of ");
            odd.splice(3..5, [Span::Code("a, ".into()), text("b` or see ")]);
            odd
        });
        assert_eq!(spans("Press **Test**."), vec![text("Press "), Span::Strong("Test".into()), text(".")]);
    }

    #[test]
    fn links_lead_to_our_pages_or_to_https() {
        for bad in ["[x](javascript:alert)", "[x](//evil.example)", "[x](http://a.example)", "[x]"] {
            assert_eq!(spans(bad), vec![text(bad)]);
        }
        assert!(matches!(spans("[x](https://a.example)")[..], [Span::Link { .. }]));
    }
}
