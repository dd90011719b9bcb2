//! The native image of the lab function `function2`.

fn main() -> std::process::ExitCode {
    images::run(function2::handle)
}
