//! The native image of the lab function `function1`.

fn main() -> std::process::ExitCode {
    images::run(function1::handle)
}
