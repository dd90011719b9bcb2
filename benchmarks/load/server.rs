//! A server that answers at once, on a thread with a core of its own, and remembers when requests came.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustix::thread::{CpuSet, sched_setaffinity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The server's core; the generators have [`crate::tools::CORE`].
const CORE: usize = 0;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
/// So many times are kept.
const KEPT: usize = 1 << 16;

/// A running server.
pub(crate) struct Server {
    address: std::net::SocketAddr,
    times: Arc<Mutex<Vec<Instant>>>,
}

impl Server {
    pub(crate) fn start() -> anyhow::Result<Server> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let times = Arc::new(Mutex::new(Vec::with_capacity(KEPT)));
        let kept = times.clone();
        std::thread::spawn(move || {
            pin(CORE);
            runtime.block_on(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, kept.clone()));
                }
            });
        });
        Ok(Server { address, times })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn forget(&self) {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How far each request was from an even schedule, us, early or late; the schedule's beginning is where half are late.
    pub(crate) fn off_schedule_us(&self, rate: u32) -> Vec<f64> {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(first) = times.first() else { return Vec::new() };
        let off = times.iter().enumerate().map(|(index, time)| {
            time.duration_since(*first).as_secs_f64() * 1e6 - index as f64 * 1e6 / f64::from(rate)
        });
        let off: Vec<f64> = off.collect();
        let begin = crate::median(off.clone());
        off.into_iter().map(|off| (off - begin).abs()).collect()
    }
}

/// Keeps this thread on one core, where there are several.
pub(crate) fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // On a machine with one core all share it.
    let _ = sched_setaffinity(None, &set);
}

async fn serve(mut stream: TcpStream, times: Arc<Mutex<Vec<Instant>>>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let Some(length) = request_length(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            if times.len() < KEPT {
                times.push(Instant::now());
            }
        }
        buffer.drain(..length);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// Bytes of the whole request at the beginning; `None`: there is more to come.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?.to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    (buffer.len() >= head + body).then_some(head + body)
}
