//! The configuration as a whole: sources in, settings and sentences out.

use super::*;
use std::io;
use std::path::Path;

/// A machine with these files and this environment; `--listen` and the like are `flag:LISTEN_ADDRESS`.
fn read(files: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Config, Invalid> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let mut sources = Sources {
        flags: BTreeMap::new(),
        env: BTreeMap::new(),
        config_file: None,
        read_file: &|path: &Path| match files.get(path.to_str().expect("a UTF-8 path")) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => Err(io::ErrorKind::NotFound.into()),
        },
    };
    for (name, value) in env {
        match name.strip_prefix("flag:") {
            Some("config") => sources.config_file = Some(value.into()),
            Some(flag) => {
                sources.flags.insert(keys::row_called(flag).expect("a setting").name, (*value).to_owned());
            }
            None => {
                sources.env.insert((*name).to_owned(), (*value).to_owned());
            }
        }
    }
    load(&sources)
}

pub(crate) fn config_from(env: &[(&str, &str)]) -> Config {
    read(&[], env).unwrap_or_else(|invalid| panic!("{invalid}"))
}

pub(crate) fn key_of(key: Result<Secret<String>, Problem>) -> String {
    key.unwrap_or_else(|problem| panic!("{problem}")).expose().clone()
}

fn shown(config: &Config, name: &str) -> String {
    let setting = config.settings.iter().find(|setting| setting.name == name).expect("a setting");
    format!("{} ({})", setting.value, setting.origin)
}

#[test]
fn with_nothing_set_it_starts_in_safe_mode_on_loopback() {
    let config = config_from(&[]);
    assert!(!config.notification_sending_enabled);
    assert!(config.escalation_worker_enabled && config.notification_retry_worker_enabled);
    assert_eq!(config.listen_address.to_string(), "127.0.0.1:8000");
    assert_eq!(config.data_dir, Path::new("./pagerpal-data"));
    assert!(config.trusted_proxies.iter().any(|network| network.contains([127, 0, 0, 1].into())));
    assert!(!config.session_cookie_secure && config.allowed_origins.is_empty());
    assert!(config.providers.infobip.is_none() && config.providers.smtp.is_none());
    assert_eq!(config.log_form, None);
    assert_eq!([config.problems_degraded, config.warnings].concat(), []);
}

#[test]
fn every_setting_is_read_and_listed_in_the_order_of_the_table() {
    let config = config_from(&[]);
    let listed: Vec<&str> = config.settings.iter().map(|setting| setting.name).collect();
    let table: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(listed, table);
}

#[test]
fn the_higher_source_wins_and_is_named() {
    let mut files = vec![("/etc/pagerpal/pagerpal.toml", "[smtp]\nport = 1")];
    let check = |files: &[(&str, &str)], env: &[(&str, &str)], expected: &str| {
        let config = read(files, env).unwrap_or_else(|invalid| panic!("{invalid}"));
        assert_eq!(shown(&config, "SMTP_PORT"), expected);
    };
    check(&[], &[], "587 (default)");
    check(&files, &[], "1 (/etc/pagerpal/pagerpal.toml:2)");
    files.push(("pagerpal.toml", "smtp.port = 2"));
    check(&files, &[], "2 (pagerpal.toml:1)");
    files.push(("mine.toml", "smtp.port = 3"));
    check(&files, &[("flag:config", "mine.toml")], "3 (mine.toml:1)");
    files.push((".env", "# mail\n\nSMTP_PORT=4"));
    check(&files, &[], "4 (.env:3)");
    check(&files, &[("SMTP_PORT", "5")], "5 (environment)");
    check(&files, &[("SMTP_PORT", "5"), ("flag:SMTP_PORT", "6")], "6 (flag)");
    check(&files, &[("SMTP_PORT", "")], "4 (.env:3)");
}

#[test]
fn what_follows_from_another_setting_is_shown_as_it_is() {
    let config = config_from(&[("PAGERPAL_BASE_URL", "https://Pager.example.org/"), ("SMTP_PORT", "465")]);
    assert!(config.session_cookie_secure);
    assert_eq!(shown(&config, "SESSION_COOKIE_SECURE"), "true (default)");
    assert_eq!(shown(&config, "ALLOWED_ORIGINS"), "https://pager.example.org (default)");
    assert_eq!(shown(&config, "SMTP_TLS"), "true (default)");
    assert_eq!(shown(&config, "SECRET_KEY"), "generated once and kept in DATA_DIR/secret.key (default)");
}

const STRONG: &str = "7f1c0de95b8a42f3a6d0b7c1e2f48d95";

#[test]
fn a_secret_comes_from_a_variable_a_file_or_a_credential() {
    let check = |files: &[(&str, &str)], env: &[(&str, &str)], expected: &str| {
        let config = read(files, env).unwrap_or_else(|invalid| panic!("{invalid}"));
        assert_eq!(shown(&config, "SECRET_KEY"), expected);
        assert_eq!(key_of(config.secret_key([0; 32])), STRONG);
    };
    let line = format!("{STRONG}\n");
    let file = [("/run/key", line.as_str())];
    check(&[], &[("SECRET_KEY", STRONG)], "set, 32 bytes (environment)");
    check(&file, &[("SECRET_KEY_FILE", "/run/key")], "set, 32 bytes (SECRET_KEY_FILE, environment)");
    let toml = [file[0], ("pagerpal.toml", "secret_key_file = '/run/key'")];
    check(&toml, &[], "set, 32 bytes (`secret_key_file`, pagerpal.toml:1)");
    let credential = [("/run/credentials/secret_key", line.as_str())];
    let env = [("CREDENTIALS_DIRECTORY", "/run/credentials")];
    check(&credential, &env, "set, 32 bytes (systemd credential secret_key)");
    // Docker and shells load .env into the environment: that is one source, seen twice.
    let env_file = format!("SECRET_KEY={STRONG}");
    check(&[(".env", &env_file)], &[("SECRET_KEY", STRONG)], "set, 32 bytes (environment)");
}

/// The problems of such a machine, in the order they are reported.
fn problems(files: &[(&str, &str)], env: &[(&str, &str)]) -> Vec<String> {
    let problems = match read(files, env) {
        Ok(config) => [config.problems_degraded, config.warnings].concat(),
        Err(invalid) => invalid.problems,
    };
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn a_fatal_mistake_is_refused_with_its_place_and_remedy() {
    let check = |files: &[(&str, &str)], env: &[(&str, &str)], expected: &str| {
        assert!(read(files, env).is_err(), "{expected}");
        let said = problems(files, env);
        assert!(said.len() == 1 && said[0].starts_with(expected), "{said:?}\n{expected}");
    };
    check(&[], &[("SMTP_PORT", "58x")], "environment SMTP_PORT must be a port number from 1 to 65535");
    check(&[], &[("SMTP_TLS", "maybe")], "environment SMTP_TLS must be true or false");
    check(&[], &[("flag:LISTEN_ADDRESS", ":80")], "flag LISTEN_ADDRESS must be an IP address and a port");
    check(&[], &[("PAGERPAL_BASE_URL", "pager")], "environment PAGERPAL_BASE_URL must begin with https://");
    check(&[], &[("ALLOWED_ORIGINS", "*")], "environment ALLOWED_ORIGINS must list origins; `*` would");
    check(&[], &[("ALLOWED_ORIGINS", "https://a,b")], "environment ALLOWED_ORIGINS lists an origin that must begin");
    check(&[], &[("TRUSTED_PROXIES", "proxy")], "environment TRUSTED_PROXIES must list addresses or networks");
    check(&[], &[("LOG_LEVEL", "loud")], "environment LOG_LEVEL must be off, error, warn");
    check(&[], &[("LOG_FORMAT", "xml")], "environment LOG_FORMAT must be auto, journal, terminal or json");
    check(&[], &[("SECRET_KEY", "short")], "environment SECRET_KEY must have at least 32 bytes and has 5; take");
    check(&[], &[("DATA_DIR", "a\u{fffd}")], "environment DATA_DIR must be one line of UTF-8 text");
    check(&[("pagerpal.toml", "[log]\nlevel='x'")], &[], "pagerpal.toml:2 `level` in [log] must be off, error");
    check(&[(".env", "hush")], &[], ".env:1 is not NAME=value");
    check(&[], &[("flag:config", "none.toml")], "none.toml cannot be read: ");
    check(&[], &[("SECRET_KEY_FILE", "/none")], "environment SECRET_KEY_FILE names a file that cannot be read: ");
    check(
        &[("/empty", "\n")],
        &[("SECRET_KEY_FILE", "/empty")],
        "environment SECRET_KEY_FILE names a file that is empty",
    );
    check(&[("/c/secret_key", "")], &[("CREDENTIALS_DIRECTORY", "/c")], "systemd credential secret_key is empty");
    check(
        &[("pagerpal.toml", "[infobip]\napi_key = 'old'")],
        &[INFOBIP[0], ("INFOBIP_API_KEY", "new"), ("INFOBIP_SMS_SENDER", "P")],
        "INFOBIP_API_KEY is set in several places, to different values (environment; pagerpal.toml:2); keep one",
    );
}

const INFOBIP: [(&str, &str); 2] = [("INFOBIP_BASE_URL", "https://x.api.infobip.com/"), ("INFOBIP_API_KEY", "k")];
const SMTP: [(&str, &str); 2] = [("SMTP_HOST", "mail"), ("SMTP_FROM", "PagerPal <pager@example.org>")];

#[test]
fn half_a_provider_is_named_and_left_out_while_the_rest_starts() {
    let check = |env: &[(&str, &str)], expected: &[&str]| {
        let config = config_from(env);
        let said: Vec<String> = config.problems_degraded.iter().map(Problem::to_string).collect();
        assert_eq!(said.len(), expected.len(), "{said:?}");
        for (said, expected) in said.iter().zip(expected) {
            assert!(said.starts_with(expected), "{said}\n{expected}");
        }
        assert!(config.providers.infobip.is_none() && config.providers.smtp.is_none(), "{said:?}");
    };
    let no_account = "environment INFOBIP_API_KEY is set, but INFOBIP_BASE_URL is missing, so no SMS and no WhatsApp";
    check(&[INFOBIP[1], ("INFOBIP_SMS_SENDER", "P")], &[no_account]);
    check(&INFOBIP, &["environment INFOBIP_BASE_URL is set, but there is nothing to send from"]);
    let half = "environment INFOBIP_WHATSAPP_SENDER is set, but INFOBIP_WHATSAPP_TEMPLATE is missing";
    check(&[INFOBIP[0], INFOBIP[1], ("INFOBIP_WHATSAPP_SENDER", "1")], &[half]);
    check(
        &[("INFOBIP_BASE_URL", "http://api.infobip.com"), INFOBIP[1], ("INFOBIP_SMS_SENDER", "P")],
        &["environment INFOBIP_BASE_URL must begin with https://, for the API key"],
    );
    check(
        &[INFOBIP[0], ("INFOBIP_API_KEY", "App k"), ("INFOBIP_SMS_SENDER", "P")],
        &["environment INFOBIP_API_KEY must be the key alone"],
    );
    check(
        &[SMTP[0]],
        &["environment SMTP_HOST is set, but SMTP_FROM is missing, so no mail can be sent; set SMTP_FROM"],
    );
    check(
        &[("SMTP_PASSWORD", "hush")],
        &["environment SMTP_PASSWORD is set, but SMTP_HOST", "environment SMTP_PASSWORD is set, but SMTP_USERNAME is"],
    );
    check(&[SMTP[0], SMTP[1], ("SMTP_USERNAME", "u")], &["environment SMTP_USERNAME is set, but SMTP_PASSWORD is"]);
    check(&[SMTP[0], ("SMTP_FROM", "pager")], &["environment SMTP_FROM must be a mail address"]);
    check(&[("SMTP_HOST", "smtp://mail"), SMTP[1]], &["environment SMTP_HOST must be the name or address of a host"]);
    check(
        &[SMTP[0], SMTP[1], ("SMTP_STARTTLS", "no")],
        &["environment SMTP_STARTTLS is false, and SMTP_TLS is not set"],
    );
}

#[test]
fn a_typo_for_mail_does_not_stop_sms_and_half_whatsapp_does_not_either() {
    let sms = ("INFOBIP_SMS_SENDER", "PagerPal");
    let config = config_from(&[SMTP[0], INFOBIP[0], INFOBIP[1], sms, ("INFOBIP_WHATSAPP_TEMPLATE", "t")]);
    let infobip = config.providers.infobip.expect("SMS is complete");
    assert_eq!(infobip.base_url, "https://x.api.infobip.com");
    assert_eq!(infobip.api_key.expose(), "k");
    assert!(infobip.sms_sender.is_some() && infobip.whatsapp.is_none());
    assert!(config.providers.smtp.is_none());
    assert_eq!(config.problems_degraded.len(), 2);
}

#[test]
fn a_whole_provider_is_there_in_full() {
    let whatsapp = [("INFOBIP_WHATSAPP_SENDER", "1"), ("INFOBIP_WHATSAPP_TEMPLATE", "t")];
    let login = [("SMTP_USERNAME", "u"), ("SMTP_PASSWORD", " p w ")];
    let config = config_from(&[&INFOBIP[..], &whatsapp, &SMTP, &login].concat());
    assert_eq!(config.problems_degraded, []);
    let whatsapp = config.providers.infobip.and_then(|infobip| infobip.whatsapp).expect("WhatsApp is complete");
    assert_eq!((whatsapp.sender.as_str(), whatsapp.template.as_str(), whatsapp.language.as_str()), ("1", "t", "en"));
    let smtp = config.providers.smtp.expect("mail is complete");
    assert_eq!((smtp.host.as_str(), smtp.port), ("mail", 587));
    let (username, password) = smtp.credentials.expect("a login");
    assert_eq!((username.as_str(), password.expose().as_str()), ("u", " p w "));
}

#[test]
fn mail_is_encrypted_unless_two_settings_say_otherwise() {
    let check = |extra: &[(&str, &str)], expected: (bool, bool)| {
        let smtp = config_from(&[&SMTP, extra].concat()).providers.smtp.expect("mail is complete");
        assert_eq!((smtp.starttls, smtp.tls), expected, "{extra:?}");
    };
    check(&[], (true, false));
    check(&[("SMTP_PORT", "465")], (false, true));
    check(&[("SMTP_PORT", "465"), ("SMTP_TLS", "off")], (true, false));
    check(&[("SMTP_TLS", "on")], (false, true));
    check(&[("SMTP_TLS", "off"), ("SMTP_STARTTLS", "off")], (false, false));
}

#[test]
fn a_cookie_that_contradicts_the_url_is_a_red_strip() {
    let check = |url: &str, secure: &str, expected: &str| {
        let said = problems(&[], &[("PAGERPAL_BASE_URL", url), ("SESSION_COOKIE_SECURE", secure)]);
        assert!(said.len() == 1 && said[0].contains(expected), "{said:?}");
    };
    check("http://localhost:8000", "true", "nobody could sign in");
    check("https://pager.example.org", "false", "could be read on its way");
}

#[test]
fn what_is_odd_but_works_is_a_warning() {
    let check = |files: &[(&str, &str)], env: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(read(files, env).map(|config| config.problems_degraded.len()).ok(), Some(0));
        assert_eq!(problems(files, env), expected);
    };
    let unknown = "environment INFOBIP_APIKEY is no setting of PagerPal and is ignored; did you mean INFOBIP_API_KEY?";
    check(&[], &[("INFOBIP_APIKEY", "hush")], &[unknown]);
    let not_secret = ".env:1 SMTP_HOST_FILE is no setting of PagerPal and is ignored";
    check(&[(".env", "SMTP_HOST_FILE=/x")], &[], &[not_secret]);
    check(&[], &[("HOME", "/root"), ("SMTPD_X", "1")], &[]);
    let http = "environment PAGERPAL_BASE_URL is http: passwords and sessions travel in the clear; put a TLS proxy in \
                front and use https";
    check(&[], &[("PAGERPAL_BASE_URL", "http://pager.lan")], &[http]);
    check(&[], &[("PAGERPAL_BASE_URL", "http://localhost:8000")], &[]);
}

/// A self-signed P-256 root.
pub(crate) const ROOT: &str = "\
-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUWA1vmOeKt7JCstlcnUT+EhLpwe4wCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSUGFnZXJQYWwgdGVzdCByb290MCAXDTI2MTEyNDAyMjUzMloY
DzIxMjYxMDMxMDIyNTMyWjAdMRswGQYDVQQDDBJQYWdlclBhbCB0ZXN0IHJvb3Qw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQcXntFiZ8sBpopi+ig2A7OyjgzLg6L
Cdd0XEsswyqVPAsIxUthbBv+GQSuFnL0Fs7AKXwwl7FJG6KaQndfNxfTo1MwUTAd
BgNVHQ4EFgQULth0Oohx1VnQsHfYsd43Y8VCFoUwHwYDVR0jBBgwFoAULth0Oohx
1VnQsHfYsd43Y8VCFoUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiAd5UtKXHDq0OOX3CLrSmIu++vk/5yamv0I5GLzTqWB8AIhANLtmY9evWU10BCV
aKF6jA/ZsXglWNpkCoXZiLfUC0N4
-----END CERTIFICATE-----
";

#[test]
fn extra_roots_are_read_and_a_bad_file_stops_nothing() {
    let check = |pem: &str, roots: usize, expected: &[&str]| {
        let config = read(&[("/ca.pem", pem)], &[("EXTRA_CA_FILE", "/ca.pem")]).unwrap_or_else(|i| panic!("{i}"));
        assert_eq!(config.extra_roots.len(), roots);
        let said: Vec<String> = config.problems_degraded.iter().map(Problem::to_string).collect();
        assert!(said.len() == expected.len() && said.iter().zip(expected).all(|(s, e)| s.contains(e)), "{said:?}");
    };
    check(&ROOT.repeat(2), 2, &[]);
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    check(no_certificate, 0, &["EXTRA_CA_FILE names a file that is not a PEM file of certificates"]);
    check("nothing", 0, &["EXTRA_CA_FILE names a file that is not a PEM file of certificates"]);
    let missing = config_from(&[("EXTRA_CA_FILE", "/none.pem")]);
    assert!(missing.problems_degraded[0].to_string().contains("cannot be read"));
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let files = [(".env", "SMTP_PORT=x\nhush\n"), ("pagerpal.toml", "colour = 1\n[smtp]\nprot = 25\nhost = 5\n")];
    let env = [("SECRET_KEY", "short"), ("LOG_LEVEL", "loud"), ("SMTP_FROM", "x"), ("SMTP_FORM", "y")];
    let said = problems(&files, &env);
    let places: Vec<&str> = said.iter().filter_map(|problem| problem.split([' ', ';']).next()).collect();
    assert_eq!(
        places,
        [
            ".env:2",
            "pagerpal.toml:1",
            "pagerpal.toml:3",
            "pagerpal.toml:4",
            "environment", // SECRET_KEY
            ".env:1",
            "environment", // LOG_LEVEL
            "environment", // SMTP_FROM
            "environment", // SMTP_HOST is missing
            "environment", // SMTP_FORM is unknown
        ],
        "{said:#?}"
    );
}

#[test]
fn no_secret_is_in_anything_that_is_printed() {
    const MARKER: &str = "hush-hush-e5f0a1b2c3d4e5f6a7b8c9d0";
    let secrets: Vec<&str> = ROWS.iter().filter(|row| row.is_secret()).map(|row| row.name).collect();
    assert!(secrets.len() >= 3);
    let printed = |files: &[(&str, &str)], env: &[(&str, &str)]| match read(files, env) {
        Ok(config) => format!("{config:?}{:?}{:?}{:?}", config.settings, config.problems_degraded, config.warnings),
        Err(invalid) => format!("{invalid}{invalid:?}"),
    };
    let toml = format!("secret_key = '{MARKER}'\n[smtp]\npassword = {MARKER}\n");
    let env_file = format!("SMTP_PASSWORD='{MARKER}\n{MARKER}\n");
    for text in [MARKER.to_owned(), format!("{MARKER}\n{MARKER}"), format!("{MARKER} {MARKER}")] {
        let env: Vec<(&str, &str)> = secrets.iter().map(|name| (*name, text.as_str())).collect();
        let twice = [&env[..], &[("SECRET_KEY_FILE", "/key")]].concat();
        let other = format!("other-{text}");
        for files in
            [&[][..], &[("pagerpal.toml", toml.as_str())], &[(".env", env_file.as_str())], &[("/key", other.as_str())]]
        {
            for env in [&env, &twice] {
                assert!(!printed(files, env).contains("hush"), "{}", printed(files, env));
            }
        }
    }
    for name in secrets {
        let pointer = format!("{name}_FILE");
        assert!(!printed(&[], &[(pointer.as_str(), MARKER)]).contains("hush"), "{pointer}");
    }
    // Pasted where it does not belong, it is refused unseen. Free texts (a sender, a host) cannot be told apart.
    let free = [
        "DATA_DIR",
        "BACKUP_DIR",
        "EXTRA_CA_FILE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "INFOBIP_",
        "SMTP_HOST",
        "SMTP_USERNAME",
        "OIDC_",
    ];
    for row in ROWS.iter().filter(|row| !free.iter().any(|name| row.name.starts_with(name))) {
        assert!(!printed(&[], &[(row.name, MARKER)]).contains("hush"), "{}", row.name);
    }
}

#[test]
fn what_waits_for_a_restart_is_named_and_what_is_read_again_is_not() {
    let config = |key, port, address| {
        config_from(&[("SECRET_KEY", key), ("SMTP_PORT", port), ("LISTEN_ADDRESS", address), ("LOG_LEVEL", "warn")])
    };
    let running = config("7f1c0de95b8a42f3a6d0b7c1e2f48d95", "25", "127.0.0.1:1");
    // Another secret of the same length looks the same where settings are shown.
    let read = config("a6d0b7c1e2f48d957f1c0de95b8a42f3", "26", "127.0.0.1:2");
    assert_eq!(read.changed_until_restart(&running), ["LISTEN_ADDRESS", "SECRET_KEY"]);
    assert_eq!(running.changed_until_restart(&running), Vec::<&str>::new());
}
