//! How long an image takes from the start of its process to its first answer.
//!
//! `cargo bench -p images --bench start --profile image --target x86_64-unknown-linux-musl -- [STARTS]`
//!
//! Each start is a process of its own, ended before the next: exec, the protocol's detection, the listening socket, one HTTP
//! request with the empty event and its whole answer. The clock starts before the process is made; connecting is tried again
//! every 20 us until it succeeds, so that much may be too much.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 300;
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_micros(20);

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let starts = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(STARTS).max(1);
    let mut times_us = Vec::with_capacity(starts);
    for _ in 0..starts {
        match start() {
            Ok(time) => times_us.push(time.as_micros()),
            Err(error) => {
                eprintln!("a start failed: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    times_us.sort_unstable();
    let at = |percent: usize| times_us[(times_us.len() * percent / 100).min(times_us.len() - 1)];
    println!("start to first answer, us, of {starts}: least {} p50 {} p90 {} p99 {}", at(0), at(50), at(90), at(99));
    ExitCode::SUCCESS
}

/// A process that is ended with its start's measurement.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> std::io::Result<Duration> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_function1"));
    command.env_clear().env("FAASBENCH_LISTEN", address.to_string());
    command.env("FAASBENCH_SCRATCH", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null()).stdout(Stdio::null());
    let begin = Instant::now();
    let _process = Ended(command.spawn()?);
    let mut stream = connect(address, begin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let time = begin.elapsed();
    if answer.starts_with(b"HTTP/1.1 200") { Ok(time) } else { Err(std::io::Error::other("the answer is not 200")) }
}

fn connect(address: SocketAddr, begin: Instant) -> std::io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address) {
            Err(_) if begin.elapsed() < PATIENCE => std::thread::sleep(RETRY),
            connected => return connected,
        }
    }
}
