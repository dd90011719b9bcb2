//! The `faasbench` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Taken first of all: for a worker it ends the phase that is called process start.
    let main_monotonic_ns = faasbench::probe::clock::monotonic_ns();
    faasbench::cli::main(main_monotonic_ns)
}
