//! Content lines: how iCalendar is written down (RFC 5545, 3.1 to 3.4).
//!
//! A line ends with CRLF and is folded after 75 octets; reading takes a bare LF as well, because many feeds write it.
//! Lines form components between BEGIN and END. A component that is not closed is refused: the end of the file is
//! missing, and with it shifts.

use crate::exchange::ical::Unreadable;

/// Deeper than any calendar nests; a file that does is nonsense.
const DEEPEST: usize = 8;

/// What stands between BEGIN and END.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Component {
    /// In upper case.
    pub name: String,
    pub lines: Vec<Line>,
    pub children: Vec<Component>,
}

/// `NAME;PARAMETER=value:value`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    /// In upper case.
    pub name: String,
    /// Names in upper case, values without their quotes.
    pub parameters: Vec<(String, String)>,
    /// As written, escapes included.
    pub value: String,
}

impl Component {
    /// The first line of the name.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    pub fn lines_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    /// The text of a line, unescaped and trimmed; empty if there is none.
    pub fn text(&self, name: &str) -> String {
        self.line(name).map(|line| unescaped(&line.value).trim().to_owned()).unwrap_or_default()
    }
}

impl Line {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn read(text: &str) -> Option<Line> {
        let (mut names, mut parameters) = (String::new(), Vec::new());
        let mut quoted = false;
        let mut begin = 0;
        let mut take = |part: &str, is_first: bool| {
            if is_first {
                names = part.trim().to_ascii_uppercase();
            } else if let Some((name, value)) = part.split_once('=') {
                parameters.push((name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned()));
            }
        };
        for (at, letter) in text.char_indices() {
            match letter {
                '"' => quoted = !quoted,
                ';' | ':' if !quoted => {
                    take(&text[begin..at], begin == 0);
                    begin = at + 1;
                    if letter == ':' {
                        let value = text[begin..].to_owned();
                        return (!names.is_empty()).then_some(Line { name: names, parameters, value });
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// The outermost components of a file, of which a calendar has at least one. Blank lines, and lines without a colon,
/// mean nothing to anybody and are passed over.
pub fn components(bytes: &[u8]) -> Result<Vec<Component>, Unreadable> {
    let mut done: Vec<Component> = Vec::new();
    let mut open: Vec<Component> = Vec::new();
    for line in unfolded(bytes) {
        let text = String::from_utf8_lossy(&line);
        let Some(line) = Line::read(&text) else { continue };
        let value = || line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" if open.len() == DEEPEST => {
                return Err(Unreadable::new("This is not a calendar: its parts are nested too deeply."));
            }
            "BEGIN" => open.push(Component { name: value(), ..Component::default() }),
            "END" => {
                let Some(component) = open.pop().filter(|component| component.name == value()) else {
                    let sentence = format!("The calendar is damaged: {} ends without having begun.", value());
                    return Err(Unreadable(sentence));
                };
                open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(component);
            }
            _ => {
                if let Some(component) = open.last_mut() {
                    component.lines.push(line);
                }
            }
        }
    }
    match open.last() {
        Some(component) => {
            Err(Unreadable(format!("The calendar is cut off: {} begins and does not end.", component.name)))
        }
        None => Ok(done),
    }
}

/// Lines with their continuations, as bytes: a fold may lie inside a letter.
fn unfolded(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), lines.last_mut()) {
            (Some(b' ' | b'\t'), Some(before)) => before.extend_from_slice(&line[1..]),
            _ => lines.push(line.to_vec()),
        }
    }
    lines
}

/// A TEXT value as its author meant it.
pub fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(letter),
        }
    }
    text
}

/// A text as a TEXT value. Control characters other than line breaks cannot be written and are left out.
pub fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => value.push_str("\\n"),
            '\\' | ';' | ',' => value.extend(['\\', letter]),
            _ if letter.is_control() => {}
            _ => value.push(letter),
        }
    }
    value
}

/// Octets of a line, its line break not counted.
const LINE_OCTETS: usize = 75;

/// Writes one line, folded between letters, never inside one.
pub fn push_line(out: &mut String, name: &str, value: &str) {
    let mut room = LINE_OCTETS;
    for letter in name.chars().chain([':']).chain(value.chars()) {
        if letter.len_utf8() > room {
            out.push_str("\r\n ");
            room = LINE_OCTETS - 1;
        }
        out.push(letter);
        room -= letter.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read(text).expect("a line")
    }

    #[test]
    fn a_line_has_a_name_parameters_and_a_value() {
        let start = line("dtstart;TZID=\"Eastern: Time; odd\";VALUE=DATE-TIME:20260308T023000");
        assert_eq!((start.name.as_str(), start.value.as_str()), ("DTSTART", "20260308T023000"));
        assert_eq!(start.parameter("TZID"), Some("Eastern: Time; odd"));
        assert_eq!(start.parameter("VALUE"), Some("DATE-TIME"));
        assert_eq!(line("ATTENDEE:mailto:a@b.c").value, "mailto:a@b.c");
        assert_eq!((Line::read("no colon"), Line::read(":value"), Line::read("")), (None, None, None));
    }

    #[test]
    fn folds_are_undone_whatever_ends_the_lines_and_even_inside_a_letter() {
        let text = "BEGIN:VCALENDAR\r\nSUMMARY:Gr\u{fc}\u{df}e an Ana\r\nEND:VCALENDAR\r\n".as_bytes();
        let at = text.windows(2).position(|pair| pair == "\u{fc}".as_bytes()).expect("it is there") + 1;
        let folded = [&text[..at], b"\n ", &text[at..]].concat();
        let read = components(&folded).expect("a calendar");
        assert_eq!(read[0].text("SUMMARY"), "Gr\u{fc}\u{df}e an Ana");
    }

    #[test]
    fn a_calendar_that_is_cut_off_or_crossed_is_refused() {
        let check = |text: &str, expected: &str| {
            let refused = components(text.as_bytes()).map(|_| ()).expect_err(text);
            assert_eq!(refused.0, expected);
        };
        check("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "The calendar is cut off: VEVENT begins and does not end.");
        check(
            "BEGIN:VCALENDAR\nEND:VEVENT\nEND:VCALENDAR",
            "The calendar is damaged: VEVENT ends without having begun.",
        );
        check("END:VCALENDAR", "The calendar is damaged: VCALENDAR ends without having begun.");
        check(&"BEGIN:A\n".repeat(20), "This is not a calendar: its parts are nested too deeply.");
        assert_eq!(components(b"hello\nworld"), Ok(vec![]));
    }

    #[test]
    fn what_is_written_is_short_enough_and_reads_back() {
        for text in ["", "Ana, Bo; and\\Caro\nnext", &"\u{1f514}\u{fc}".repeat(100), &"x".repeat(74)] {
            let mut out = String::new();
            push_line(&mut out, "SUMMARY", &escaped(text));
            assert!(out.split("\r\n").all(|line| line.len() <= LINE_OCTETS), "{out}");
            let calendar = format!("BEGIN:VCALENDAR\r\n{out}END:VCALENDAR\r\n");
            assert_eq!(components(calendar.as_bytes()).expect("a calendar")[0].text("SUMMARY"), text);
        }
    }
}
