//! The table of settings as text for people: `.env.example`, `packaging/pagerpal.toml` and the list in the help.
//!
//! The two files in the repository are what these functions write, and a test holds them to it.

use super::keys::{Fallback, ROWS, Row, Shape};

/// `.env.example`: every setting, commented out, at its default or an example.
pub fn env_example() -> String {
    let mut out = String::from(
        "# PagerPal's settings as environment variables. Copy this file to .env in the directory you start PagerPal from,\n\
         # and remove the # of what you change. Nothing needs to be set: then PagerPal runs in safe mode on this machine\n\
         # alone. Variables of the environment win over this file, and this file wins over pagerpal.toml.\n\
         #\n\
         # A value may stand in '…' (taken as it is) or \"…\" (with \\\", \\\\ and \\$). Nothing else is expanded.\n\
         # An empty value counts as not set. `pagerpal config show` says what is in effect, and where it comes from.\n\
         #\n\
         # A secret can come from a file instead: SMTP_PASSWORD_FILE=/run/secrets/smtp_password.\n",
    );
    for row in ROWS {
        let quoted =
            if sample(row).contains([' ', '<']) { format!("'{}'", sample(row)) } else { sample(row).to_owned() };
        out += &format!("\n{}#{}={quoted}\n", comment(row), row.name);
    }
    out
}

/// `packaging/pagerpal.toml`: the same, in groups, with the data directory of the package.
pub fn pagerpal_toml() -> String {
    let mut out = String::from(
        "# PagerPal's settings. Remove the # of what you change, then `systemctl reload pagerpal`: what needs a restart\n\
         # instead is named on every page. Nothing needs to be set: then PagerPal runs in safe mode on this machine\n\
         # alone. Environment variables and .env win over this file.\n\
         # `pagerpal config show` says what is in effect, and where it comes from.\n\
         #\n\
         # A secret can come from a file instead: password_file = \"/run/secrets/smtp_password\".\n",
    );
    for group in groups() {
        if !group.is_empty() {
            out += &format!("\n[{group}]\n");
        }
        for row in ROWS.iter().filter(|row| row.group == group) {
            let setting = match row.name {
                "DATA_DIR" => "data_dir = \"/var/lib/pagerpal\"".to_owned(),
                _ => format!("#{} = {}", row.field, toml_value(row)),
            };
            out += &format!("\n{}{setting}\n", comment(row));
        }
    }
    out
}

/// Every setting with its meaning, for `pagerpal config --help`.
pub fn listing() -> String {
    let mut out = String::from("Settings, by their environment variables (and their keys in pagerpal.toml):\n");
    for row in ROWS {
        out += &format!("\n  {} ({})\n      {}\n", row.name, row.toml_path(), meaning(row));
    }
    out
}

/// The groups in the order of the table, the top level first, as TOML wants it.
fn groups() -> Vec<&'static str> {
    let mut groups = vec![""];
    for row in ROWS {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    }
    groups
}

fn comment(row: &Row) -> String {
    let mut out = String::new();
    let mut line = String::from("#");
    for word in meaning(row).split(' ') {
        if line.len() + 1 + word.len() > 118 {
            out += &(line + "\n");
            line = String::from("#");
        }
        line = line + " " + word;
    }
    out + &line + "\n"
}

/// What a setting means, and what holds without it.
pub fn meaning(row: &Row) -> String {
    match row.default {
        Fallback::Unset => row.meaning.to_owned(),
        Fallback::Text(words) | Fallback::Follows(words) => format!("{} Default: {words}.", row.meaning),
    }
}

fn sample(row: &Row) -> &'static str {
    match row.default {
        Fallback::Text(text) => text,
        Fallback::Unset | Fallback::Follows(_) => row.example,
    }
}

fn toml_value(row: &Row) -> String {
    match row.shape {
        Shape::Number | Shape::Switch => sample(row).to_owned(),
        Shape::Text | Shape::Secret => format!("{:?}", sample(row)),
        Shape::List => format!("{:?}", sample(row).split(',').collect::<Vec<&str>>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::ROOT;
    use crate::config::{Sources, load};
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::{env, fs, io};

    #[test]
    fn the_sample_files_are_what_the_table_says() {
        let check = |path: &str, expected: String| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &expected).expect("the repository is writable");
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            assert!(found == expected, "{} is stale: UPDATE_GOLDEN=1 cargo test config::document", path.display());
        };
        check(".env.example", env_example());
        check("packaging/pagerpal.toml", pagerpal_toml());
    }

    /// Removes the # of every setting; prose has a blank after it.
    fn uncommented(text: &str) -> String {
        text.lines()
            .map(|line| line.strip_prefix('#').filter(|l| !l.starts_with([' ', '#'])).unwrap_or(line).to_owned() + "\n")
            .collect()
    }

    #[test]
    fn a_sample_file_with_everything_switched_on_is_understood() {
        let check = |name: &str, text: String| {
            let text = uncommented(&text);
            let read_file = |path: &Path| match path.to_str() {
                Some(path) if path == name => Ok(text.clone().into_bytes()),
                Some("/etc/pagerpal/extra-ca.pem") => Ok(ROOT.into()),
                _ => Err(io::ErrorKind::NotFound.into()),
            };
            let sources = Sources {
                flags: BTreeMap::new(),
                env: ["INFOBIP_API_KEY", "SMTP_PASSWORD", "OIDC_CLIENT_SECRET"]
                    .map(|name| (name.to_owned(), "k".to_owned()))
                    .into(),
                config_file: None,
                read_file: &read_file,
            };
            let config = load(&sources).unwrap_or_else(|invalid| panic!("{invalid}"));
            assert_eq!([config.problems_degraded, config.warnings].concat(), [], "{name}");
            let untouched: Vec<&str> = config
                .settings
                .iter()
                .filter(|setting| setting.origin == "default")
                .map(|setting| setting.name)
                .collect();
            assert_eq!(untouched, ["SECRET_KEY"], "{name}");
            assert!(config.providers.infobip.is_some() && config.providers.smtp.is_some(), "{name}");
        };
        check(".env", env_example());
        check("pagerpal.toml", pagerpal_toml());
    }
}
