//! Which process writes a run, so that a run whose process is gone can be told from one that goes on.

use std::fs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process, told apart from every later one that gets the same number. What the system doesn't say is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessIdentity {
    /// Number of the process in its namespace.
    pub process_id: u32,
    /// When it started, clock ticks since boot (field 22 of `/proc/PID/stat`).
    pub process_start: Option<i64>,
    /// The namespace that its number counts in: containers have their own.
    pub process_namespace: Option<String>,
    /// The boot of the machine, `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    /// Name of the machine.
    pub host_name: Option<String>,
}

impl ProcessIdentity {
    /// This process.
    pub(super) fn own() -> Self {
        let process_id = std::process::id();
        Self {
            process_id,
            process_start: start_of(process_id),
            process_namespace: fs::read_link("/proc/self/ns/pid").ok().map(|link| link.to_string_lossy().into_owned()),
            boot_id: line_of("/proc/sys/kernel/random/boot_id"),
            host_name: line_of("/proc/sys/kernel/hostname"),
        }
    }

    /// Whether the process is certainly gone, seen from `observer`. Where it can't be known (another machine, another
    /// container) the answer is no.
    pub(super) fn is_gone(&self, observer: &Self) -> bool {
        let (Some(boot), Some(observed)) = (&self.boot_id, &observer.boot_id) else {
            return false;
        };
        if boot != observed {
            return self.host_name.is_some() && self.host_name == observer.host_name;
        }
        if self.process_namespace != observer.process_namespace {
            return false;
        }
        match start_of(self.process_id) {
            Some(start) => self.process_start.is_some_and(|ours| ours != start),
            None => true,
        }
    }
}

fn line_of(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// None when there is no such process, or only what is left of it until its parent looks.
fn start_of(process_id: u32) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field, the name in brackets, may hold spaces and brackets of its own.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_there_and_a_namesake_is_not() {
        let own = ProcessIdentity::own();
        assert!(!own.is_gone(&own));
        let namesake = ProcessIdentity { process_start: own.process_start.map(|start| start - 1), ..own.clone() };
        assert!(namesake.is_gone(&own));
    }

    #[test]
    fn a_reboot_ends_processes_and_another_machine_says_nothing() {
        let own = ProcessIdentity::own();
        let before = ProcessIdentity { boot_id: Some("earlier".into()), ..own.clone() };
        assert!(before.is_gone(&own));
        let elsewhere = ProcessIdentity { host_name: Some("elsewhere".into()), ..before };
        assert!(!elsewhere.is_gone(&own));
        let contained = ProcessIdentity { process_namespace: Some("pid:[1]".into()), process_id: 1, ..own.clone() };
        assert!(!contained.is_gone(&own));
    }
}
