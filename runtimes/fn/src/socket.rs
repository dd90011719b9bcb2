//! The socket that the agent waits for.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The variable does not name a socket.
    #[error("FN_LISTENER is {0:?}: give unix:/PATH")]
    Name(String),
    /// The protocol is not the one that is spoken here.
    #[error("FN_FORMAT is {0:?}: only http-stream is spoken")]
    Format(String),
    /// The system refused.
    #[error("could not {doing} {path}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// Listens on the socket of `FN_LISTENER` (`unix:/PATH`). The socket is made under another name in the same folder, opened to
/// the agent's user, and only then does its name appear, as a relative symbolic link: who sees the name can connect.
///
/// # Errors
/// When the variables are not Fn's, or the socket can't be made.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn listen(listener: &str, format: Option<&str>) -> Result<UnixListener, SocketError> {
    if let Some(other) = format.filter(|format| *format != "http-stream") {
        return Err(SocketError::Format(other.to_owned()));
    }
    let path = listener.strip_prefix("unix:").map(Path::new).filter(|path| path.is_absolute());
    let (Some(path), Some(name)) = (path, path.and_then(Path::file_name)) else {
        return Err(SocketError::Name(listener.to_owned()));
    };
    let mut hidden_name = std::ffi::OsString::from("phony");
    hidden_name.push(name);
    let hidden = path.with_file_name(&hidden_name);
    let failed = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| SocketError::System { doing, path, source }
    };
    // What a former process of this container left behind.
    for stale in [path, &hidden] {
        match fs::remove_file(stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", stale)(error)),
            _ => {}
        }
    }
    let socket = UnixListener::bind(&hidden).map_err(failed("listen on", &hidden))?;
    fs::set_permissions(&hidden, Permissions::from_mode(0o666)).map_err(failed("open to all users", &hidden))?;
    symlink(&hidden_name, path).map_err(failed("name", path))?;
    Ok(socket)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn variable(path: &Path) -> String {
        format!("unix:{}", path.display())
    }

    #[tokio::test]
    async fn the_name_is_a_link_within_its_folder_to_a_socket_that_all_may_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lsnr.sock");
        // A second time too: the first one's files are in the way.
        for _ in 0..2 {
            let _listener = listen(&variable(&path), Some("http-stream")).unwrap();
            assert_eq!(fs::read_link(&path).unwrap(), Path::new("phonylsnr.sock"));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
            tokio::net::UnixStream::connect(&path).await.unwrap();
        }
    }

    #[tokio::test]
    async fn who_is_no_agent_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let good = variable(&folder.path().join("lsnr.sock"));
        assert!(matches!(listen(&good, Some("json")), Err(SocketError::Format(_))));
        for name in ["", "tcp:1", "unix:relative", "unix:/"] {
            assert!(matches!(listen(name, None), Err(SocketError::Name(_))), "{name}");
        }
        let missing = variable(&folder.path().join("missing/lsnr.sock"));
        let long = variable(&folder.path().join("x".repeat(120)));
        for name in [missing, long] {
            let message = listen(&name, None).unwrap_err().to_string();
            assert!(message.starts_with("could not listen on /"), "{message}");
        }
    }
}
