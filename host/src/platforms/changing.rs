//! One command at a time changes a deployment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use platform::PlatformError;

use super::in_this_process::make_private;

/// How often it is tried again.
const LOOK: Duration = Duration::from_millis(5);
/// How long another command may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Held while a deployment is changed. It ends with this process at the latest.
#[derive(Debug)]
pub struct Changing {
    _lock: File,
}

/// Waits until no other command changes `name`.
pub(super) async fn change(folder: &Path, target: &str, name: &str) -> Result<Changing, PlatformError> {
    let failed = |error: io::Error| PlatformError::Failed {
        platform: target.to_owned(),
        doing: format!("locking {name} in {}", folder.display()),
        reason: error.to_string(),
    };
    make_private(folder).map_err(failed)?;
    let path = folder.join(format!("{name}.lock"));
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    let begin = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Changing { _lock: lock }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if begin.elapsed() > PATIENCE => {
                return Err(PlatformError::Failed {
                    platform: target.to_owned(),
                    doing: format!("changing {name}"),
                    reason: format!(
                        "another command has been changing it for {} s; wait for that, or end it, and try again",
                        PATIENCE.as_secs()
                    ),
                });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK).await,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = change(folder.path(), "wasm", "f").await.unwrap();
        let other = change(folder.path(), "wasm", "g").await.unwrap();
        let second = change(folder.path(), "wasm", "f");
        let mut second = std::pin::pin!(second);
        assert!(tokio::time::timeout(Duration::from_millis(30), &mut second).await.is_err());
        drop(first);
        second.await.unwrap();
        drop(other);
    }
}
