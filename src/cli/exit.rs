//! How a command ended, for scripts and for systemd, which must not restart us after some of these.

use std::process::ExitCode;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    ConfigInvalid = 3,
    /// Worth trying again.
    DatabaseUnreachable = 4,
    NotPermitted = 5,
    NotFound = 6,
    /// Another process has the database open, or the target is not empty.
    InUse = 7,
    VerificationFailed = 8,
    /// Somebody was asked and said no, or nobody was there to ask.
    Declined = 9,
    /// Of `doctor --strict`.
    OnlyWarnings = 11,
    /// The database was written by a newer version, or could not be brought to this one.
    SchemaNewer = 12,
    /// By SIGINT: 128 and the signal's number, as shells have it.
    Interrupted = 130,
    /// By SIGTERM.
    Terminated = 143,
}

impl Exit {
    pub const ALL: [Exit; 14] = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::ConfigInvalid,
        Exit::DatabaseUnreachable,
        Exit::NotPermitted,
        Exit::NotFound,
        Exit::InUse,
        Exit::VerificationFailed,
        Exit::Declined,
        Exit::OnlyWarnings,
        Exit::SchemaNewer,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// For the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "Done.",
            Exit::Failed => "It failed; the sentence on standard error says why.",
            Exit::Usage => "Wrong usage: an unknown word or option, or one that is missing.",
            Exit::ConfigInvalid => "The configuration is not valid; every mistake is named.",
            Exit::DatabaseUnreachable => "The database or the server cannot be reached; worth trying again.",
            Exit::NotPermitted => "This user may not read or write what it takes.",
            Exit::NotFound => "A file that was named does not exist.",
            Exit::InUse => "Another process has the database open, or the place is taken.",
            Exit::VerificationFailed => "Something is damaged.",
            Exit::Declined => "The question was answered with no, or nobody was there to ask.",
            Exit::OnlyWarnings => "doctor --strict: nothing fails, and something warns.",
            Exit::SchemaNewer => {
                "The database was written by a newer version, or could not be brought to this one; it is untouched."
            }
            Exit::Interrupted => "Stopped by SIGINT.",
            Exit::Terminated => "Stopped by SIGTERM.",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
