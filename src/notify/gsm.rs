//! GSM-7, the alphabet in which a text message holds 160 characters. One letter outside it makes that 70, so every
//! text is brought into it here, readably, and never by the provider's taste.
//!
//! The alphabet is that of 3GPP TS 23.038, default and extension table. Languages written in Latin letters keep their
//! letters or lose marks, Greek becomes the capitals that the alphabet has, Cyrillic is transliterated. What has no
//! spelling here becomes one `?` per run: number, severity and link still say what to do.

/// What a text costs: 1 per character, 2 for those of the extension table. The text must be in GSM-7.
pub fn septets(text: &str) -> usize {
    text.chars().map(cost).sum()
}

fn cost(letter: char) -> usize {
    if EXTENSION.contains(letter) { 2 } else { 1 }
}

/// The longest beginning that costs at most `budget`, and `...` within it if anything was cut.
pub fn clip(text: &str, budget: usize) -> String {
    if septets(text) <= budget {
        return text.to_owned();
    }
    let mut left = budget.saturating_sub(3);
    let kept = text.chars().take_while(|letter| {
        let fits = cost(*letter) <= left;
        left = left.saturating_sub(cost(*letter));
        fits
    });
    let kept: String = kept.collect();
    let dots = &"..."[..budget.min(3)];
    format!("{}{dots}", kept.trim_end())
}

/// The text in GSM-7 letters only.
pub fn transliterate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() || BASIC.contains(letter) || EXTENSION.contains(letter) {
            out.push(letter);
        } else if let Some((_, spelling)) = SPELLINGS.iter().find(|(letters, _)| letters.contains(letter)) {
            out.push_str(spelling);
        } else if let Some(spelling) = cyrillic(letter) {
            out.push_str(&spelling);
        } else if !is_mark(letter) && !out.ends_with('?') {
            out.push('?');
        }
    }
    out
}

/// Besides letters and digits of ASCII.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà";
const EXTENSION: &str = "^{}\\[~]|€";

/// Letters on the left are written as on the right.
const SPELLINGS: &[(&str, &str)] = &[
    ("ÀÁÂÃĀĂĄǍΑΆ", "A"),
    ("áâãāăąǎ", "a"),
    ("ĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ĎĐÐ", "D"),
    ("ďđð", "d"),
    ("ÈÊËĒĔĖĘĚΕΈεέ", "E"),
    ("êëēĕėęě", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ĤĦΗΉηή", "H"),
    ("ĥħ", "h"),
    ("ÌÍÎÏĨĪĬĮİΙΊΪιίϊΐ", "I"),
    ("íîïĩīĭįı", "i"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("ĶΚκ", "K"),
    ("ķ", "k"),
    ("ĹĻĽŁ", "L"),
    ("ĺļľł", "l"),
    ("ŃŅŇΝν", "N"),
    ("ńņň", "n"),
    ("ÒÓÔÕŌŎŐΟΌοό", "O"),
    ("óôõōŏő", "o"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞŠȘ", "S"),
    ("śŝşšș", "s"),
    ("ŢŤŦȚΤτ", "T"),
    ("ţťŧț", "t"),
    ("ÙÚÛŨŪŬŮŰŲ", "U"),
    ("úûũūŭůűų", "u"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("ÝŶŸΥΎΫυύϋΰ", "Y"),
    ("ýÿŷ", "y"),
    ("ŹŻŽΖζ", "Z"),
    ("źżž", "z"),
    ("αά", "A"),
    ("Ββ", "B"),
    ("γ", "Γ"),
    ("δ∆", "Δ"),
    ("θ", "Θ"),
    ("λ", "Λ"),
    ("Μ", "M"),
    ("ξ", "Ξ"),
    ("π", "Π"),
    ("Ρρ", "P"),
    ("σς", "Σ"),
    ("φ", "Φ"),
    ("Χχ", "X"),
    ("ψ", "Ψ"),
    ("ωώΏ\u{2126}", "Ω"),
    ("Œ", "OE"),
    ("œ", "oe"),
    ("Þ", "Th"),
    ("þ", "th"),
    ("ẞ", "SS"),
    ("µμ", "u"),
    ("‘’‚‛′`´", "'"),
    ("“”„‟″«»", "\""),
    ("‹", "<"),
    ("›", ">"),
    ("‐‑‒–—―−", "-"),
    ("•·", "-"),
    ("…", "..."),
    ("×", "x"),
    ("÷", ":"),
    ("±", "+/-"),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("≈", "~"),
    ("→", "->"),
    ("←", "<-"),
    ("°", "deg "),
    ("²", "2"),
    ("³", "3"),
    ("½", "1/2"),
    ("№", "No."),
    ("©", "(c)"),
    ("®", "(r)"),
    ("™", "(tm)"),
    ("\t\u{a0}\u{2002}\u{2003}\u{2009}\u{202f}\u{3000}", " "),
];

/// Each Cyrillic letter with its spelling behind it.
const CYRILLIC: &str = "аa бb вv гg дd еe ёyo жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щshch ъ ыy ь эe \
    юyu яya іi їyi єye ґg ўu јj љlj њnj ћc ђdj џdz";

fn cyrillic(letter: char) -> Option<String> {
    let lower = letter.to_lowercase().next()?;
    let spelling = CYRILLIC.split_whitespace().find_map(|entry| entry.strip_prefix(lower))?;
    let mut letters = spelling.chars();
    Some(match letters.next() {
        Some(first) if letter.is_uppercase() => first.to_ascii_uppercase().to_string() + letters.as_str(),
        _ => spelling.to_owned(),
    })
}

/// Marks that belong to the letter before and joiners: dropped, so that a decomposed é is an e and an emoji of five
/// parts is one question mark.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_gsm_and_stay_readable() {
        let check = |text: &str, expected: &str| {
            let written = transliterate(text);
            assert_eq!(written, expected);
            assert_eq!(transliterate(&written), written, "what is in the alphabet stays as it is");
        };
        check("disk 97% on db-1 [ro] {a|b} ~ ^ \\ €5", "disk 97% on db-1 [ro] {a|b} ~ ^ \\ €5");
        check("Größe überschritten, Straße", "Größe überschritten, Straße");
        check("„Fehler“ – Platte voll…", "\"Fehler\" - Platte voll...");
        check("Échec: le contrôle a échoué, ça dépasse l’œuvre", "Échec: le controle a échoué, ca dépasse l'oeuvre");
        check("Błąd: zażółć gęślą jaźń", "Blad: zazolc gesla jazn");
        check("Χωρίς χώρο στον δίσκο", "XΩPIΣ XΩPO ΣTON ΔIΣKO");
        check("Диск заполнен, Щука, подъезд", "Disk zapolnen, Shchuka, podezd");
        check("Немає місця на ґанку Їжак", "Nemaye mistsya na ganku Yizhak");
        check("cafe\u{301} 25 °C ≥ 20µs", "cafe 25 deg C >= 20us");
        check("磁盘已满 db-1", "? db-1");
        check("🔥👩\u{200d}🚒 down", "? down");
        check("`rm`", "'rm'");
    }

    #[test]
    fn extension_characters_cost_two() {
        for (text, expected) in [("", 0), ("abc", 3), ("[a]", 5), ("€", 2), ("äöü@", 4)] {
            assert_eq!(septets(text), expected, "{text}");
        }
    }

    #[test]
    fn a_clipped_text_keeps_to_its_budget() {
        for (text, budget, expected) in [
            ("disk full", 9, "disk full"),
            ("disk full", 8, "disk..."),
            ("[[[[[[", 8, "[[..."),
            ("disk full", 3, "..."),
            ("disk full", 1, "."),
            ("disk full", 0, ""),
        ] {
            assert_eq!(clip(text, budget), expected, "{text} in {budget}");
        }
    }

    #[test]
    fn no_letter_is_spelled_with_letters_outside_the_alphabet() {
        for (letters, spelling) in SPELLINGS {
            assert_eq!(transliterate(spelling), *spelling, "{letters}");
            for letter in letters.chars() {
                assert_eq!(transliterate(&letter.to_string()), *spelling, "{letter} is listed once");
            }
        }
    }
}
