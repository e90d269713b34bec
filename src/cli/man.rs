//! The manual pages of sections 1 and 5, from the definition of the command line and the table of settings.
//!
//! `packaging/man` holds what is written here, and a test holds it to that; the Debian package installs it. Nothing is
//! said twice: a command's help is its page, a setting's meaning its paragraph.

use super::{Arguments, Exit};
use crate::config::document::meaning;
use crate::config::keys::ROWS;
use clap::{Arg, Command, CommandFactory};

/// Name and text of every page.
pub fn pages() -> Vec<(String, String)> {
    let mut command = Arguments::command();
    // Hands the options of all down to each command.
    command.build();
    let mut pages = vec![("pagerpal.1".to_owned(), of_all(&command)), ("pagerpal.toml.5".to_owned(), of_settings())];
    pages.extend(commands(&command).map(|sub| (format!("pagerpal-{}.1", sub.get_name()), of_one(sub))));
    pages
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| sub.get_name() != "help")
}

fn of_all(command: &Command) -> String {
    let mut page = Page::new("pagerpal", 1, &about(command));
    page.section("SYNOPSIS");
    page.text(&usage(command));
    page.section("DESCRIPTION");
    page.text(
        "PagerPal takes alerts from monitoring, finds who is on call and pages by SMS, WhatsApp and email, level by \
         level, until somebody answers. It is one program with one database, a browser UI and a REST API. With nothing \
         configured it runs in safe mode on this machine alone: nobody is contacted.",
    );
    page.section("COMMANDS");
    for sub in commands(command) {
        page.item(sub.get_name(), &format!("{}. See pagerpal-{}(1).", about(sub), sub.get_name()));
    }
    page.arguments(command);
    page.examples(command);
    page.section("EXIT STATUS");
    for exit in Exit::ALL {
        page.item(&(exit as u8).to_string(), exit.meaning());
    }
    page.section("SIGNALS");
    page.item("SIGTERM, SIGINT", "The server finishes what has begun and ends; a second one ends it at once.");
    page.item(
        "SIGHUP",
        "The server reads its configuration again. Switches, providers, allowed origins and the log level take effect \
         at once; what needs a restart is named on every page. A configuration that is not valid changes nothing.",
    );
    page.section("FILES");
    page.item("/etc/pagerpal/pagerpal.toml", "Settings; see pagerpal.toml(5).");
    page.item("/etc/default/pagerpal", "Environment variables of the service, read when it starts.");
    page.item("/var/lib/pagerpal", "The package's data directory: database, generated secret key, backups.");
    page.section("SEE ALSO");
    page.text("pagerpal.toml(5), systemctl(1). The manual for people is served at /help.");
    page.out
}

fn of_one(command: &Command) -> String {
    let mut page = Page::new(&format!("pagerpal-{}", command.get_name()), 1, &about(command));
    let kinds: Vec<&Command> = commands(command).collect();
    page.section("SYNOPSIS");
    for usable in if kinds.is_empty() { vec![command] } else { kinds.clone() } {
        page.text(&usage(usable));
    }
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    if let Some((_, rest)) = long.split_once("\n\n") {
        page.section("DESCRIPTION");
        page.text(rest);
    }
    for kind in kinds {
        page.section(&format!("{} {}", command.get_name(), kind.get_name()).to_uppercase());
        page.text(&format!("{}.", about(kind)));
        kind.get_positionals().for_each(|arg| page.argument(arg));
    }
    page.arguments(command);
    page.examples(command);
    page.section("SEE ALSO");
    page.text("pagerpal(1), which lists the exit statuses; pagerpal.toml(5).");
    page.out
}

fn of_settings() -> String {
    let mut page = Page::new("pagerpal.toml", 5, "settings of PagerPal");
    page.section("DESCRIPTION");
    page.text(
        "A TOML file, read from the path given with --config, else ./pagerpal.toml, else /etc/pagerpal/pagerpal.toml. \
         Nothing needs to be set. Each setting can also be the environment variable named beside it, or a line of .env \
         in the working directory. A flag wins over the environment, the environment over .env, .env over this file.",
    );
    page.text(
        "A secret can come from a file that NAME_FILE names (or the key with _file), or from a systemd credential of that \
         name in lower case. All mistakes are named at once, each with its place; `pagerpal config show` says what is in \
         effect, and where it comes from.",
    );
    page.text(
        "Where a setting says so, it is read again on SIGHUP (systemctl reload pagerpal); the others take effect with a \
         restart.",
    );
    let mut group = None;
    for row in ROWS {
        if group != Some(row.group) {
            group = Some(row.group);
            page.section(&if row.group.is_empty() { "TOP LEVEL".to_owned() } else { format!("[{}]", row.group) });
        }
        let secret = if row.is_secret() { " A secret." } else { "" };
        let reread = if row.is_reread() { " Read again on SIGHUP." } else { "" };
        page.item(&format!("{} ({})", row.field, row.name), &format!("{}{secret}{reread}", meaning(row)));
    }
    page.section("SEE ALSO");
    page.text("pagerpal(1), pagerpal-config(1).");
    page.out
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// A page in the making, in the words of man(7).
struct Page {
    out: String,
}

impl Page {
    fn new(name: &str, section: u8, about: &str) -> Page {
        let version = env!("CARGO_PKG_VERSION");
        let title = name.to_uppercase();
        let mut page =
            Page { out: format!(".TH \"{title}\" \"{section}\" \"\" \"PagerPal {version}\" \"PagerPal\"\n") };
        page.section("NAME");
        page.text(&format!("{name} - {about}"));
        page
    }

    fn section(&mut self, title: &str) {
        self.out += &format!(".SH \"{}\"\n", plain(title));
    }

    /// Paragraphs, where empty lines part them.
    fn text(&mut self, text: &str) {
        for paragraph in text.split("\n\n") {
            self.out += &format!("{}\n.PP\n", plain(paragraph.trim()));
        }
    }

    fn item(&mut self, term: &str, text: &str) {
        self.out += &format!(".TP\n\\fB{}\\fR\n{}\n", plain(term), plain(text));
    }

    fn arguments(&mut self, command: &Command) {
        let is_asked_for = |arg: &&Arg| !["help", "version"].contains(&arg.get_id().as_str());
        let arguments = command.get_arguments().filter(is_asked_for);
        let (of_all, own): (Vec<&Arg>, Vec<&Arg>) = arguments.partition(|arg| arg.is_global_set());
        for (title, arguments) in [("OPTIONS", own), ("OPTIONS OF EVERY COMMAND", of_all)] {
            if !arguments.is_empty() {
                self.section(title);
            }
            arguments.into_iter().for_each(|arg| self.argument(arg));
        }
    }

    fn argument(&mut self, arg: &Arg) {
        let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values = arg.get_possible_values();
        let takes_value = arg.get_action().takes_values();
        if takes_value && values.len() > 1 {
            let words: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
            let parted = if help.is_empty() { "" } else { "; " };
            help = format!("{help}{parted}one of {}", words.join(", "));
        }
        let names: Vec<String> = [arg.get_short().map(|c| format!("-{c}")), arg.get_long().map(|l| format!("--{l}"))]
            .into_iter()
            .flatten()
            .collect();
        let value = arg.get_value_names().filter(|_| takes_value).map(|names| names.join(" ")).unwrap_or_default();
        let term = format!("{} {value}", names.join(", "));
        self.item(term.trim(), &format!("{help}."));
    }

    /// What stands above the help, as it is typed.
    fn examples(&mut self, command: &Command) {
        let before = command.get_before_help().map(ToString::to_string).unwrap_or_default();
        if let Some(examples) = before.strip_prefix("Examples:\n") {
            self.section("EXAMPLES");
            self.out += ".nf\n";
            for line in examples.lines() {
                self.out += &format!("{}\n", plain(line));
            }
            self.out += ".fi\n";
        }
    }
}

/// Text that means itself: roff takes a backslash, a hyphen, and a dot or quote that begins a line for its own.
fn plain(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let line = |line: &str| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() };
    escaped.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::{env, fs};

    #[test]
    fn the_pages_in_the_repository_are_these() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/man");
        if env::var_os("UPDATE_GOLDEN").is_some() {
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("the repository is writable");
            for (name, text) in pages() {
                fs::write(folder.join(name), text).expect("the repository is writable");
            }
        }
        let entries = fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        let found: BTreeSet<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        let pages = pages();
        assert_eq!(found, pages.iter().map(|(name, _)| name.clone()).collect(), "run `cargo xtask schema`");
        for (name, text) in pages {
            let found = fs::read_to_string(folder.join(&name)).expect("a page");
            assert!(found == text, "{name} is stale: run `cargo xtask schema`");
        }
    }

    #[test]
    fn every_command_option_and_setting_has_its_line() {
        let pages = pages();
        let page = |name: &str| &pages.iter().find(|(of, _)| of == name).expect("a page").1;
        assert!(page("pagerpal.1").contains(".TP\n\\fBbackup\\fR\n"));
        assert!(page("pagerpal.1").contains(".TP\n\\fB12\\fR\n"));
        assert!(page("pagerpal-backup.1").contains("\\fB\\-\\-keep COUNT\\fR\n"));
        assert!(page("pagerpal-backup.1").contains("\\fB\\-c, \\-\\-config FILE\\fR\n"));
        assert!(page("pagerpal-config.1").contains("pagerpal config show"));
        for row in ROWS {
            assert!(
                page("pagerpal.toml.5").contains(&format!("\\fB{} ({})\\fR\n", row.field, row.name)),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn no_text_is_taken_for_roff() {
        assert_eq!(plain(".toml\n'a' \\n --b"), "\\&.toml\n\\&'a' \\en \\-\\-b");
    }
}
