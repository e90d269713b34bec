//! What the kernel knows about a process and about the machine.

use std::fs;
use std::time::Duration;

/// Resident memory in KiB.
pub fn resident_kib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("a running child has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells the resident memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

/// Processor time it has used so far, of all its threads, in ticks of 10 ms.
fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("a running child has a stat");
    // The name in brackets may hold anything; the fields after it are counted from 3.
    let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
    let field = |number: usize| fields.split(' ').nth(number - 3).and_then(|text| text.parse::<u64>().ok());
    field(14).zip(field(15)).map(|(user, system)| user + system).expect("utime and stime are numbers")
}

/// Processor time it has used so far. Linux has told it in hundredths of a second on every platform for decades.
pub fn cpu_time(id: u32) -> Duration {
    Duration::from_millis(10 * ticks(id))
}

/// Waits until it has done nothing for half a second, so that what it left for later is not measured with what
/// follows. At most two minutes.
pub async fn settled(id: u32) {
    for _ in 0..240 {
        let before = ticks(id);
        tokio::time::sleep(Duration::from_millis(500)).await;
        if ticks(id) <= before + 1 {
            return;
        }
    }
    eprintln!("process {id} never came to rest");
}

/// `0.12 0.34 0.56`: runnable tasks, averaged over 1, 5 and 15 minutes.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
