//! Processes by a mark in their environment.

use std::fs;
use std::io;

use crate::ProcessIdentity;

/// The processes of this user in whose environment `variable` has a value that `is_ours` takes, with that value. A process has it
/// from its first moment, before anybody could write down that it is there.
///
/// # Errors
/// When the list of processes can't be read.
pub fn marked(variable: &str, is_ours: impl Fn(&str) -> bool) -> io::Result<Vec<(ProcessIdentity, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process_id) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Other users' processes can't be read, and are not ours.
        let Ok(environment) = fs::read(format!("/proc/{process_id}/environ")) else { continue };
        let value = environment.split(|&byte| byte == 0).find_map(|text| {
            let text = std::str::from_utf8(text).ok()?;
            text.strip_prefix(variable)?.strip_prefix('=').map(str::to_owned)
        });
        if let Some(value) = value.filter(|value| is_ours(value))
            && let Ok(identity) = ProcessIdentity::of(process_id)
        {
            found.push((identity, value));
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    const VARIABLE: &str = "FAASBENCH_TEST_MARK";

    #[test]
    fn a_process_is_found_by_its_mark_and_ended_and_a_namesake_is_not() {
        let name = format!("test/{}", std::process::id());
        let begin = Instant::now();
        let mut child = Command::new("sleep").arg("600").env(VARIABLE, &name).stdin(Stdio::null()).spawn().unwrap();
        // A process has its environment an instant after it is there.
        let found = loop {
            let found = marked(VARIABLE, |value| value == name).unwrap();
            if !found.is_empty() || begin.elapsed() > Duration::from_secs(10) {
                break found;
            }
        };
        let identity = ProcessIdentity::of(child.id()).unwrap();
        assert_eq!(found, [(identity.clone(), name.clone())]);
        let namesake = ProcessIdentity { start_ticks: identity.start_ticks - 1, ..identity.clone() };
        namesake.end(Duration::from_secs(5)).unwrap();
        assert!(identity.is_there());
        assert!(!identity.wait(Duration::ZERO).unwrap());
        identity.end(Duration::from_secs(5)).unwrap();
        assert!(!identity.is_there());
        child.wait().unwrap();
        identity.end(Duration::from_secs(5)).unwrap();
        assert_eq!(marked(VARIABLE, |value| value == name).unwrap(), []);
    }
}
