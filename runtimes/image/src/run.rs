//! The life of an image's process.

use std::os::fd::AsFd;
use std::process::ExitCode;

use lab::Handler;
use runtime::{OpenStorage, Settings};
use rustix::fs::{FileType, fstat};

use crate::detect::{Surroundings, detect};
use crate::serve::{ServeError, Start, serve};
use crate::tools::{cat, is_healthy};

/// The exit status for settings that can't be used, as for a wrong command line.
const UNUSABLE: u8 = 2;
/// The exit status of a process that SIGTERM ended before it was done.
const TERMINATED: u8 = 128 + 15;
/// Threads beside those of the invocations, for names to be resolved.
const OTHER_THREADS: usize = 8;

/// Serves the function of `handler` until its platform ends it, and returns the exit status: 0 when all that was begun was
/// finished, 1 when the protocol failed, 2 for settings that can't be used, 143 when the grace was over.
///
/// Started as `cat`, or with `--hc ADDRESS:PORT/PATH`, it does what these do in a container that holds nothing else.
pub fn run(handler: Handler) -> ExitCode {
    run_with(handler, None)
}

/// As [`run`], for a function that works on objects: `open_storage` reaches those that are not in a directory.
pub fn run_with_storage(handler: Handler, open_storage: OpenStorage) -> ExitCode {
    run_with(handler, Some(open_storage))
}

fn run_with(handler: Handler, open_storage: Option<OpenStorage>) -> ExitCode {
    let mut arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let own_name = arguments.next().unwrap_or_default();
    let arguments: Vec<_> = arguments.collect();
    if own_name.rsplit('/').next() == Some("cat") {
        return finished("cat", cat(&arguments).map(|()| true));
    }
    if let [flag, target] = arguments.as_slice()
        && flag == "--hc"
    {
        return finished("the health check", is_healthy(target));
    }
    let variable = |name: &str| std::env::var(name).ok();
    let settings = match Settings::read(&variable) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(UNUSABLE);
        }
    };
    // Before anything else opens a file, as that could be given the same number.
    #[cfg(feature = "openwhisk")]
    let result_pipe = variable("__OW_ACTION_NAME").and_then(|_| openwhisk_protocol::result_pipe());
    #[cfg(not(feature = "openwhisk"))]
    let result_pipe = None;
    let protocol = detect(&Surroundings {
        arguments: &arguments,
        variable: &variable,
        input_is_written: is_piped(std::io::stdin()),
        output_is_read: is_piped(std::io::stdout()),
        has_result_pipe: result_pipe.is_some(),
    });
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_all().max_blocking_threads(settings.concurrency + OTHER_THREADS).build();
    let tokio = match built {
        Ok(tokio) => tokio,
        Err(error) => {
            eprintln!("could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome =
        tokio.block_on(serve(Start { handler, open_storage, protocol, settings, result_pipe, variable: &variable }));
    // A function that still runs is not waited for: the process ends with it.
    tokio.shutdown_background();
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(TERMINATED),
        Err(ServeError::NoResponse) => ExitCode::FAILURE,
        Err(error @ ServeError::Failed { .. }) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(error @ ServeError::Unusable(_)) => {
            eprintln!("{error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn finished(what: &str, result: std::io::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{what} failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether a stream is a pipe or a socket.
fn is_piped(stream: impl AsFd) -> bool {
    fstat(stream)
        .is_ok_and(|status| matches!(FileType::from_raw_mode(status.st_mode), FileType::Fifo | FileType::Socket))
}
