//! `pagerpal config show`: what is in effect, and where it comes from.

use super::{ConfigShowArgs, Exit, Global};
use crate::config::keys::{self, ROWS};
use crate::config::{Config, Setting};
use serde_json::json;

/// Settings to standard output; degradations and warnings to standard error.
pub fn run(config: &Config, global: &Global, args: &ConfigShowArgs) -> Exit {
    let settings = match wanted(config, args) {
        Ok(settings) => settings,
        Err(refusal) => {
            eprintln!("pagerpal: {refusal}");
            return Exit::Usage;
        }
    };
    for (weight, problems) in [("degraded", &config.problems_degraded), ("warning", &config.warnings)] {
        problems.iter().for_each(|problem| eprintln!("{weight}: {problem}"));
    }
    let told: Vec<_> = settings
        .iter()
        .map(|setting| json!({ "name": setting.name, "value": setting.value, "origin": setting.origin.to_string() }))
        .collect();
    super::answer(global, &json!({ "settings": told }), &render(&settings))
}

fn wanted(config: &Config, args: &ConfigShowArgs) -> Result<Vec<Setting>, String> {
    let Some(key) = &args.key else { return Ok(config.settings.clone()) };
    let row = keys::row_called(key).ok_or_else(|| unknown(key))?;
    Ok(config.settings.iter().filter(|setting| setting.name == row.name).cloned().collect())
}

/// `NAME = value (origin)`, the equals signs below each other.
fn render(settings: &[Setting]) -> String {
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
    let line = |setting: &Setting| format!("{:width$} = {} ({})\n", setting.name, setting.value, setting.origin);
    settings.iter().map(line).collect()
}

fn unknown(key: &str) -> String {
    let meant = keys::nearest(key, ROWS.iter().map(|row| row.name));
    let hint = meant.map(|name| format!("did you mean {name}? ")).unwrap_or_default();
    format!("there is no setting {key:?}; {hint}`pagerpal config show` lists all of them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config_from;

    #[test]
    fn settings_are_aligned_with_their_origins_and_secrets_are_lengths() {
        let config = config_from(&[("SECRET_KEY", "7f1c0de95b8a42f3a6d0b7c1e2f48d95"), ("SMTP_PORT", "25")]);
        let text = render(&config.settings);
        assert!(text.contains("\nSECRET_KEY                        = set, 32 bytes (environment)\n"), "{text}");
        assert!(text.contains("\nSMTP_PORT                         = 25 (environment)\n"), "{text}");
        assert!(text.contains("\nDATA_DIR                          = ./pagerpal-data (default)\n"), "{text}");
        assert!(!text.contains("7f1c"), "{text}");
    }

    #[test]
    fn one_setting_is_found_by_either_name() {
        let config = config_from(&[]);
        let check = |key: &str, expected: Result<&str, &str>| {
            let wanted = wanted(&config, &ConfigShowArgs { key: Some(key.to_owned()) });
            let text = wanted.map(|settings| render(&settings));
            assert_eq!(text.as_deref().map_err(String::as_str), expected, "{key}");
        };
        let port = "SMTP_PORT = 587 (default)\n";
        check("SMTP_PORT", Ok(port));
        check("smtp_port", Ok(port));
        check("smtp.port", Ok(port));
        let all = "`pagerpal config show` lists all of them";
        check("SMTP_PROT", Err(&format!("there is no setting \"SMTP_PROT\"; did you mean SMTP_PORT? {all}")));
        check("colour", Err(&format!("there is no setting \"colour\"; {all}")));
    }
}
