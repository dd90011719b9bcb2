//! Waiting until new instances answer, and only they.

use std::time::{Duration, Instant};

use platform::PlatformError;
use remote_platform::Freshness;
use tokio::time::{sleep, timeout};

use crate::gateway::Gateway;
use crate::logs;

/// The longest that one probe may take: the gateway itself waits while it starts an instance.
const PROBE: Duration = Duration::from_secs(15);
/// How much longer than what is left a look may take.
const SLACK: Duration = Duration::from_millis(500);
/// Between probes while nothing is there.
const PENDING: Duration = Duration::from_millis(100);
/// Between probes of instances.
const NEXT: Duration = Duration::from_millis(20);
/// How long new instances must answer alone where old ones are ended after new ones are ready: Kubernetes takes an old pod out
/// of its endpoints then.
const ALONE: Duration = Duration::from_secs(1);
/// How much of the logs an error shows, lines.
const SHOWN: usize = 10;

/// Waits until all that answers was started at `since_unix_ns` or later. `has_old`: older instances may answer meanwhile. It asks for the instances' health, so the next
/// invocation is the first of a new instance.
///
/// # Errors
/// When that is not so within `patience`, or there is no such function.
pub(crate) async fn wait(
    gateway: &Gateway,
    name: &str,
    since_unix_ns: u64,
    has_old: bool,
    patience: Duration,
) -> Result<(), PlatformError> {
    let begin = Instant::now();
    let lasting = if has_old { ALONE } else { Duration::ZERO };
    let mut fresh = Freshness::new(since_unix_ns, 1, lasting);
    let mut instances = 1;
    let mut seen: String;
    let mut is_missing = false;
    let mut is_silent;
    loop {
        let left = patience.saturating_sub(begin.elapsed());
        let mut pause = PENDING;
        let looking = look(gateway, name, &mut fresh, &mut instances, lasting, since_unix_ns, left.min(PROBE));
        // A probe ends by itself in that time; a gateway that hangs does not.
        let looked = timeout(left + SLACK, looking).await;
        is_silent = looked.is_err();
        match looked.unwrap_or_else(|_| Looked::Not("the gateway did not answer".to_owned())) {
            Looked::Proven => return Ok(()),
            Looked::Next => {
                pause = NEXT;
                seen = "not all of its instances are new yet".to_owned();
            }
            Looked::Missing => {
                is_missing = true;
                seen = "there is no such function".to_owned();
            }
            Looked::Not(what) => {
                is_missing = false;
                seen = what;
            }
            Looked::Never(error) => return Err(error),
        }
        if begin.elapsed() + pause >= patience {
            break;
        }
        sleep(pause).await;
    }
    if is_missing {
        return Err(PlatformError::NotFound { platform: crate::gateway::PLATFORM.to_owned(), name: name.to_owned() });
    }
    let printed = if is_silent { String::new() } else { logs::last(gateway, name, since_unix_ns, SHOWN).await };
    let logs =
        if printed.is_empty() { format!("nothing that can be read ({seen})") } else { format!("{printed} ({seen})") };
    Err(PlatformError::NotReady { name: name.to_owned(), waited: patience, logs })
}

enum Looked {
    Proven,
    /// A new instance answered.
    Next,
    Missing,
    /// What was seen instead.
    Not(String),
    /// It will not come.
    Never(PlatformError),
}

async fn look(
    gateway: &Gateway,
    name: &str,
    fresh: &mut Freshness,
    instances: &mut u32,
    lasting: Duration,
    since_unix_ns: u64,
    patience: Duration,
) -> Looked {
    if !fresh.is_begun() {
        let status = match gateway.find(name).await {
            Ok(Some(status)) => status,
            Ok(None) => return Looked::Missing,
            Err(error @ (PlatformError::Denied { .. } | PlatformError::Invalid(_))) => return Looked::Never(error),
            Err(error) => return Looked::Not(error.to_string()),
        };
        // Where there should be none, the gateway starts one for the probe.
        if status.available_replicas < status.replicas {
            return Looked::Not(format!("{} of {} instances are ready", status.available_replicas, status.replicas));
        }
        if status.replicas.max(1) != *instances {
            *instances = status.replicas.max(1);
            *fresh = Freshness::new(since_unix_ns, *instances, lasting);
        }
    }
    match gateway.probe(name, patience).await {
        Ok(probe) => {
            if fresh.saw(&probe) {
                return Looked::Proven;
            }
            match (fresh.is_begun(), &probe.instance) {
                (true, _) => Looked::Next,
                (false, Some(instance)) => Looked::Not(format!("the old instance {} answers still", instance.id)),
                (false, None) if probe.status == 200 => Looked::Not(
                    "what answers does not say which instance it is: is it an image of faasbench?".to_owned(),
                ),
                (false, None) => Looked::Not(format!("status {} {}", probe.status, probe.said)),
            }
        }
        Err(error) => Looked::Not(error.to_string()),
    }
}
