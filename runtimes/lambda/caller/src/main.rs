//! Started by a native image on Lambda with a listening unix socket as its standard input.

use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::process::ExitCode;

use lambda_caller::{Caller, CallerError};
use rustix::process::{Signal, set_parent_process_death_signal};

fn main() -> ExitCode {
    // It serves nobody else, and ends with who started it. Where the kernel refuses, the instance's end is its own.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faasbench-caller: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), CallerError> {
    let socket = UnixListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let caller = Caller::new(&|name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(caller.serve(socket)).map(|_| ())
}
