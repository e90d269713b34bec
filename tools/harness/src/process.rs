//! A program that a test starts, watches, kills and never leaves behind.
//!
//! Each runs in a process group of its own, and the whole group is killed when the handle is dropped: browsers and mail
//! servers have children too. Its output goes to a file, which is quoted whenever something about it disappoints.
//! A test process that is itself killed with SIGKILL cannot clean up; nothing here survives a failed or panicked test.

use crate::http;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// How often a starting program is asked whether it is there.
const POLL: Duration = Duration::from_millis(10);

pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    output: PathBuf,
}

/// What to start, and how.
pub struct Launch {
    command: Command,
    output: PathBuf,
}

impl Launch {
    /// `program` in `folder`, its output appended to `folder/<name>.log`, with nothing on its standard input.
    pub fn new(program: impl AsRef<Path>, folder: impl AsRef<Path>) -> Launch {
        let name = program.as_ref().file_name().map_or_else(|| "program".into(), |name| name.to_string_lossy());
        let output = folder.as_ref().join(format!("{name}.log"));
        let mut command = Command::new(program.as_ref());
        command.current_dir(folder).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        Launch { command, output }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Launch {
        self.command.arg(argument);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Launch {
        self.command.env(name, value);
        self
    }

    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Launch {
        self.command.envs(variables);
        self
    }

    /// Forgets the environment of the test, all but PATH: what a developer happened to export must not decide a test.
    pub fn clean_env(mut self) -> Launch {
        self.command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            self.command.env("PATH", path);
        }
        self
    }

    /// Starts it; needs a runtime.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut self) -> Process {
        let name = self.command.as_std().get_program().to_string_lossy().into_owned();
        let open = |path: &Path| File::options().create(true).append(true).open(path);
        let log = open(&self.output).and_then(|file| Ok((file.try_clone()?, file)));
        let (stdout, stderr) = log.unwrap_or_else(|error| panic!("{}: {error}", self.output.display()));
        self.command.stdout(stdout).stderr(stderr);
        let child = self.command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("a child just started has an id");
        Process { name, child, group, output: self.output }
    }
}

impl Process {
    pub fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().cast_unsigned()
    }

    /// Everything it wrote so far, both streams; kept over restarts with the same folder.
    pub fn output(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// `Some` once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours can be asked")
    }

    /// Waits until `url` answers 200. `Err` with the reason and the end of the output, when it ends first, or
    /// `within` passes.
    pub async fn wait_until_answers(&mut self, url: &str, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        loop {
            let last = match http::get(url).send().await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => format!("{} from {url}: {}", answer.status, answer.text()),
                Err(error) => format!("{error} from {url}"),
            };
            self.still_starting(deadline, &last).await?;
        }
    }

    /// Waits until something listens on `port` of 127.0.0.1; fails as [`Process::wait_until_answers`] does.
    pub async fn wait_until_listens(&mut self, port: u16, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        loop {
            match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
                Ok(_) => return Ok(()),
                Err(error) => self.still_starting(deadline, &format!("{error} on port {port}")).await?,
            }
        }
    }

    async fn still_starting(&mut self, deadline: Instant, last: &str) -> Result<(), String> {
        if let Some(status) = self.ended() {
            return Err(format!("{} ended ({status}) instead of serving\n{}", self.name, self.last_lines()));
        }
        if Instant::now() >= deadline {
            return Err(format!("{} did not serve in time; last: {last}\n{}", self.name, self.last_lines()));
        }
        tokio::time::sleep(POLL).await;
        Ok(())
    }

    /// SIGKILL, to the whole group, and waits until it is gone.
    pub async fn kill9(&mut self) -> ExitStatus {
        self.kill_group();
        self.child.wait().await.expect("a child of ours can be waited for")
    }

    /// SIGHUP, as a service manager does to have settings read again.
    pub fn hang_up(&self) {
        kill_process(self.group, Signal::HUP).expect("a running child of ours can be signalled");
    }

    /// SIGTERM, as a service manager does, and waits for the end.
    ///
    /// # Panics
    /// When it has not ended `within`.
    pub async fn terminate(&mut self, within: Duration) -> ExitStatus {
        if self.ended().is_none() {
            // Only to the program: a well-behaved one ends its own children.
            kill_process(self.group, Signal::TERM).expect("a running child of ours can be signalled");
        }
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.expect("a child of ours can be waited for"),
            Err(_) => panic!("{} ignored SIGTERM for {within:?}\n{}", self.name, self.last_lines()),
        }
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it has not ended `within`.
    pub async fn to_end(mut self, within: Duration) -> ExitStatus {
        match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.expect("a child of ours can be waited for"),
            Err(_) => panic!("{} had not ended after {within:?}\n{}", self.name, self.last_lines()),
        }
    }

    fn last_lines(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn kill_group(&self) {
        // An error means that nobody is left, which is what we want. The id stays ours while the program has not been
        // waited for or a member lives; the kernel hands it to others only after a whole round of all ids.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// A port of 127.0.0.1 that nobody listens on, and that nobody gets by chance before the test uses it: it lies below
/// the range that Linux gives to outgoing connections, and is not given twice by one process.
pub fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes that run side by side start at different places.
    let offset = std::process::id() % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + ((offset * 7 + step) % u32::from(COUNT)) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// A temporary directory that goes when the handle goes.
///
/// # Panics
/// When there is no place for one.
pub fn folder(name: &str) -> tempfile::TempDir {
    let made = tempfile::Builder::new().prefix(&format!("pagerpal-{name}-")).tempdir();
    made.unwrap_or_else(|error| panic!("no temporary folder for {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::python;

    const SECONDS: Duration = Duration::from_secs(20);

    fn web_server(folder: &Path, port: u16) -> Process {
        let port = port.to_string();
        Launch::new(python(), folder).args(["-u", "-m", "http.server", "--bind", "127.0.0.1", &port]).start()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_program_serves_is_killed_and_serves_again_on_the_same_port() {
        let folder = folder("process");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}/");
        for _ in 0..2 {
            let mut server = web_server(folder.path(), port);
            server.wait_until_answers(&url, SECONDS).await.expect("it serves");
            let status = server.kill9().await;
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
            assert!(http::get(&url).send().await.is_err(), "nobody answers after the kill");
            assert!(server.output().contains("Serving HTTP"), "output is captured: {}", server.output());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_program_that_ends_is_not_waited_for() {
        let folder = folder("process");
        let mut process = Launch::new("/bin/sh", folder.path()).args(["-c", "echo no such thing; exit 3"]).start();
        let why = process.wait_until_answers("http://127.0.0.1:9/", SECONDS).await.expect_err("it ended");
        assert!(why.contains("exit status: 3") && why.contains("no such thing"), "{why}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_dropped_handle_takes_grandchildren_along() {
        let folder = folder("process");
        let process = Launch::new("/bin/sh", folder.path()).args(["-c", "sleep 600 & echo $!; wait"]).start();
        while !process.output().ends_with('\n') {
            tokio::time::sleep(POLL).await;
        }
        let stat = format!("/proc/{}/stat", process.output().trim());
        // Nobody may be there to take the dead away, so a zombie counts as gone.
        let runs = || fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(runs(), "the grandchild runs");
        drop(process);
        let gone = async {
            while runs() {
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(SECONDS, gone).await.expect("the grandchild is gone");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn terminate_is_a_polite_end() {
        let folder = folder("process");
        let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let mut process = Launch::new("/bin/sh", folder.path()).args(["-c", script]).start();
        while !process.output().contains("ready") {
            tokio::time::sleep(POLL).await;
        }
        assert_eq!(process.terminate(SECONDS).await.code(), Some(7));
        assert!(process.output().contains("bye"));
    }
}
