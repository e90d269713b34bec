//! The setup code: who is to become the first admin has to know it, unless he sits at this very machine.
//!
//! `K7QM-2XFP`: 40 random bits, new at each start, replaced after ten misses. It is shown where only the operator looks,
//! in what the process prints and in a file of the data directory, and means nothing once somebody exists.

use crate::domain::refusal::Refusal;
use crate::web::address::Client;
use crate::web::{Web, WebSettings};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// No 0, 1, I or O: it is read off a screen and typed.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const MISSES: u32 = 10;

pub struct SetupCode(Mutex<State>);

struct State {
    code: [u8; 8],
    misses: u32,
    /// Where it is written down as well.
    file: Option<PathBuf>,
}

/// What became of a try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Try {
    Right,
    Wrong,
    /// Wrong, and once too often: this is the new code, for the operator's eyes.
    Replaced(String),
}

impl SetupCode {
    /// From random bytes that nobody else has seen.
    pub fn new(random: [u8; 8]) -> SetupCode {
        SetupCode(Mutex::new(State { code: letters(random), misses: 0, file: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the operator reads it.
    pub fn text(&self) -> String {
        text(&self.state().code)
    }

    /// Writes it down, for this user's eyes, there and whenever it is replaced.
    pub fn keep_in(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file = Some(file.to_owned());
        state.keep()
    }

    /// Somebody exists, so nobody needs it any more.
    pub fn retire(&self) {
        if let Some(file) = self.state().file.take() {
            remove(&file);
        }
    }

    /// Case, spaces and the hyphen do not matter. `random` is for the next code, should this try be one too many.
    pub fn try_out(&self, typed: &str, random: [u8; 8]) -> Try {
        let typed: Vec<u8> =
            typed.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()).collect();
        let mut state = self.state();
        // Ten tries against 40 bits: what the comparison's time could tell is not worth hiding.
        if typed == state.code {
            return Try::Right;
        }
        state.misses += 1;
        if state.misses < MISSES {
            return Try::Wrong;
        }
        (state.code, state.misses) = (letters(random), 0);
        if let Err(error) = state.keep() {
            tracing::warn!(%error, "the setup code cannot be kept in a file");
        }
        Try::Replaced(text(&state.code))
    }
}

impl State {
    fn keep(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
        writeln!(out, "{}", text(&self.code))
    }
}

/// The file of an installation that has its first admin.
pub fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, "the file of the setup code, which is not needed any more, cannot be removed");
    }
}

/// Refuses who has to know the code and does not. A code that was missed too often is replaced, which the log says.
pub fn require(web: &Web, client: &Client, typed: &str) -> Result<(), Refusal> {
    if !is_asked(client, &web.settings) {
        return Ok(());
    }
    match web.setup_code.try_out(typed, web.app.random_bytes()) {
        Try::Right => return Ok(()),
        Try::Wrong => {}
        Try::Replaced(code) => tracing::warn!("{MISSES} wrong setup codes were tried; the new one is {code}"),
    }
    let sentence = "This is not the setup code. It is in PagerPal's start-up log and in DATA_DIR/setup-code, and changes with each start.";
    Err(Refusal::invalid("setup_code_wrong", "setup_code", sentence))
}

/// Whether the first admin has to know the code: always, unless we listen to this machine alone and the request was
/// made on it. A proxy on this machine could be carrying anybody.
pub fn is_asked(client: &Client, settings: &WebSettings) -> bool {
    !(settings.listens_on_loopback && client.is_local())
}

fn letters(random: [u8; 8]) -> [u8; 8] {
    random.map(|byte| ALPHABET[usize::from(byte % 32)])
}

fn text(code: &[u8; 8]) -> String {
    let (first, second) = code.split_at(4);
    format!("{}-{}", String::from_utf8_lossy(first), String::from_utf8_lossy(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_typed_as_people_type_and_dies_after_ten_misses() {
        let code = SetupCode::new([0, 1, 2, 3, 28, 29, 30, 31]);
        assert_eq!(code.text(), "2345-WXYZ");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("setup-code");
        code.keep_in(&file).expect("written");
        let kept = || std::fs::read_to_string(&file).ok();
        assert_eq!(kept().as_deref(), Some("2345-WXYZ\n"));
        for typed in ["2345-WXYZ", "2345wxyz", " 2345 wxyz "] {
            assert_eq!(code.try_out(typed, [9; 8]), Try::Right, "{typed}");
        }
        for typed in ["", "2345-WXY", "2345-WXYZ9", "0000-0000", "x", "x", "x", "x", "x"] {
            assert_eq!(code.try_out(typed, [9; 8]), Try::Wrong);
        }
        assert_eq!(code.try_out("x", [9; 8]), Try::Replaced("BBBB-BBBB".into()));
        assert_eq!(kept().as_deref(), Some("BBBB-BBBB\n"));
        assert_eq!(code.try_out("2345-WXYZ", [8; 8]), Try::Wrong);
        assert_eq!(code.try_out("BBBB-BBBB", [8; 8]), Try::Right);
        code.retire();
        assert_eq!(kept(), None);
    }
}
