//! The native image of the lab function `compression`.

fn main() -> std::process::ExitCode {
    images::run_with_storage(compression::handle, cloud_storage::open)
}
