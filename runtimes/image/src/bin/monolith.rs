//! The native image of the lab function `monolith`.

fn main() -> std::process::ExitCode {
    images::run(monolith::handle)
}
