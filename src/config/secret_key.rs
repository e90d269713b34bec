//! The generated secret key: made once, kept beside the database, readable by its owner alone.

use super::values::SECRET_KEY_BYTES;
use super::{Config, Problem};
use crate::hex::hex;
use crate::secret::Secret;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

const FILE: &str = "secret.key";

impl Config {
    /// `SECRET_KEY`, or else what `DATA_DIR/secret.key` holds, or else a key made of `random` and written there.
    ///
    /// Of two processes that start at once, one writes and both get that key. A file that is there is never replaced,
    /// however damaged: a new key ends every session and voids every link, so a person decides.
    pub fn secret_key(&self, random: [u8; SECRET_KEY_BYTES]) -> Result<Secret<String>, Problem> {
        if let Some(key) = &self.given_secret_key {
            return Ok(key.clone());
        }
        let path = self.data_dir.join(FILE);
        let problem = |refusal: String| Problem::new(path.display().to_string(), refusal);
        if !path.try_exists().map_err(|error| problem(format!("cannot be read: {error}")))? {
            create(&self.data_dir, &path, random).map_err(|error| {
                problem(format!("cannot be created: {error}; set SECRET_KEY, or make DATA_DIR writable"))
            })?;
        }
        let text = fs::read_to_string(&path).map_err(|error| problem(format!("cannot be read: {error}")))?;
        let key = text.trim_end_matches(['\r', '\n']);
        if key.len() < SECRET_KEY_BYTES {
            let remedy = "put it back from a backup, or remove it: then a new one is made and everybody signs in again";
            return Err(problem(format!("holds no secret key of {SECRET_KEY_BYTES} bytes or more; {remedy}")));
        }
        Ok(Secret::new(key.to_owned()))
    }
}

/// Written in full under another name, then linked: the file appears whole, and only if nobody else made it meanwhile.
fn create(directory: &Path, path: &Path, random: [u8; SECRET_KEY_BYTES]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let draft = directory.join(format!("{FILE}.{}", std::process::id()));
    // What a killed process with our number left behind.
    let _absent_as_a_rule = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let hex = hex(&random);
    file.write_all(format!("{hex}\n").as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(directory)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{config_from, key_of};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn in_directory(directory: &Path) -> Config {
        config_from(&[("DATA_DIR", directory.to_str().expect("a UTF-8 path"))])
    }

    #[test]
    fn a_key_is_made_once_and_kept_private() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let data_dir = directory.path().join("data");
        let config = in_directory(&data_dir);
        let first = key_of(config.secret_key([7; 32]));
        assert_eq!(first, "07".repeat(32));
        assert_eq!(key_of(config.secret_key([8; 32])), first, "the second start reads what the first wrote");
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!((mode(&data_dir), mode(&data_dir.join(FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&data_dir).expect("a directory").count(), 1, "no draft is left");
    }

    #[test]
    fn a_key_that_is_set_needs_no_file() {
        let config = config_from(&[("SECRET_KEY", "7f1c0de95b8a42f3a6d0b7c1e2f48d95"), ("DATA_DIR", "/nonexistent")]);
        assert_eq!(key_of(config.secret_key([7; 32])), "7f1c0de95b8a42f3a6d0b7c1e2f48d95");
    }

    #[test]
    fn a_damaged_file_is_refused_and_kept() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join(FILE), "short\n").expect("a writable directory");
        let refusal = in_directory(directory.path()).secret_key([7; 32]).map(drop).expect_err("a refusal").to_string();
        assert!(refusal.contains("holds no secret key") && !refusal.contains("short"), "{refusal}");
        assert_eq!(fs::read_to_string(directory.path().join(FILE)).expect("it is kept"), "short\n");
    }

    #[test]
    fn a_key_written_meanwhile_by_another_process_wins() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join(FILE);
        create(directory.path(), &path, [1; 32]).expect("made");
        create(directory.path(), &path, [2; 32]).expect("not an error");
        assert_eq!(key_of(in_directory(directory.path()).secret_key([3; 32])), "01".repeat(32));
    }
}
