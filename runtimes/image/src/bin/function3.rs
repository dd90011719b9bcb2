//! The native image of the lab function `function3`.

fn main() -> std::process::ExitCode {
    images::run(function3::handle)
}
