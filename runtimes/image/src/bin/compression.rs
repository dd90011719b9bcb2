//! The native image of the lab function `compression`.

fn main() -> std::process::ExitCode {
    images::run(compression::handle)
}
