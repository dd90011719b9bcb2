//! Started by a native image with a listening unix socket as its standard input.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::thread;

use nested_caller::{Caller, CallerError};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, getppid, pidfd_open};

fn main() -> ExitCode {
    // Before anything else, as who started it may end.
    if let Some(parent) = getppid().and_then(|parent| pidfd_open(parent, PidfdFlags::empty()).ok()) {
        thread::spawn(move || end_with(&parent));
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faasbench-caller: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Ends with the process that started this: it serves nobody else. Not by the kernel's own signal for that, which is sent when the
/// thread ends that started it.
fn end_with(parent: &OwnedFd) {
    loop {
        match poll(&mut [PollFd::new(parent, PollFlags::IN)], None) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => std::process::exit(0),
            Err(_) => return,
        }
    }
}

fn serve() -> Result<(), CallerError> {
    let socket = UnixListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let caller = Caller::new(&|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(caller.serve(socket)).map(|_| ())
}
