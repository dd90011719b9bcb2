//! The native image of the lab function `thumbnailer`.

fn main() -> std::process::ExitCode {
    images::run(thumbnailer::handle)
}
