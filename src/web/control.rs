//! The control socket: how commands of this machine ask a running server, which alone has the database open.
//!
//! `DATA_DIR/control.sock` is for the user who runs the server: the file's mode says so, and so does a look at who is at
//! the other end (root may, too). Nobody signs in here: a copy, a check and a sign of life change nothing, and what an import
//! changes is audited as the command line's.
//!
//! A question is one line of JSON, [`Ask`]; a document follows its own. The answer is a number of frames: a byte that says what it is, four bytes of
//! length, big-endian, and the content ([`Frame`]). The last is `done` or `refused`; without one the server went away.

use crate::app::backups::{BackupError, Progress, Taken};
use crate::app::support::{self, Report};
use crate::app::transfer::{Means, NotImported};
use crate::app::{App, AppError, audit, checks, system};
use crate::bridge::Lane;
use crate::domain::checks::facts::Facts;
use crate::exchange::document::{Document, MOST_BYTES, NoDocument};
use crate::ingest::Kind;
use crate::web::Web;
use crate::web::api::history::{self, NotWritten};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

pub const FILE_NAME: &str = "control.sock";

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Data frames that are a backup, then [`Answer::Backup`].
    Backup,
    Verify,
    /// Data frames that are a document, then [`Answer::Export`].
    Export {
        secrets: bool,
    },
    /// Data frames that are lines of JSON, then [`Answer::History`].
    History,
    /// After the question come so many bytes: the document.
    Import {
        bytes: u64,
        dry_run: bool,
    },
    /// What `/health` says, with its reasons.
    Health,
    /// What the production checklist rests on, after a look at every record, and the support report.
    Doctor,
    /// The word that opens `/health/stream` once.
    Probe,
    Version,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Backup { records: u64, bytes: u64, left_out: Vec<String> },
    Verify { records: u64, index_rows: u64, problems: Vec<String>, audit_entries: u64, audit_head: String },
    Export { left_out: Vec<String> },
    History { incidents: u64 },
    Import { changes: Vec<String>, to_do: Vec<String> },
    NotImported { complaints: Vec<String> },
    Health { problems: Vec<String> },
    Doctor { facts: Box<Facts>, report: Box<Report> },
    Probe { word: String },
    Version { version: String },
}

/// The first byte of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Frame {
    /// A piece of what was asked for.
    Data = b'D',
    /// [`Done`], as JSON.
    Progress = b'P',
    /// [`Answer`], as JSON.
    Done = b'E',
    /// A sentence.
    Refused = b'X',
}

/// How far it is, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    pub done: u64,
    pub of: u64,
}

/// A question is short.
const QUESTION_BYTES: u64 = 4096;
const QUESTION_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Whoever reads a backup slower than a piece in this time is gone.
const PIECE_TIME_LIMIT: Duration = Duration::from_secs(60);
const PIECE: usize = 256 * 1024;

/// Listens at the socket of a data directory, in place of one that a killed process left: whoever calls this has the
/// database, so nobody else serves it.
pub fn listen(data_dir: &Path) -> io::Result<(UnixListener, Socket)> {
    let path = data_dir.join(FILE_NAME);
    let newborn = data_dir.join("control.sock.new");
    match std::fs::remove_file(&newborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&newborn)?;
    // Nobody else may connect, not even between these lines.
    std::fs::set_permissions(&newborn, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&newborn, &path)?;
    Ok((listener, Socket(path)))
}

/// Takes the socket's file away when the server ends.
pub struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Answers until `stop` is done.
pub async fn serve(web: Arc<Web>, listener: UnixListener, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let web = Arc::clone(&web);
                tokio::spawn(async move {
                    if let Err(error) = answer(&web, stream).await {
                        tracing::debug!("a command went away: {error}");
                    }
                });
            }
            Err(error) => {
                tracing::warn!("a command could not be heard: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(web: &Arc<Web>, stream: UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    let (read, mut write) = stream.into_split();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        return frame(&mut write, Frame::Refused, b"Only the user who runs PagerPal may ask it that.").await;
    }
    let mut line = String::new();
    let mut question = BufReader::new(read.take(QUESTION_BYTES));
    tokio::time::timeout(QUESTION_TIME_LIMIT, question.read_line(&mut line)).await??;
    let app = Arc::clone(&web.app);
    match serde_json::from_str::<Ask>(&line) {
        Ok(Ask::Version) => {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            done(&mut write, &Answer::Version { version }).await
        }
        Ok(Ask::Verify) => match web.bridge.run(Lane::People, move || verify(&app)).await {
            Ok(Ok(found)) => done(&mut write, &found).await,
            Ok(Err(sentence)) => frame(&mut write, Frame::Refused, sentence.as_bytes()).await,
            Err(crossing) => frame(&mut write, Frame::Refused, crossing.to_string().as_bytes()).await,
        },
        Ok(Ask::Health) => match web.bridge.run(Lane::People, move || system::health_problems(&app)).await {
            Ok(problems) => done(&mut write, &Answer::Health { problems }).await,
            Err(crossing) => frame(&mut write, Frame::Refused, crossing.to_string().as_bytes()).await,
        },
        Ok(Ask::Doctor) => match web.bridge.run(Lane::People, move || doctor(&app)).await {
            Ok(Ok(found)) => done(&mut write, &found).await,
            Ok(Err(sentence)) => frame(&mut write, Frame::Refused, sentence.as_bytes()).await,
            Err(crossing) => frame(&mut write, Frame::Refused, crossing.to_string().as_bytes()).await,
        },
        Ok(Ask::Probe) => {
            let word = web.probe.open(app.random_bytes(), app.now());
            done(&mut write, &Answer::Probe { word }).await
        }
        Ok(Ask::Backup) => {
            let answer = |Taken { head, left_out }: Taken| Answer::Backup {
                records: head.records(),
                bytes: head.bytes(),
                left_out: left_out.iter().map(ToString::to_string).collect(),
            };
            streamed(web, move |pieces| copy(&app, pieces).map(answer), &mut write).await
        }
        Ok(Ask::History) => {
            let copy = move |pieces| {
                let mut out = io::BufWriter::with_capacity(PIECE, Pieces(pieces));
                let incidents = history::write(&app, &mut out)?;
                io::Write::flush(&mut out)?;
                Ok::<Answer, NotWritten>(Answer::History { incidents })
            };
            streamed(web, copy, &mut write).await
        }
        Ok(Ask::Export { secrets }) => match web.bridge.run(Lane::People, move || app.export(secrets)).await {
            Ok(Ok(exported)) => {
                for piece in exported.document.write().chunks(PIECE) {
                    tokio::time::timeout(PIECE_TIME_LIMIT, frame(&mut write, Frame::Data, piece)).await??;
                }
                done(&mut write, &Answer::Export { left_out: exported.left_out }).await
            }
            Ok(Err(error)) => frame(&mut write, Frame::Refused, error.to_string().as_bytes()).await,
            Err(crossing) => frame(&mut write, Frame::Refused, crossing.to_string().as_bytes()).await,
        },
        Ok(Ask::Import { bytes, dry_run }) => {
            let mut document = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX).min(MOST_BYTES + 1)];
            // What was read ahead of the line's end is the beginning of it.
            question.get_mut().set_limit(bytes);
            tokio::time::timeout(PIECE_TIME_LIMIT, question.read_exact(&mut document)).await??;
            match web.bridge.run(Lane::People, move || import(&app, &document, dry_run)).await {
                Ok(Ok(answer)) => done(&mut write, &answer).await,
                Ok(Err(sentence)) => frame(&mut write, Frame::Refused, sentence.as_bytes()).await,
                Err(crossing) => frame(&mut write, Frame::Refused, crossing.to_string().as_bytes()).await,
            }
        }
        Err(_) => {
            let sentence = b"The server does not know this question: it is of another version than the command.";
            frame(&mut write, Frame::Refused, sentence).await
        }
    }
}

fn verify(app: &App) -> Result<Answer, String> {
    let found = app.verify().map_err(|error| error.to_string())?;
    let log = app.read(audit::verify).map_err(|error| error.to_string())?;
    Ok(Answer::Verify {
        records: found.records,
        index_rows: found.index_rows,
        problems: found.problems,
        audit_entries: log.entries,
        audit_head: log.head,
    })
}

fn doctor(app: &App) -> Result<Answer, String> {
    let look = || {
        app.verify()?;
        Ok((checks::facts(app, true)?, support::report(app, true)?))
    };
    let (facts, report) = look().map_err(|error: AppError| error.to_string())?;
    Ok(Answer::Doctor { facts: Box::new(facts), report: Box::new(report) })
}

fn import(app: &App, document: &[u8], dry_run: bool) -> Result<Answer, String> {
    let document = Document::read(document).map_err(|NoDocument(sentence)| sentence)?;
    match app.import(document, means(app), dry_run) {
        Ok(done) => Ok(Answer::Import { changes: done.sentences(dry_run), to_do: done.to_do }),
        Err(NotImported::Refused(complaints)) => {
            Ok(Answer::NotImported { complaints: complaints.iter().map(ToString::to_string).collect() })
        }
        Err(NotImported::App(error)) => Err(error.to_string()),
    }
}

/// What an import may want besides the document; the kinds of alert sources are known here.
pub fn means(app: &App) -> Means {
    Means {
        vault: app.vault.clone(),
        link_key: app.settings.link_key.clone(),
        seed: app.random_bytes(),
        kinds: Kind::ALL.map(Kind::word).to_vec(),
    }
}

/// The copying blocks, so it runs on the other side of the bridge and hands pieces over; a command that goes away ends it.
async fn streamed<E: Display + Send + 'static>(
    web: &Arc<Web>,
    copy: impl FnOnce(mpsc::Sender<(Frame, Vec<u8>)>) -> Result<Answer, E> + Send + 'static,
    write: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let (pieces, mut ready) = mpsc::channel::<(Frame, Vec<u8>)>(4);
    let copying = web.bridge.run(Lane::People, move || copy(pieces));
    let mut copying = std::pin::pin!(copying);
    let mut taken = None;
    loop {
        tokio::select! {
            answer = &mut copying, if taken.is_none() => taken = Some(answer),
            piece = ready.recv() => match piece {
                Some((what, content)) => {
                    tokio::time::timeout(PIECE_TIME_LIMIT, frame(write, what, &content)).await??;
                }
                None => break,
            },
        }
    }
    let taken = match taken {
        Some(taken) => taken,
        None => copying.await,
    };
    match taken {
        Ok(Ok(answer)) => done(write, &answer).await,
        Ok(Err(error)) => frame(write, Frame::Refused, error.to_string().as_bytes()).await,
        Err(crossing) => frame(write, Frame::Refused, crossing.to_string().as_bytes()).await,
    }
}

fn copy(app: &App, pieces: mpsc::Sender<(Frame, Vec<u8>)>) -> Result<Taken, BackupError> {
    let mut told = 0;
    let mut watch = |Progress { done, of }| {
        if done < of && done - told < PIECE as u64 {
            return true;
        }
        told = done;
        let progress = serde_json::to_vec(&Done { done, of }).unwrap_or_default();
        pieces.blocking_send((Frame::Progress, progress)).is_ok()
    };
    let out = io::BufWriter::with_capacity(PIECE, Pieces(pieces.clone()));
    app.back_up(out, &mut watch)
}

/// What is written into it is sent in frames.
struct Pieces(mpsc::Sender<(Frame, Vec<u8>)>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send((Frame::Data, bytes.to_vec()));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn done(write: &mut (impl AsyncWriteExt + Unpin), answer: &Answer) -> io::Result<()> {
    frame(write, Frame::Done, &serde_json::to_vec(answer)?).await
}

async fn frame(write: &mut (impl AsyncWriteExt + Unpin), what: Frame, content: &[u8]) -> io::Result<()> {
    let len = u32::try_from(content.len()).map_err(io::Error::other)?;
    write.write_u8(what as u8).await?;
    write.write_u32(len).await?;
    write.write_all(content).await?;
    write.flush().await
}
