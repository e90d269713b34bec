//! The command line: what may be typed, what the help says, and what the exit codes mean.
//!
//! Data goes to standard output, all else to standard error. Each command lives in a file of its own; this one reads the
//! configuration for those that need it and hands over.

pub mod backup;
pub mod completions;
pub mod config_show;
pub mod create_admin;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod export;
pub mod healthcheck;
pub mod host;
pub mod import;
pub mod man;
pub mod migrate;
pub mod open;
pub mod progress;
pub mod reload;
pub mod restore;
pub mod serve;
pub mod supervised;
pub mod target;
pub mod verify;

pub use self::exit::Exit;
use crate::config::{self, Config};
use crate::domain::time::Timestamp;
use clap::{ArgAction, Args, Parser, Subcommand};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Runs the command. Whatever is to be said has been said when this returns.
pub fn run(arguments: Arguments) -> Exit {
    let global = &arguments.global;
    match &arguments.command {
        Command::Config { command: ConfigCommand::Show(show) } => {
            with_config(global, None, |config| config_show::run(&config, global, show))
        }
        Command::Serve(args) => {
            let (file, flags) = (global.config.clone(), global.flags(args.listen));
            let read: reload::Read = Box::new(move || config::load_from_process(file.clone(), flags.clone()));
            with_config(global, args.listen, |config| serve::run(&config, args, read))
        }
        Command::CreateAdmin(args) => with_config(global, None, |config| create_admin::run(&config, global, args)),
        Command::Backup(args) => with_config(global, None, |config| backup::run(&config, global, args)),
        Command::Restore(args) => with_config(global, None, |config| restore::run(&config, global, args)),
        Command::Export(args) => with_config(global, None, |config| export::run(&config, global, args)),
        Command::Import(args) => with_config(global, None, |config| import::run(&config, global, args)),
        Command::Migrate(args) => with_config(global, None, |config| migrate::run(&config, global, args)),
        Command::Verify(args) => with_config(global, None, |config| verify::run(&config, global, args)),
        Command::Doctor(args) => with_config(global, None, |config| doctor::run(&config, global, args)),
        Command::Healthcheck => with_config(global, None, |config| healthcheck::run(&config, global)),
        Command::Demo(args) => demo::run(args),
        Command::Completions(args) => completions::run(args),
        Command::BackupKey(_) => backup::new_key(global),
        Command::Version => {
            let version = env!("CARGO_PKG_VERSION");
            answer(global, &json!({ "version": version }), &format!("pagerpal {version}\n"))
        }
    }
}

/// Reads the configuration and goes on with it, or says what is wrong with it.
///
/// What merely degrades is not said here: `serve` logs it and shows it, `config show` lists it.
fn with_config(global: &Global, listen: Option<SocketAddr>, go_on: impl FnOnce(Config) -> Exit) -> Exit {
    match config::load_from_process(global.config.clone(), global.flags(listen)) {
        Ok(config) => go_on(config),
        Err(invalid) => {
            eprintln!("pagerpal: {invalid}");
            Exit::ConfigInvalid
        }
    }
}

/// What a command found or did: in words, or with --json as one line for programs.
fn answer(global: &Global, told: &impl Serialize, words: &str) -> Exit {
    if !global.json {
        return print(words);
    }
    let line = serde_json::to_string(told).expect("maps have words as keys");
    print(&(line + "\n"))
}

/// Each on a line of its own.
fn lines(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text}\n")).collect()
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure of ours.
fn print(text: &str) -> Exit {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Exit {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Failed,
        _ => Exit::Done,
    }
}

const EXAMPLES: &str = "\
Examples:
  pagerpal serve                    on 127.0.0.1:8000, with nothing configured
  pagerpal create-admin --email ana@example.org
  pagerpal backup                   a copy in DATA_DIR/backups, while it serves
  pagerpal restore FILE             into an empty data directory
  pagerpal verify                   the database, while it serves or not
  pagerpal export config.json       what people have set up, as one document
  pagerpal import config.json       makes the database say what it says
  pagerpal migrate                  the database of an older version, while nothing serves it
  pagerpal demo                     a sample organisation to look around in
  pagerpal doctor                   whether this installation is fit for production
  pagerpal config show              every setting in effect, and where it comes from
  pagerpal config show SMTP_PORT    one of them
";

/// PagerPal, an on-call pager in one binary
#[derive(Parser, Debug)]
#[command(name = "pagerpal", version, before_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    Serve(ServeArgs),
    CreateAdmin(CreateAdminArgs),
    Backup(BackupArgs),
    BackupKey(BackupKeyArgs),
    Restore(RestoreArgs),
    Verify(VerifyArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    Migrate(MigrateArgs),
    Doctor(DoctorArgs),
    /// Show the configuration
    #[command(before_help = EXAMPLES, after_long_help = config::document::listing(), arg_required_else_help = true)]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask the running server of DATA_DIR whether it could page somebody now: 0 yes, 1 no, 4 none runs
    Healthcheck,
    Demo(DemoArgs),
    Completions(CompletionsArgs),
    /// Print the version
    Version,
}

#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Print the settings in effect and their origins; secrets by their length only
    Show(ConfigShowArgs),
}

/// What every command takes.
#[derive(Args, Debug)]
pub struct Global {
    /// Read this file instead of ./pagerpal.toml or /etc/pagerpal/pagerpal.toml
    #[arg(short, long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the database is (DATA_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Answer in JSON: one object on one line of standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// How to show that a long command is going on
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "HOW")]
    pub progress: progress::Shown,
    /// Log more; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Log errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Global {
    /// The settings these flags stand for.
    fn flags(&self, listen: Option<SocketAddr>) -> BTreeMap<&'static str, String> {
        let log_level = match (self.quiet, self.verbose) {
            (true, _) => Some("error"),
            (false, 0) => None,
            (false, 1) => Some("debug"),
            (false, _) => Some("trace"),
        };
        let settings = [
            ("DATA_DIR", self.data_dir.as_ref().map(|directory| directory.to_string_lossy().into_owned())),
            ("LISTEN_ADDRESS", listen.map(|address| address.to_string())),
            ("LOG_LEVEL", log_level.map(str::to_owned)),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// Serve the web interface, the API and the webhooks, and page people
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal serve                         on 127.0.0.1:8000
  pagerpal serve --listen 0.0.0.0:8000   for other machines, too")]
pub struct ServeArgs {
    /// Where to listen (LISTEN_ADDRESS)
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Refuse a database of an older version instead of bringing it up to date
    #[arg(long)]
    pub no_migrate: bool,
}

/// Create an admin; an account that exists gets the new password and the role
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal create-admin --email ana@example.org                      asks for the password
  pagerpal create-admin --email ana@example.org --password-file -    reads it from standard input")]
pub struct CreateAdminArgs {
    /// What the admin signs in with
    #[arg(long)]
    pub email: String,
    /// What the admin is called; the part before the @ if not given
    #[arg(long)]
    pub name: Option<String>,
    /// Read the password from this file, or from standard input (-); one line end at its end is dropped
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<Input>,
}

/// Copy the database into one file, while it serves or not
///
/// The copy is of one instant, and is there whole or not at all. It holds password hashes, names and numbers, and no web
/// sessions; SECRET_KEY is not in it. With BACKUP_RECIPIENTS set it is encrypted, and this machine cannot read it back. Its path
/// goes to standard output.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal backup                         DATA_DIR/backups/pagerpal-<time>.backup
  pagerpal backup /mnt/nas --keep 30      into a directory, which keeps the newest 30
  pagerpal backup --to - | ssh backup@nas 'cat > pagerpal.backup'")]
pub struct BackupArgs {
    /// A file, or a directory in which it gets the name of its time
    pub file: Option<PathBuf>,
    /// Write it to standard output
    #[arg(long, value_name = "-", value_parser = ["-"], conflicts_with_all = ["file", "keep", "verify"])]
    pub to: Option<String>,
    /// Remove all but the newest so many of the directory, once this one is there
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: Option<u16>,
    /// Restore it aside and verify that
    #[arg(long)]
    pub verify: bool,
}

/// Make a key for encrypted backups
///
/// The secret half goes to standard output and belongs where the backups can be restored, not on this machine: whoever loses it
/// loses the backups. The public half is for BACKUP_RECIPIENTS. The tool `age` knows such keys, and opens such backups.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal backup-key > pagerpal-backup.key
  pagerpal restore FILE.backup.age --identity pagerpal-backup.key")]
pub struct BackupKeyArgs {}

/// Make the database of a backup
///
/// The database is built beside its place, verified, and put there when it is whole. Open incidents are held for 15 minutes,
/// messages that were on their way are not sent again, and everybody signs in anew.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal restore pagerpal-2026-11-27T03-15-00Z.backup --data-dir /var/lib/pagerpal
  pagerpal restore FILE --replace     keeps the old database beside the new one
  pagerpal restore FILE --dry-run     shows whether it could")]
pub struct RestoreArgs {
    /// The backup, or - for standard input
    pub file: PathBuf,
    /// Put it in the place of the database that is there, which is kept under another name
    #[arg(long)]
    pub replace: bool,
    /// Do all of it but the last step
    #[arg(long)]
    pub dry_run: bool,
    /// The file with the secret key of an encrypted backup, as `backup-key` or `age-keygen` wrote it
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

/// Bring a database of an older version up to date
///
/// `serve` does so by itself. The database is rebuilt beside its place, verified, and put there; the old one is kept as
/// pagerpal.redb.pre-<format>. There is no way backwards but that file, or a backup.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal migrate            does what has to be done
  pagerpal migrate status     shows it")]
pub struct MigrateArgs {
    #[arg(value_enum, default_value = "up")]
    pub what: Migration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Migration {
    /// Show what has to be done, and change nothing
    Status,
    /// Do it
    Up,
}

/// Check every record's checksum and recompute every index
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal verify                the database in DATA_DIR, while it serves or not
  pagerpal verify copy.redb      another database file
  pagerpal verify FILE           a backup, by restoring it aside")]
pub struct VerifyArgs {
    /// A database file or a backup; the database in DATA_DIR if not given
    pub file: Option<PathBuf>,
    /// The file with the secret key of an encrypted backup
    #[arg(long, value_name = "FILE", requires = "file")]
    pub identity: Option<PathBuf>,
}

/// Serve a sample organisation to look around in; nobody is contacted
///
/// Three teams and eight people with sixty days behind them, an alert every 40 seconds, and a pretend phone that shows what
/// would have arrived. It reads no configuration, listens on this machine alone, and keeps everything in memory: all is gone
/// when it is stopped.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal demo                 on 127.0.0.1:8000; sign in with one click
  pagerpal demo --port 8100
  pagerpal demo --seed 7 --now 2026-11-24T02:16:40Z     the same organisation each time")]
pub struct DemoArgs {
    /// Where to listen, on 127.0.0.1
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
    /// Which of many organisations
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The instant at which it begins, if not now
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub now: Option<Timestamp>,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse().map(Timestamp::from_jiff);
    parsed.map_err(|_| "write an instant such as 2026-11-24T02:16:40Z".to_owned())
}

/// Print what makes a shell complete the words of these commands
///
/// The Debian package brings it for bash, zsh and fish.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal completions bash > /etc/bash_completion.d/pagerpal
  pagerpal completions zsh > /usr/local/share/zsh/site-functions/_pagerpal
  pagerpal completions fish > ~/.config/fish/completions/pagerpal.fish")]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Go through the production checklist; nothing is changed
///
/// A running server is asked, so the answers are its own; without one the database's file is looked at. Exit codes: 0 nothing
/// fails, 1 a check fails, 11 with --strict and only warnings.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal doctor                      what to mend, and how
  pagerpal doctor --online             also whether the base URL answers, live updates pass, and the clock is right
  pagerpal doctor --report report.txt  for whoever helps: no names, numbers, addresses or secrets in it
  pagerpal doctor --strict --json      for scripts")]
pub struct DoctorArgs {
    /// Ask the base URL, and a provider for the time
    #[arg(long)]
    pub online: bool,
    /// End with 11 if something warns
    #[arg(long)]
    pub strict: bool,
    /// Write a support report there
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Write what people have set up as one document
///
/// Users, teams, schedules, escalation policies, alert sources, heartbeats and maintenance windows, by their names and in
/// their order, so that two exports can be compared line by line. Sessions, tokens and links are not in it: a backup has those.
/// Settings are in the configuration. The history is a file of its own (--history), which nothing reads back.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal export                              to standard output
  pagerpal export config.json                  into a file that only you can read
  pagerpal export --include-secrets moved.json     for another installation: logins and keys go on to work
  pagerpal export --history history.jsonl      every incident with its timeline, one line each")]
pub struct ExportArgs {
    /// A file; standard output if not given, or -
    pub file: Option<PathBuf>,
    /// Also password hashes, digests of keys, signing secrets and addresses of calendars
    #[arg(long)]
    pub include_secrets: bool,
    /// Instead of the configuration, all incidents with their timelines and messages: one line of JSON each
    #[arg(long, conflicts_with = "include_secrets")]
    pub history: bool,
}

/// Make the database say what a document says
///
/// Things are found by their names, or added; what is not in the document is left alone. All of it happens or none. It shows
/// what would change and asks first.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  pagerpal import config.json --dry-run     shows what would change
  pagerpal import config.json               shows it and asks
  pagerpal import config.json --yes         for scripts")]
pub struct ImportArgs {
    /// The document, or - for standard input
    pub file: PathBuf,
    /// Show what would change, and change nothing
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Args, Debug)]
pub struct ConfigShowArgs {
    /// One setting, by its environment variable (SMTP_PORT) or its key (smtp.port)
    pub key: Option<String>,
}

/// Where a password is read from. Never the command line itself, which every user of the machine can see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    Stdin,
    File(PathBuf),
}

impl FromStr for Input {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Input, Infallible> {
        Ok(if text == "-" { Input::Stdin } else { Input::File(text.into()) })
    }
}

impl Input {
    /// All of it, less one line end at its end.
    pub fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        match self {
            Input::Stdin => io::stdin().read_to_string(&mut text)?,
            Input::File(path) => std::fs::File::open(path)?.read_to_string(&mut text)?,
        };
        let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        Ok(line.unwrap_or(&text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound_and_every_help_begins_with_examples() {
        Arguments::command().debug_assert();
        let helps = [
            Arguments::command(),
            ServeArgs::augment_args(clap::Command::new("serve")),
            CreateAdminArgs::augment_args(clap::Command::new("create-admin")),
            BackupArgs::augment_args(clap::Command::new("backup")),
            RestoreArgs::augment_args(clap::Command::new("restore")),
            VerifyArgs::augment_args(clap::Command::new("verify")),
            ExportArgs::augment_args(clap::Command::new("export")),
            ImportArgs::augment_args(clap::Command::new("import")),
            MigrateArgs::augment_args(clap::Command::new("migrate")),
            DemoArgs::augment_args(clap::Command::new("demo")),
            CompletionsArgs::augment_args(clap::Command::new("completions")),
            DoctorArgs::augment_args(clap::Command::new("doctor")),
        ];
        for mut command in helps {
            let help = command.render_help().to_string();
            assert!(help.starts_with("Examples:\n  pagerpal "), "{help}");
        }
    }

    #[test]
    fn every_example_can_be_typed() {
        for line in EXAMPLES.lines().skip(1) {
            let typed = line.trim().split("  ").next().expect("split yields one part at least");
            assert!(Arguments::try_parse_from(typed.split(' ')).is_ok(), "{typed}");
        }
    }

    #[test]
    fn global_flags_may_stand_anywhere_and_become_settings() {
        let check = |typed: &str, expected: &[(&str, &str)]| {
            let arguments = Arguments::try_parse_from(typed.split(' ')).unwrap_or_else(|error| panic!("{error}"));
            let flags = arguments.global.flags(None);
            let flags: Vec<(&str, &str)> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(flags, expected, "{typed}");
        };
        check("pagerpal version", &[]);
        check("pagerpal --data-dir /x config show", &[("DATA_DIR", "/x")]);
        check("pagerpal config show --data-dir /x -q", &[("DATA_DIR", "/x"), ("LOG_LEVEL", "error")]);
        check("pagerpal -v version", &[("LOG_LEVEL", "debug")]);
        check("pagerpal version -vv", &[("LOG_LEVEL", "trace")]);
        assert!(Arguments::try_parse_from(["pagerpal", "-q", "-v", "version"]).is_err());
    }

    #[test]
    fn a_password_comes_from_a_file_or_standard_input() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("password");
        std::fs::write(&path, "correct horse \r\n").expect("a writable directory");
        let input: Input = path.to_str().expect("a UTF-8 path").parse().expect("any text is an input");
        assert_eq!(input.read().expect("readable"), "correct horse ");
        assert_eq!("-".parse(), Ok(Input::Stdin));
    }
}
