//! How an instance ended, in words.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use bytes::Bytes;
use serde_json::json;

use crate::limits::InstanceLimits;

/// SIGXFSZ: a file was to become larger than its process may write.
const FILE_SIZE_SIGNAL: i32 = 25;

/// Why this program ended an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An invocation was not done at its deadline.
    Time,
    /// An invocation printed too much.
    Printed,
    /// Its processes hold too much memory.
    Memory,
    /// Its scratch folder holds too much.
    Scratch,
    /// It has too many threads.
    Threads,
    /// An answer was too large.
    Answer,
    /// It was not needed any more.
    Stopped,
}

impl Cause {
    /// The limit that was reached, in words; `None` where it was none.
    pub(crate) fn limit(self, limits: &InstanceLimits) -> Option<String> {
        Some(match self {
            Cause::Time => "the deadline passed before the function was done".to_owned(),
            Cause::Printed => format!("the function printed more than the limit of {} bytes", limits.log_bytes),
            Cause::Memory => format!("the function used more than the memory limit of {} bytes", limits.memory_bytes),
            Cause::Scratch => {
                format!("the function wrote more than the scratch limit of {} bytes", limits.scratch_bytes)
            }
            Cause::Threads => format!("the function started more than the limit of {} threads", limits.threads()),
            Cause::Answer => format!("the answer is larger than {} bytes", crate::http::MAXIMUM_ANSWER_BYTES),
            Cause::Stopped => return None,
        })
    }
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    /// For its log and its platform.
    pub(crate) reason: String,
    /// The limit that it reached, for its caller.
    pub(crate) limit: Option<(Cause, String)>,
}

impl Exit {
    /// From all that is known. `memory_kills` is how often the kernel killed for want of memory.
    pub(crate) fn explain(
        status: Option<ExitStatus>,
        cause: Option<Cause>,
        memory_kills: Option<u64>,
        printed: &str,
        limits: &InstanceLimits,
    ) -> Exit {
        let failed = status.is_none_or(|status| !status.success());
        // The allocator's own words, where it is a resource limit that holds memory.
        let is_out_of_memory = memory_kills.is_some_and(|kills| kills > 0) || printed.contains("memory allocation of ");
        let cause = cause.or((failed && is_out_of_memory).then_some(Cause::Memory));
        let cause =
            cause.or((status.and_then(|status| status.signal()) == Some(FILE_SIZE_SIGNAL)).then_some(Cause::Scratch));
        let limit = cause.and_then(|cause| Some((cause, cause.limit(limits)?)));
        let reason = match (&limit, cause) {
            (Some((_, limit)), _) => format!("{limit}: it was stopped"),
            (None, Some(_)) => "it was stopped".to_owned(),
            (None, None) => describe(status),
        };
        Exit { reason, limit }
    }

    /// Status and body of the answer to an invocation that the end interrupted.
    pub(crate) fn answer(&self, printed: &str) -> (u16, Bytes) {
        if let Some((cause, limit)) = &self.limit {
            return failure(
                if *cause == Cause::Time { 504 } else { 413 },
                "limit",
                &format!("{limit}; its instance was stopped"),
            );
        }
        let last = printed.lines().last().unwrap_or_default();
        let said = if last.is_empty() { String::new() } else { format!("; the last that it printed: {last}") };
        failure(502, "internal", &format!("the instance ended while it served this: {}{said}", self.reason))
    }
}

/// An answer that is an error.
pub(crate) fn failure(status: u16, kind: &str, message: &str) -> (u16, Bytes) {
    (status, json!({ "error": { "type": kind, "message": message } }).to_string().into())
}

fn describe(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "its end could not be watched".to_owned() };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}{}", name(signal)),
        (None, None) => status.to_string(),
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        25 => " (SIGXFSZ)",
        31 => " (SIGSYS)",
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMITS: InstanceLimits = InstanceLimits {
        memory_bytes: 1000,
        cpus: None,
        time: Duration::from_secs(1),
        scratch_bytes: 2000,
        log_bytes: 3000,
        concurrency: 1,
    };

    fn explain(raw: i32, cause: Option<Cause>, kills: Option<u64>, printed: &str) -> Exit {
        Exit::explain(Some(ExitStatus::from_raw(raw)), cause, kills, printed, &LIMITS)
    }

    #[test]
    fn an_end_by_itself_is_its_status_or_its_signal() {
        assert_eq!(explain(3 << 8, None, Some(0), "").reason, "exit status 3");
        let exit = explain(11, None, None, "a\nlast words");
        assert_eq!(exit.reason, "signal 11 (SIGSEGV)");
        let (status, body) = exit.answer("a\nlast words");
        assert_eq!(status, 502);
        assert!(String::from_utf8_lossy(&body).contains("last words"));
    }

    #[test]
    fn a_limit_is_named_with_its_size() {
        for (exit, status, said) in [
            (explain(9, None, Some(1), ""), 413, "memory limit of 1000"),
            (explain(6, None, None, "memory allocation of 77 bytes failed"), 413, "memory limit of 1000"),
            (explain(9, Some(Cause::Scratch), None, ""), 413, "scratch limit of 2000"),
            (explain(9, Some(Cause::Printed), Some(0), ""), 413, "3000 bytes"),
            (explain(9, Some(Cause::Time), Some(0), ""), 504, "deadline"),
        ] {
            let (found, body) = exit.answer("");
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((found, &body["error"]["type"]), (status, &"limit".into()));
            assert!(body["error"]["message"].as_str().unwrap().contains(said), "{body}");
        }
    }

    #[test]
    fn an_end_that_was_wanted_is_no_limit() {
        let exit = explain(0, Some(Cause::Stopped), Some(0), "memory allocation of ");
        assert_eq!((exit.reason.as_str(), exit.limit), ("it was stopped", None));
    }
}
