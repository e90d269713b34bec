//! Who answers a command: the database's file, or the running server that has it open.
//!
//! The server is asked at the control socket ([`control`]), so a command works the same while PagerPal pages people.

use crate::app::backups::{Progress, Watch};
use crate::cli::Exit;
use crate::cli::open::{self, Opened, say};
use crate::config::Config;
use crate::web::control::{Answer, Ask, Done, FILE_NAME, Frame};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub enum Target {
    File(Box<Opened>),
    Server(Server),
}

/// Silence for so long means that the server is gone; a check of everything is a minute for the largest stores.
const SILENCE: Duration = Duration::from_secs(600);

/// The server of the data directory, else its file.
pub fn find(config: &Config) -> Result<Target, Exit> {
    if let Some(server) = Server::connect(&config.data_dir) {
        return Ok(Target::Server(server));
    }
    let path = config.data_dir.join(open::FILE_NAME);
    if !path.exists() {
        let sentence = format!("There is no database at {}. Set DATA_DIR to where it is.", path.display());
        return Err(say(Exit::DatabaseUnreachable, &sentence));
    }
    Ok(Target::File(Box::new(open::open_file(config, &path)?)))
}

pub struct Server(UnixStream);

/// Why the server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("{0}")]
    Refused(String),
    #[error("the server went away: {0}")]
    Gone(io::Error),
    #[error("the copy cannot be written: {0}")]
    Write(io::Error),
    #[error("stopped")]
    Stopped,
}

/// What `?` means where a copy is written.
impl From<io::Error> for NoAnswer {
    fn from(error: io::Error) -> NoAnswer {
        NoAnswer::Write(error)
    }
}

impl Server {
    /// `None`: none runs there, or none that this user may ask.
    pub fn connect(data_dir: &Path) -> Option<Server> {
        let stream = UnixStream::connect(data_dir.join(FILE_NAME)).ok()?;
        stream.set_read_timeout(Some(SILENCE)).ok()?;
        Some(Server(stream))
    }

    /// Asks one question; data of the answer goes to `out`.
    pub fn ask(self, ask: Ask, out: &mut dyn Write, watch: &mut Watch<'_>) -> Result<Answer, NoAnswer> {
        self.ask_with(ask, &[], out, watch)
    }

    /// As [`Server::ask`], with something that belongs to the question.
    pub fn ask_with(
        mut self,
        ask: Ask,
        body: &[u8],
        out: &mut dyn Write,
        watch: &mut Watch<'_>,
    ) -> Result<Answer, NoAnswer> {
        let mut line = serde_json::to_vec(&ask).map_err(|error| NoAnswer::Gone(error.into()))?;
        line.push(b'\n');
        line.extend_from_slice(body);
        self.0.write_all(&line).map_err(NoAnswer::Gone)?;
        let mut frames = BufReader::new(&self.0);
        loop {
            let (what, content) = frame(&mut frames).map_err(NoAnswer::Gone)?;
            match what {
                what if what == Frame::Data as u8 => out.write_all(&content)?,
                what if what == Frame::Progress as u8 => {
                    let Done { done, of } = read(&content)?;
                    if !watch(Progress { done, of }) {
                        return Err(NoAnswer::Stopped);
                    }
                }
                what if what == Frame::Done as u8 => return read(&content),
                _ => return Err(NoAnswer::Refused(String::from_utf8_lossy(&content).into_owned())),
            }
        }
    }
}

fn frame(input: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    input.read_exact(&mut head)?;
    let [what, len @ ..] = head;
    let mut content = vec![0; u32::from_be_bytes(len) as usize];
    input.read_exact(&mut content)?;
    Ok((what, content))
}

fn read<T: serde::de::DeserializeOwned>(content: &[u8]) -> Result<T, NoAnswer> {
    serde_json::from_slice(content).map_err(|error| NoAnswer::Gone(error.into()))
}
