//! Starts a native image inside its limits.
//!
//! A host of many threads can't set limits between fork and exec; this small program does it in its own process and then
//! becomes the image. The standard streams and the environment are the image's already: it changes neither.
//!
//! `launcher probe namespaces|user-namespaces FOLDER`, `launcher probe landlock|seccomp` tell what this machine allows;
//! `launcher run OPTIONS -- IMAGE` starts. The options are at [`arguments::Plan`].

mod arguments;
mod failure;
mod files;
mod image;
mod mounts;
mod privileges;
mod probe;
mod system_calls;

use std::process::ExitCode;

/// The exit status when a limit could not be set, so that nothing was started.
const NOT_STARTED: u8 = 125;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match arguments.first().and_then(|word| word.to_str()) {
        Some("run") => {
            arguments::Plan::parse(&arguments[1..]).and_then(image::become_image).map(|never| match never {})
        }
        Some("probe") => probe::probe(&arguments[1..]).map(|found| println!("{found}")),
        _ => Err(failure::Failure::new("give `run` or `probe`")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("launcher: {failure}");
            ExitCode::from(NOT_STARTED)
        }
    }
}
