//! The native image of the lab function `thumbnailer`.

fn main() -> std::process::ExitCode {
    images::run_with_storage(thumbnailer::handle, cloud_storage::open)
}
