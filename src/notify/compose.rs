//! The words of every message.
//!
//! Alert text is data: it reaches a phone as one line without web addresses of its own, a mail header without line
//! breaks, a page of HTML escaped. The first thing to read is what to do; then what it is; then, where there is room,
//! why it came to this person. The title gives way when room is short; the link never does.

use super::gsm;
use super::{Content, Headline, Page, Update};
use crate::domain::contact::Channel;
use crate::domain::event::TITLE_CHARS;
use rinja::Template;

/// The WhatsApp template as it must be approved, its five places in the order of [`whatsapp`].
pub const WHATSAPP_TEMPLATE: &str = include_str!("../../assets/messages/whatsapp.txt");

pub struct Email {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A message as the notification log shows it. The link lacks its token: who has it may act for the person it was made
/// for.
pub fn shown(channel: Channel, content: &Content) -> String {
    let text = match channel {
        Channel::Sms => sms(content),
        Channel::WhatsApp => whatsapp(content).join(" | "),
        Channel::Email => {
            let mail = email(content);
            format!("{}\n\n{}", mail.subject, mail.text)
        }
    };
    match content.token() {
        Some(token) => text.replace(token, "..."),
        None => text,
    }
}

/// Two parts hold 153 each. One less, because a character of the extension table is not split between them.
const TWO_PARTS: usize = 305;
/// A longer link leaves no room for anything else.
const LINK_SEPTETS: usize = 200;
const NAME: usize = 30;
/// A title cut below this says nothing.
const TITLE_LEFT: usize = 20;

/// A text message that is like no other to its number: pages and bundles count by themselves, the rest ends with `nth`.
pub fn text(content: &Content, nth: Option<u32>) -> String {
    let words = sms(content);
    match (content, nth) {
        (Content::Page(_) | Content::Bundle(_), _) | (_, None) => words,
        (_, Some(nth)) => {
            let nth = format!(" ({nth})");
            format!("{}{nth}", gsm::clip(&words, TWO_PARTS - gsm::septets(&nth)))
        }
    }
}

/// A sentence of ours as free text: what it quotes is one line, without web addresses or markup.
pub fn answer(sentence: &str) -> String {
    without_markup(&without_links(&one_line(sentence)))
}

/// A text message in GSM-7: one part where it fits, at most two.
pub fn sms(content: &Content) -> String {
    match content {
        Content::Test { asked_by } => {
            fit("TEST from PagerPal, asked for by ", &phone(asked_by), &[". Pages reach you like this.".to_owned()])
        }
        Content::Code { code } => format!("PagerPal: your code is {code}. Whoever asks you for it is not PagerPal."),
        Content::Bundle(bundle) => {
            let named = bundle.named.iter().map(|(about, code)| {
                let code = code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                format!("#{} {} {}{code}", about.number, severity(about), clip(&phone(&about.title), NAME))
            });
            let named = named.collect::<Vec<_>>().join("; ");
            let more = if bundle.more > 0 { format!("; and {} more.", bundle.more) } else { String::new() };
            let link = bundle.link.as_deref().filter(|link| gsm::septets(link) <= LINK_SEPTETS);
            let link = link.map(|link| format!(" {link}")).unwrap_or_default();
            // What is counted goes with every ending, or two bundles could be alike.
            let ends = [format!("{more} {}{link}", bundle.counter), format!("{more} {}", bundle.counter)];
            fit(&format!("{} incidents: ", bundle.named.len() + bundle.more), &named, &ends)
        }
        Content::Update(Update { about, sentence, link }) => {
            let sentence = phone(sentence);
            let link = link.as_deref().filter(|link| gsm::septets(link) <= LINK_SEPTETS).map(|link| format!(" {link}"));
            let link = link.unwrap_or_default();
            match about {
                None => fit("PagerPal: ", &sentence, &[link]),
                Some(about) => {
                    let head = head(about);
                    let others = gsm::septets(&head) + TITLE_LEFT + " - ".len() + gsm::septets(&link);
                    let sentence = gsm::clip(&sentence, TWO_PARTS.saturating_sub(others));
                    fit(&head, &phone(&about.title), &[format!(" - {sentence}{link}")])
                }
            }
        }
        Content::Page(page) => {
            let link = page.link.as_deref().filter(|link| gsm::septets(link) <= LINK_SEPTETS);
            let action = match (link, &page.code) {
                (Some(link), Some(code)) => format!("{} Take it: reply {code} or {link}", page.counter),
                (Some(link), None) => format!("{} Take it: {link}", page.counter),
                (None, Some(code)) => format!("{} Reply {code} to take it.", page.counter),
                (None, None) => format!("{} Incident #{}, open PagerPal.", page.counter, page.about.number),
            };
            let team = gsm::clip(&phone(&page.team), NAME);
            let team = if team.is_empty() { team } else { format!(" ({team})") };
            let next =
                page.next.as_ref().map(|next| format!(" Next: {} {}", gsm::clip(&phone(&next.name), NAME), next.at));
            let next = next.unwrap_or_default();
            let tails = [format!("{team} {action}{next}"), format!("{team} {action}"), format!(" {action}")];
            fit(&head(&page.about), &phone(&page.about.title), &tails)
        }
    }
}

fn head(about: &Headline) -> String {
    format!("#{} {} ", about.number, severity(about))
}

/// `head`, as much of `middle` as there is room for, and the first of `tails` that leaves it room.
fn fit(head: &str, middle: &str, tails: &[String]) -> String {
    let with = |tail: &str, middle: usize| gsm::septets(head) + middle + gsm::septets(tail);
    let wanted = gsm::septets(middle);
    let fits = |tail: &&String| with(tail, wanted.min(TITLE_LEFT)) <= TWO_PARTS;
    let tail = tails.iter().find(fits).or(tails.last()).map_or("", String::as_str);
    let middle = gsm::clip(middle, TWO_PARTS.saturating_sub(with(tail, 0)));
    format!("{head}{middle}{tail}")
}

/// The five places of the template: number and severity, title, team, next call, link. None is empty, because WhatsApp
/// refuses empty ones; none has a line break, a tab or a run of spaces, for the same reason.
pub fn whatsapp(content: &Content) -> [String; 5] {
    let nothing = || "-".to_owned();
    let number = |about: &Headline| format!("#{} {}", about.number, severity(about));
    let places = match content {
        Content::Test { asked_by } => [
            "TEST".to_owned(),
            format!("This is a test, asked for by {}. Pages reach you like this.", one_line(asked_by)),
            nothing(),
            nothing(),
            nothing(),
        ],
        Content::Code { code } => {
            ["PagerPal".to_owned(), format!("Your code is {code}."), nothing(), nothing(), nothing()]
        }
        Content::Bundle(bundle) => {
            let titles = bundle.named.iter().map(|(about, code)| {
                let code = code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
                format!("{} {}{code}", number(about), about.title)
            });
            [
                format!("{} incidents {}", bundle.named.len() + bundle.more, bundle.counter),
                titles.collect::<Vec<_>>().join("; "),
                nothing(),
                nothing(),
                bundle.link.clone().unwrap_or_else(nothing),
            ]
        }
        Content::Update(Update { about, sentence, link }) => [
            about.as_ref().map_or_else(|| "PagerPal".to_owned(), number),
            match about {
                Some(about) => format!("{} - {sentence}", about.title),
                None => sentence.clone(),
            },
            nothing(),
            nothing(),
            link.clone().unwrap_or_else(nothing),
        ],
        Content::Page(page) => [
            match &page.code {
                Some(code) => format!("{} {}, reply {code}", number(&page.about), page.counter),
                None => format!("{} {}", number(&page.about), page.counter),
            },
            page.about.title.clone(),
            page.team.clone(),
            page.next.as_ref().map_or_else(nothing, |next| format!("{} {}", next.name, next.at)),
            page.link.clone().unwrap_or_else(|| format!("incident #{}, open PagerPal.", page.about.number)),
        ],
    };
    let mut places = places;
    // The link, last, is ours.
    for place in &mut places[..4] {
        let text = without_markup(&without_links(&one_line(place)));
        *place = if text.is_empty() { nothing() } else { clip(&text, TITLE_CHARS) };
    }
    places
}

/// Subject, plain text and HTML of a mail. The subject of a page never changes while the incident lives, so that mail
/// programs keep it in one thread.
pub fn email(content: &Content) -> Email {
    match content {
        Content::Page(page) => {
            let page = cleaned(page);
            let severity = severity(&page.about);
            Email {
                subject: subject(&page.about),
                text: rendered(PageText { page: &page, severity: &severity }),
                html: rendered(PageHtml { page: &page, severity: &severity }),
            }
        }
        Content::Update(Update { about, sentence, link }) => {
            let sentence = one_line(sentence);
            let subject = match about {
                Some(about) => subject(about),
                None => header_text(&format!("PagerPal: {sentence}")),
            };
            let about = about.as_ref().map(|about| head(about) + &one_line(&about.title));
            notice(subject, &sentence, about.as_deref(), link.as_deref())
        }
        Content::Test { asked_by } => {
            let sentence = format!("TEST: {} asked for this. Pages reach you like this.", one_line(asked_by));
            notice("TEST of PagerPal".to_owned(), &sentence, None, None)
        }
        Content::Code { code } => {
            let sentence = format!("Your code is {code}. Type it in where PagerPal asks for it.");
            notice("Your PagerPal code".to_owned(), &sentence, None, None)
        }
        Content::Bundle(bundle) => {
            let count = bundle.named.len() + bundle.more;
            let named = bundle.named.iter().map(|(about, _)| head(about) + &one_line(&about.title));
            let named = named.collect::<Vec<_>>().join("; ");
            let subject = header_text(&format!("[{count} incidents] {named}"));
            notice(subject, &format!("{count} incidents need somebody."), Some(&named), bundle.link.as_deref())
        }
    }
}

fn notice(subject: String, sentence: &str, about: Option<&str>, link: Option<&str>) -> Email {
    Email {
        subject,
        text: rendered(NoticeText { sentence, about, link }),
        html: rendered(NoticeHtml { sentence, about, link }),
    }
}

#[derive(Template)]
#[template(path = "messages/page.txt", askama = rinja)]
struct PageText<'a> {
    page: &'a Page,
    severity: &'a str,
}

#[derive(Template)]
#[template(path = "messages/page.html", askama = rinja)]
struct PageHtml<'a> {
    page: &'a Page,
    severity: &'a str,
}

#[derive(Template)]
#[template(path = "messages/notice.txt", askama = rinja)]
struct NoticeText<'a> {
    sentence: &'a str,
    about: Option<&'a str>,
    link: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "messages/notice.html", askama = rinja)]
struct NoticeHtml<'a> {
    sentence: &'a str,
    about: Option<&'a str>,
    link: Option<&'a str>,
}

fn rendered(template: impl Template) -> String {
    template.render().expect("strings and numbers always format, and a String takes them all")
}

/// More than this is read in the browser.
const DETAILS_CHARS: usize = 4_000;

fn cleaned(page: &Page) -> Page {
    let mut page = page.clone();
    page.about.title = one_line(&page.about.title);
    page.team = one_line(&page.team);
    page.why = page.why.iter().map(|reason| one_line(reason)).collect();
    if let Some(next) = &mut page.next {
        next.name = one_line(&next.name);
    }
    page.details = clip(&lines(&page.details), DETAILS_CHARS);
    page
}

fn severity(about: &Headline) -> String {
    about.severity.word().to_uppercase()
}

fn subject(about: &Headline) -> String {
    header_text(&format!("[#{} {}] {}", about.number, severity(about), one_line(&about.title)))
}

/// One line that no mail program takes for an encoded word (RFC 2047), which could show what we did not write.
fn header_text(text: &str) -> String {
    clip(&one_line(text), TITLE_CHARS + 50).replace("=?", "= ?")
}

/// A text for a phone: one line, no web address of its own, in GSM-7.
fn phone(text: &str) -> String {
    gsm::transliterate(&without_links(&one_line(text)))
}

/// Words with single spaces between: no line breaks, no control characters, none that reorder text or cannot be seen.
fn one_line(text: &str) -> String {
    let visible = text.chars().filter(|letter| !is_invisible(*letter));
    let spaced: String = visible.map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same with its line breaks kept.
fn lines(text: &str) -> String {
    let visible = text.chars().filter(|letter| !is_invisible(*letter) && *letter != '\r');
    visible.map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect()
}

fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}')
}

/// Phones make web addresses tappable, and this one would not lead to us.
fn without_links(text: &str) -> String {
    let is_link = |word: &str| {
        let word = word.trim_start_matches(|letter: char| !letter.is_alphanumeric()).to_ascii_lowercase();
        word.contains("://") || word.starts_with("www.")
    };
    let words = text.split(' ').map(|word| if is_link(word) { "(link)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// What WhatsApp would read as bold, italic, struck or code, in letters that look alike. An underscore inside a word is
/// no markup and stays.
fn without_markup(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let joins = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|letter| letter.is_alphanumeric());
    let plain = letters.iter().enumerate().map(|(at, letter)| match letter {
        '*' => '∗',
        '~' => '∼',
        '`' => '\'',
        '_' if !(joins(at.checked_sub(1)) && joins(Some(at + 1))) => 'ˍ',
        other => *other,
    });
    plain.collect()
}

fn clip(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(characters - 1).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::super::{Bundle, NextCall};
    use super::*;
    use crate::domain::Severity;

    const LINK: &str = "https://pager.example.com/a/7hQ2mXk94TcaB8wzK3pLq9dRv5n";

    fn page() -> Page {
        Page {
            about: Headline { number: 1842, severity: Severity::Critical, title: "db-1 disk 97%".to_owned() },
            team: "Payments".to_owned(),
            details: "exit status 2\r\n<b>df -h</b>".to_owned(),
            why: vec!["Level 1 of Payments first".to_owned(), "Override by Caro".to_owned()],
            next: Some(NextCall { name: "Bo".to_owned(), at: "03:19".to_owned() }),
            link: Some(LINK.to_owned()),
            code: None,
            counter: "1/1".to_owned(),
        }
    }

    fn titled(title: &str) -> Page {
        let mut page = page();
        page.about.title = title.to_owned();
        page
    }

    fn update(about: Option<Headline>) -> Content {
        Content::Update(Update { about, sentence: "Bo took it.".to_owned(), link: Some(LINK.to_owned()) })
    }

    #[test]
    fn where_replies_reach_us_a_page_says_how_to_take_it() {
        let check = |link: Option<&str>, expected: &str| {
            let page = Page { code: Some("7KQ4".to_owned()), link: link.map(str::to_owned), ..page() };
            assert_eq!(sms(&Content::Page(page.clone())), expected);
            assert_eq!(whatsapp(&Content::Page(page))[0], "#1842 CRITICAL 1/1, reply 7KQ4");
        };
        let link = format!("#1842 CRITICAL db-1 disk 97% (Payments) 1/1 Take it: reply 7KQ4 or {LINK} Next: Bo 03:19");
        check(Some(LINK), &link);
        check(None, "#1842 CRITICAL db-1 disk 97% (Payments) 1/1 Reply 7KQ4 to take it. Next: Bo 03:19");
    }

    #[test]
    fn no_two_texts_to_a_number_are_alike_however_long_they_are() {
        let bundle = |counter: &str, title: &str| {
            let about = Headline { number: 7, severity: Severity::Error, title: title.to_owned() };
            let named = vec![(about, Some("7KQ4".to_owned())); 3];
            Content::Bundle(Bundle { named, more: 90, link: Some(LINK.to_owned()), counter: counter.to_owned() })
        };
        for title in ["x".to_owned(), "long ".repeat(200)] {
            let counted = |counter: &str| Content::Page(Page { counter: counter.to_owned(), ..titled(&title) });
            let update = || Content::Update(Update { about: None, sentence: title.clone(), link: None });
            let texts = [
                [text(&counted("call 1"), Some(1)), text(&counted("call 2"), Some(2))],
                [text(&bundle("(1)", &title), Some(1)), text(&bundle("(2)", &title), Some(2))],
                [text(&update(), Some(1)), text(&update(), Some(2))],
                [text(&update(), Some(9)), text(&update(), Some(99_999))],
            ];
            for [one, other] in texts {
                assert_ne!(one, other);
                assert!(gsm::septets(&one).max(gsm::septets(&other)) <= 306, "{one}");
            }
        }
    }

    #[test]
    fn a_text_message_says_number_severity_title_team_link_and_who_is_next() {
        let check = |content: Content, expected: &str| assert_eq!(sms(&content), expected);
        check(
            Content::Page(page()),
            &format!("#1842 CRITICAL db-1 disk 97% (Payments) 1/1 Take it: {LINK} Next: Bo 03:19"),
        );
        check(
            Content::Page(Page { link: None, next: None, ..page() }),
            "#1842 CRITICAL db-1 disk 97% (Payments) 1/1 Incident #1842, open PagerPal.",
        );
        check(
            Content::Page(Page { team: String::new(), next: None, ..page() }),
            &format!("#1842 CRITICAL db-1 disk 97% 1/1 Take it: {LINK}"),
        );
        check(update(Some(page().about)), &format!("#1842 CRITICAL db-1 disk 97% - Bo took it. {LINK}"));
        check(update(None), &format!("PagerPal: Bo took it. {LINK}"));
        check(
            Content::Test { asked_by: "Ana".to_owned() },
            "TEST from PagerPal, asked for by Ana. Pages reach you like this.",
        );
    }

    #[test]
    fn a_text_message_has_two_parts_at_most_and_keeps_its_link() {
        let long = "wörd [x] €".repeat(40);
        let longest_link = format!("https://{}/a/7hQ2", "a".repeat(LINK_SEPTETS - 15));
        for title_length in 0..long.chars().count() {
            let link = if title_length % 2 == 0 { LINK } else { &longest_link };
            let title: String = long.chars().take(title_length).collect();
            let page = Page { team: title.clone(), ..titled(&title) };
            let next = Some(NextCall { name: title.clone(), at: "03:19".to_owned() });
            let about = page.about.clone();
            for content in [
                Content::Page(Page { next, link: Some(link.to_owned()), ..page }),
                Content::Update(Update { about: Some(about), sentence: title.clone(), link: Some(link.to_owned()) }),
                Content::Update(Update { about: None, sentence: title.clone(), link: Some(link.to_owned()) }),
            ] {
                let text = sms(&content);
                assert!(gsm::septets(&text) <= TWO_PARTS, "{text}");
                assert_eq!(gsm::transliterate(&text), text);
                assert!(text.contains(link), "{text}");
            }
        }
        let text = sms(&Content::Page(titled(&"a".repeat(250))));
        assert!(text.starts_with("#1842 CRITICAL aaaa") && text.contains("aaa... (Payments) 1/1 Take it: "), "{text}");
    }

    #[test]
    fn a_link_too_long_for_a_text_message_gives_way_to_the_number() {
        let link = Some(format!("https://{}.example.com/a/x", "a".repeat(300)));
        let text = sms(&Content::Page(Page { link, ..page() }));
        assert!(text.contains("Incident #1842, open PagerPal.") && gsm::septets(&text) <= 160, "{text}");
    }

    #[test]
    fn no_web_address_of_a_payload_reaches_a_phone() {
        for title in ["see https://evil.example/x now", "see (HTTPS://evil.example/x) now", "see www.evil.example now"]
        {
            let content = Content::Page(titled(title));
            assert!(sms(&content).starts_with("#1842 CRITICAL see (link) now (Payments)"), "{}", sms(&content));
            assert_eq!(whatsapp(&content)[1], "see (link) now");
        }
    }

    #[test]
    fn whatsapp_has_five_places_in_the_order_of_the_template() {
        let places = whatsapp(&Content::Page(page()));
        assert_eq!(places, ["#1842 CRITICAL 1/1", "db-1 disk 97%", "Payments", "Bo 03:19", LINK]);
        let bare = Page { team: " ".to_owned(), next: None, link: None, ..page() };
        let places = whatsapp(&Content::Page(bare));
        assert_eq!(places[2..], ["-", "-", "incident #1842, open PagerPal."]);
        assert_eq!(whatsapp(&Content::Test { asked_by: "Ana".to_owned() })[0], "TEST");
        let found: Vec<usize> = (1..=6).filter_map(|n| WHATSAPP_TEMPLATE.find(&format!("{{{{{n}}}}}"))).collect();
        assert!(found.len() == 5 && found.is_sorted(), "{found:?}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let hostile =
            titled("db\r\nBcc: all@example.net\t\t  x\u{202e}y \u{200b} *bold* _it_ a_b ~s~ =?utf-8?b?eA==?= <i>");
        let content = Content::Page(hostile);
        let place = &whatsapp(&content)[1];
        assert_eq!(place, "db Bcc: all@example.net xy ∗bold∗ ˍitˍ a_b ∼s∼ =?utf-8?b?eA==?= <i>");
        let mail = email(&content);
        assert_eq!(
            mail.subject,
            "[#1842 CRITICAL] db Bcc: all@example.net xy *bold* _it_ a_b ~s~ = ?utf-8?b?eA== ?= <i>"
        );
        assert!(!mail.html.contains("<i>") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(!sms(&content).contains(['\r', '\n', '\t']));
    }

    #[test]
    fn a_mail_begins_with_what_to_do_and_ends_with_the_details() {
        let mail = email(&Content::Page(page()));
        assert_eq!(mail.subject, "[#1842 CRITICAL] db-1 disk 97%");
        let expected = format!(
            "Take it: {LINK}\nOtherwise Bo is called at 03:19.\n\n#1842 CRITICAL db-1 disk 97%\nTeam: Payments\nPage 1/1\n\n\
             Why you:\n- Level 1 of Payments first\n- Override by Caro\n\nDetails:\nexit status 2\n<b>df -h</b>\n"
        );
        assert_eq!(mail.text, expected);
        assert_eq!(mail.html.matches("href").count(), 1, "one link");
        assert!(mail.html.contains("&#60;b&#62;df -h&#60;/b&#62;"), "{}", mail.html);

        let mail = email(&Content::Page(Page { link: None, ..page() }));
        assert!(mail.text.starts_with("Incident #1842, open PagerPal.\n"), "{}", mail.text);
        let mail = email(&update(Some(page().about)));
        assert_eq!(mail.subject, "[#1842 CRITICAL] db-1 disk 97%", "the same thread");
        assert_eq!(mail.text, format!("Bo took it.\n\n#1842 CRITICAL db-1 disk 97%\n\nOpen it: {LINK}\n"));
        let mail = email(&Content::Test { asked_by: "Ana".to_owned() });
        assert!(mail.subject.starts_with("TEST") && mail.text.starts_with("TEST"), "{}", mail.text);
    }

    #[test]
    fn what_is_shown_does_not_hold_the_key() {
        for channel in Channel::ALL {
            for content in [Content::Page(page()), update(None)] {
                let text = shown(channel, &content);
                assert!(text.contains("https://pager.example.com/a/...") && !text.contains("7hQ2"), "{text}");
            }
        }
    }
}
