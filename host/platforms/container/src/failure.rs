//! What a container engine's errors mean.

use std::error::Error as _;
use std::io;

use bollard::errors::Error;
use platform::PlatformError;

/// The platform's name.
pub(crate) const PLATFORM: &str = "container";

/// The engine's word that something is not there.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// The engine's word that a name is taken, or that something is in use.
pub(crate) fn is_conflict(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError { status_code: 409, .. } => true,
        // Podman's.
        Error::DockerResponseServerError { message, .. } => message.contains("name is already in use"),
        _ => false,
    }
}

/// The error of a request, as in "starting a container".
pub(crate) fn failed(doing: &str, error: &Error) -> PlatformError {
    let reason = reason(error);
    if let Some(kind) = io_kind(error) {
        return unreachable_by(kind, &reason);
    }
    match error {
        Error::RequestTimeoutError => PlatformError::Unreachable {
            platform: PLATFORM.to_owned(),
            reason: format!("the container engine did not answer while {doing}"),
            advice: "see whether it hangs (`docker ps`), and restart it".to_owned(),
        },
        Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } | Error::SocketNotFoundError(_) => {
            gone(&reason)
        }
        _ => told(doing, reason),
    }
}

/// What an engine that answers says.
fn told(doing: &str, reason: String) -> PlatformError {
    let lower = reason.to_lowercase();
    if lower.contains("no space left on device") {
        return PlatformError::Failed {
            platform: PLATFORM.to_owned(),
            doing: doing.to_owned(),
            reason: format!("the disk is full: {reason}; free some, as with `docker system prune`"),
        };
    }
    if lower.contains("exec format error") {
        return PlatformError::Invalid(format!(
            "the image's program does not run on this machine's processor: {reason}; build it for this architecture"
        ));
    }
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}

/// An engine that was there and is no more.
pub(crate) fn gone(reason: &str) -> PlatformError {
    PlatformError::Unreachable {
        platform: PLATFORM.to_owned(),
        reason: format!("the container engine does not answer any more ({reason})"),
        advice: "start it again; `faasbench undeploy --all` removes what is left then".to_owned(),
    }
}

/// What the operating system says when the engine's socket is connected to.
pub(crate) fn unreachable_by(kind: io::ErrorKind, reason: &str) -> PlatformError {
    match kind {
        io::ErrorKind::PermissionDenied => PlatformError::Denied {
            platform: PLATFORM.to_owned(),
            reason: format!("the container engine's socket may not be used ({reason})"),
            advice: "join its group (`sudo usermod -aG docker $USER` and log in again), or start Podman as yourself \
                     (`systemctl --user start podman.socket`)"
                .to_owned(),
        },
        _ => gone(reason),
    }
}

/// The engine's own words, or the chain of causes.
pub(crate) fn reason(error: &Error) -> String {
    if let Error::DockerResponseServerError { message, .. } = error {
        return message.trim().to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// The operating system's error below it.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    // Transparent: it has the source of what is in it, not that itself.
    if let Error::IOError { err } = error {
        return Some(err.kind());
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> String {
        let error = Error::DockerResponseServerError { status_code: 500, message: message.to_owned() };
        failed("starting a container", &error).to_string()
    }

    #[test]
    fn what_an_engine_says_comes_with_advice() {
        let full = said("write /var/lib/docker/tmp/x: no space left on device");
        assert!(full.contains("the disk is full") && full.contains("docker system prune"), "{full}");
        let foreign = said("standard_init_linux.go: exec user process caused: exec format error");
        assert!(foreign.contains("build it for this architecture"), "{foreign}");
        assert_eq!(said("who knows"), "starting a container failed on container: who knows");
        let denied = failed("asking", &Error::IOError { err: io::Error::from(io::ErrorKind::PermissionDenied) });
        assert!(denied.to_string().contains("usermod -aG docker"), "{denied}");
        let gone = failed("asking", &Error::IOError { err: io::Error::from(io::ErrorKind::ConnectionReset) });
        assert!(gone.to_string().contains("does not answer any more"), "{gone}");
    }
}
