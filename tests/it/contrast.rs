//! Whether everything written in the colours of the style sheet can be read, in light, in dark and at night.
//!
//! The sheet is the source: its tokens are read, and the contrast of WCAG 2 is computed for every pair that may meet on
//! a page. A token that no pair names fails too, so a new colour says where it is used.

use std::collections::BTreeMap;

const SHEET: &str = include_str!("../../assets/static/app.css");

/// WCAG 2.2, 1.4.3 and 1.4.11.
const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

const GROUNDS: &[&str] = &["bg", "surface", "surface-2"];
const EVERYWHERE: &[&str] =
    &["bg", "surface", "surface-2", "accent-soft", "crit-soft", "warn-soft", "ok-soft", "mute-soft"];

/// Which token stands on which grounds, and how much it must differ.
const PAIRS: &[(&str, &[&str], f64)] = &[
    ("text", EVERYWHERE, TEXT),
    ("text-2", GROUNDS, TEXT),
    ("text-3", GROUNDS, TEXT),
    ("accent", &["bg", "surface", "surface-2", "accent-soft"], TEXT),
    ("crit", &["bg", "surface", "surface-2", "crit-soft"], TEXT),
    ("error", GROUNDS, TEXT),
    ("warn", &["bg", "surface", "surface-2", "warn-soft"], TEXT),
    ("info", GROUNDS, TEXT),
    ("ok", &["bg", "surface", "surface-2", "ok-soft"], TEXT),
    ("mute", &["bg", "surface", "surface-2", "mute-soft"], TEXT),
    ("crit-ink", &["crit-solid"], TEXT),
    ("primary-ink", &["primary"], TEXT),
    ("ctl", GROUNDS, CONTROL),
    // The edge of a row says how bad it is; the word beside it says so too.
    ("crit-solid", &["surface"], CONTROL),
    ("error-solid", &["surface"], CONTROL),
];

/// Tokens that carry no meaning of their own: a rule between things, and the edge of a row marked WARN.
const DECORATION: &[&str] = &["line", "warn-solid"];

#[derive(Clone, Copy, PartialEq, Debug)]
struct Colour([f64; 3]);

type Theme = BTreeMap<String, Colour>;

struct Sheet {
    /// For browsers that do not know `light-dark()`.
    plain: Theme,
    light: Theme,
    dark: Theme,
    /// The page behind a message's link, between 22:00 and 07:00.
    night: Theme,
}

#[test]
fn every_text_and_every_control_can_be_told_from_its_ground() {
    let complaints = judge(SHEET);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn a_colour_that_cannot_be_read_is_named() {
    let sheet = read(SHEET);
    for (token, grounds, _) in PAIRS {
        for (theme, name) in [(&sheet.light, "light"), (&sheet.dark, "dark")] {
            let worse = SHEET.replace(&declared(&sheet, token), &{
                let ground = theme[grounds[0]];
                let (light, dark) = match name {
                    "light" => (ground, sheet.dark[*token]),
                    _ => (sheet.light[*token], ground),
                };
                format!("--{token}: light-dark({}, {})", hex(light), hex(dark))
            });
            assert_ne!(worse, SHEET, "--{token} was found in the sheet");
            let complaints = judge(&worse);
            let named = |complaint: &String| complaint.starts_with(&format!("{name}: --{token} on --{}", grounds[0]));
            assert!(complaints.iter().any(named), "--{token} as its own ground, {name}: {complaints:?}");
        }
    }
}

#[test]
fn a_colour_nobody_judges_is_named() {
    let odd = SHEET.replacen("--bg: light-dark", "--glow: light-dark(#EEEEEE, #111111); --bg: light-dark", 1);
    let complaints = judge(&odd);
    assert!(complaints.iter().any(|complaint| complaint.contains("--glow")), "{complaints:?}");
    let odd = SHEET.replacen("color: var(--text);", "color: #777;", 1);
    let complaints = judge(&odd);
    assert!(complaints.iter().any(|complaint| complaint.contains("#777")), "{complaints:?}");
}

#[test]
fn black_on_white_is_twenty_one_to_one() {
    let contrast_of =
        |one: &str, other: &str| contrast(colour(one).expect("a colour"), colour(other).expect("another"));
    assert!((contrast_of("#000", "#FFFFFF") - 21.0).abs() < 1e-9);
    // An example of the standard's own glossary in many a tool: the lightest grey that may carry text on white.
    assert!((contrast_of("#767676", "#fff") - 4.54).abs() < 0.01);
    assert_eq!(contrast_of("#123456", "#123456"), 1.0);
}

/// Everything that is wrong with the colours of a sheet, each with its token.
fn judge(text: &str) -> Vec<String> {
    let sheet = read(text);
    let mut complaints = Vec::new();
    for (token, value) in &sheet.plain {
        if sheet.light.get(token) != Some(value) {
            complaints.push(format!("--{token} of :root is not the light one of light-dark()"));
        }
    }
    for token in sheet.light.keys() {
        if !sheet.plain.contains_key(token) {
            complaints.push(format!("--{token} is missing for browsers without light-dark()"));
        }
        let is_judged = PAIRS.iter().any(|(ink, grounds, _)| ink == token || grounds.contains(&token.as_str()));
        if !is_judged && !DECORATION.contains(&token.as_str()) {
            complaints.push(format!("--{token}: say in PAIRS of tests/it/contrast.rs what stands on it"));
        }
    }
    for (name, theme) in [("light", &sheet.light), ("dark", &sheet.dark), ("night", &sheet.night)] {
        for (ink, grounds, least) in PAIRS {
            for ground in *grounds {
                let (Some(a), Some(b)) = (theme.get(*ink), theme.get(*ground)) else {
                    complaints.push(format!("{name}: --{ink} on --{ground} is not in the sheet"));
                    continue;
                };
                let found = contrast(*a, *b);
                if found < *least {
                    complaints.push(format!("{name}: --{ink} on --{ground} is {found:.2}, least is {least}"));
                }
            }
        }
    }
    complaints.extend(colours_outside(text).map(|line| format!("only tokens have colours: {line}")));
    complaints
}

/// Declarations that name a colour without being a token's. Shadows are see-through and carry nothing.
fn colours_outside(text: &str) -> impl Iterator<Item = &str> {
    let is_colour = |rest: &str| {
        let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        matches!(word.len(), 3 | 4 | 6 | 8) && word.chars().all(|c| c.is_ascii_hexdigit())
    };
    let is_free = |text: &&str| !["--", "box-shadow", "@supports"].iter().any(|start| text.starts_with(start));
    let declarations = text.split(['{', ';', '}']).map(str::trim).filter(is_free);
    declarations.filter(move |text| text.match_indices('#').any(|(at, _)| is_colour(&text[at + 1..])))
}

fn read(text: &str) -> Sheet {
    let mut plain = Theme::new();
    let (mut light, mut dark, mut at_night) = (Theme::new(), Theme::new(), Theme::new());
    for line in text.lines() {
        for declaration in line.split(['{', ';', '}']) {
            let Some((token, value)) = declaration.trim().strip_prefix("--").and_then(|rest| rest.split_once(':'))
            else {
                continue;
            };
            let (token, value) = (token.to_owned(), value.trim());
            if let Some(both) = value.strip_prefix("light-dark(").and_then(|rest| rest.strip_suffix(')')) {
                let (one, other) = both.split_once(',').expect("two colours");
                light.insert(token.clone(), colour(one).unwrap_or_else(|| panic!("--{token}: {one}")));
                dark.insert(token.clone(), colour(other).unwrap_or_else(|| panic!("--{token}: {other}")));
            } else if let Some(value) = colour(value) {
                let theme = if line.starts_with(".night") { &mut at_night } else { &mut plain };
                theme.insert(token, value);
            }
        }
    }
    let mut night = dark.clone();
    night.extend(at_night);
    Sheet { plain, light, dark, night }
}

/// A token's declaration as it stands in the sheet.
fn declared(sheet: &Sheet, token: &str) -> String {
    let (light, dark) = (sheet.light[token], sheet.dark[token]);
    let spelled = |text: &str| {
        let (one, other) = text.split_once(',')?;
        (colour(one)? == light && colour(other.trim_end_matches(')'))? == dark).then(|| text.to_owned())
    };
    let mark = format!("--{token}: light-dark(");
    let start = SHEET.find(&mark).unwrap_or_else(|| panic!("{mark} is in the sheet"));
    let value = &SHEET[start + mark.len()..];
    let value = &value[..=value.find(')').expect("it ends")];
    spelled(value).unwrap_or_else(|| panic!("--{token} is read as it is written"));
    format!("{mark}{value}")
}

fn colour(text: &str) -> Option<Colour> {
    let digits = text.trim().strip_prefix('#')?;
    let digits: String = match digits.len() {
        3 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 => digits.to_owned(),
        _ => return None,
    };
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok().map(|value| f64::from(value) / 255.0);
    Some(Colour([part(0)?, part(2)?, part(4)?]))
}

fn hex(Colour(parts): Colour) -> String {
    let part = |value: f64| format!("{:02X}", (value * 255.0).round() as u8);
    format!("#{}{}{}", part(parts[0]), part(parts[1]), part(parts[2]))
}

/// Relative luminance and contrast as WCAG 2 defines them.
fn contrast(one: Colour, other: Colour) -> f64 {
    let luminance = |Colour(parts): Colour| {
        let linear = |value: f64| {
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(parts[0]) + 0.7152 * linear(parts[1]) + 0.0722 * linear(parts[2])
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
