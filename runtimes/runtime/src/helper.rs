//! The program that carries nested calls where an image can't by itself: where they need TLS or a signature.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use lab::{Error, ErrorKind};

/// Started at the first call, as most invocations make none; and again when it has ended.
#[derive(Debug)]
pub(crate) struct Helper {
    program: PathBuf,
    socket: PathBuf,
    running: Mutex<Option<Child>>,
}

impl Helper {
    pub(crate) fn new(program: PathBuf, socket: PathBuf) -> Helper {
        Helper { program, socket, running: Mutex::new(None) }
    }

    /// Starts it unless it runs. It can be called as soon as this returns: its socket is listening already.
    ///
    /// # Errors
    /// When it can't be started.
    pub(crate) fn start(&self) -> Result<(), Error> {
        // Nothing in here panics half way.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose end can't be told, as where children are waited for by somebody else, is taken to run.
        if let Some(child) = running.as_mut()
            && !matches!(child.try_wait(), Ok(Some(_)))
        {
            return Ok(());
        }
        *running = None;
        let launched = self.launch().map_err(|error| {
            let message = format!("{}, which carries nested calls, can't be started: {error}", self.program.display());
            Error::new(ErrorKind::Unavailable, message)
        })?;
        *running = Some(launched);
        Ok(())
    }

    fn launch(&self) -> io::Result<Child> {
        // What a former one left behind.
        let _ = std::fs::remove_file(&self.socket);
        let listener = UnixListener::bind(&self.socket)?;
        // It ends with this process by itself.
        Command::new(&self.program).stdin(Stdio::from(OwnedFd::from(listener))).spawn()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use super::*;

    /// The processes that it was, one a line.
    fn begun(file: &Path, wanted: usize) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.len() >= wanted || Instant::now() >= deadline {
                return lines;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn one_that_ended_is_started_again_and_one_that_runs_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (program, file, end) = (folder.path().join("p"), folder.path().join("begun"), folder.path().join("end"));
        // It runs until the file is there.
        let script = format!(
            "#!/bin/sh\necho $$ >> {}\nwhile [ -d {} ] && [ ! -e {} ]; do sleep 0.01; done\n",
            file.display(),
            folder.path().display(),
            end.display()
        );
        // By another process: a file that this one has open for writing, and a child of another test for a moment, can't be run.
        let write = ["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""];
        assert!(Command::new("sh").args(write).arg(&program).arg(script).status().unwrap().success());
        let helper = Helper::new(program, folder.path().join("calls.sock"));
        helper.start().unwrap();
        assert_eq!(begun(&file, 1).len(), 1);
        helper.start().unwrap();
        assert_eq!(begun(&file, 1).len(), 1, "it runs");
        std::fs::write(&end, "").unwrap();
        helper.running.lock().unwrap().as_mut().unwrap().wait().unwrap();
        helper.start().unwrap();
        assert_eq!(begun(&file, 2).len(), 2, "it had ended");
        // The new one finds that it is to end.
        helper.running.lock().unwrap().as_mut().unwrap().wait().unwrap();
    }

    #[test]
    fn one_that_could_not_be_started_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("p");
        let helper = Helper::new(program.clone(), folder.path().join("calls.sock"));
        assert!(helper.start().unwrap_err().message.contains("can't be started"));
        std::os::unix::fs::symlink("/bin/true", &program).unwrap();
        helper.start().unwrap();
        helper.running.lock().unwrap().as_mut().unwrap().wait().unwrap();
    }
}
