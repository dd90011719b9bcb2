//! What the daemon says, in the words of a platform's errors.

use std::error::Error as _;
use std::io;

use bollard::errors::Error;
use platform::PlatformError;

/// An error of the daemon while `doing` something for a platform.
pub(crate) fn failed(platform: &str, address: &str, doing: &str, error: &Error) -> PlatformError {
    if let Error::DockerResponseServerError { message, .. } = error {
        let full = if message.to_lowercase().contains("no space left on device") {
            "the disk is full; free some, as with `docker system prune`: "
        } else {
            ""
        };
        return PlatformError::Failed {
            platform: platform.to_owned(),
            doing: doing.to_owned(),
            reason: format!("{full}{}", message.trim()),
        };
    }
    let reason = chain(error);
    if denied(error) {
        return PlatformError::Denied {
            platform: platform.to_owned(),
            reason: format!("the container daemon's socket {address} may not be used ({reason})"),
            advice: "join its group (`sudo usermod -aG docker $USER` and log in again)".to_owned(),
        };
    }
    PlatformError::Unreachable {
        platform: platform.to_owned(),
        reason: format!("the container daemon at {address} does not answer ({doing}: {reason})"),
        advice: "start it, or name the one that the platform uses in the option `docker` or in DOCKER_HOST".to_owned(),
    }
}

/// Whether what was asked for is not there.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
        || matches!(error, Error::DockerResponseServerError { message, .. }
            if message.contains("image not known") || message.contains("No such image"))
}

/// Whether something else has what was asked for.
pub(crate) fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 409, .. })
}

/// Docker's word that an image went with another of its names while this one was looked up.
pub(crate) fn was_overtaken(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { message, .. } if message.contains("unrecognized image ID"))
}

fn chain(error: &Error) -> String {
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

fn denied(error: &Error) -> bool {
    // Transparent: it has the source of what is in it, not that itself.
    if let Error::IOError { err } = error {
        return err.kind() == io::ErrorKind::PermissionDenied;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        cause = error.source();
    }
    false
}
