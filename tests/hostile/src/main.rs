//! The native image of the hostile function, which can misbehave at its start too.

use std::process::ExitCode;
use std::time::Duration;

/// Asks for trouble at the start: `exit`, or `never-ready`.
const AT_START: &str = "HOSTILE_AT_START";
/// What [`hostile`] starts its own binary with to have one more process: it sleeps that many seconds and ends.
const LINGER: &str = "--linger";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(LINGER) {
        let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1);
        std::thread::sleep(Duration::from_secs(seconds));
        return ExitCode::SUCCESS;
    }
    match std::env::var(AT_START).as_deref() {
        Ok("exit") => {
            eprintln!("hostile: ends at its start, as it was asked to");
            ExitCode::from(3)
        }
        Ok("never-ready") => {
            println!("hostile: will never listen, as it was asked to");
            loop {
                std::thread::sleep(Duration::from_secs(3600));
            }
        }
        _ => images::run(hostile::handle),
    }
}
