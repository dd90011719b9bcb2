//! More processes and threads than are good. Both are bounded, and end by themselves: the machine that runs the tests is
//! to outlive a limit that does not hold.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

const MOST_PROCESSES: u64 = 2_000;
const MOST_THREADS: u64 = 20_000;
/// How long they linger, unless it is said.
const LINGER: Duration = Duration::from_secs(30);

/// Starts processes of this binary.
pub(crate) fn fork(count: Option<u64>, seconds: Option<Duration>) -> Value {
    let linger = seconds.unwrap_or(LINGER).as_secs().to_string();
    until_refused(count.unwrap_or(MOST_PROCESSES).min(MOST_PROCESSES), || {
        let own = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        let mut command = Command::new(own);
        command.args(["--linger", &linger]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(drop)
    })
}

/// Starts threads.
pub(crate) fn threads(count: Option<u64>, seconds: Option<Duration>) -> Value {
    let linger = seconds.unwrap_or(LINGER);
    until_refused(count.unwrap_or(MOST_THREADS).min(MOST_THREADS), || {
        thread::Builder::new().stack_size(64 << 10).spawn(move || thread::sleep(linger)).map(drop)
    })
}

fn until_refused(most: u64, start: impl Fn() -> std::io::Result<()>) -> Value {
    for started in 0..most {
        if let Err(error) = start() {
            return json!({ "started": started, "refused": error.to_string() });
        }
    }
    json!({ "started": most, "refused": null })
}
