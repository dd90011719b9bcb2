//! A directory against the S3 endpoint over it: 100 MB in and out, and the thumbnailer's image.
//!
//! `cargo bench -p object-storage`; with `THUMBNAILER` the path of its native image and `PHOTOGRAPH` that of a JPEG, the function too.
//! Both sides take turns; the figures are medians.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use native::{DirectoryStorage, Storage};
use object::server::{AccessKey, RunningServer, ServeOptions, serve};

const OBJECT_BYTES: usize = 100_000_000;
const TURNS: usize = 15;
const INVOCATIONS: usize = 60;
const BUCKET: &str = "faasbench";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let directory = DirectoryStorage::new(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let server = runtime.block_on(serve(ServeOptions::new(folder.path(), AccessKey::generate())))?;
    let key = server.access_key().clone();
    let variables = |name: &str| match name {
        "AWS_ACCESS_KEY_ID" => Some(key.id().to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(key.secret().to_owned()),
        _ => None,
    };
    let s3 = object::open_with(&server.location(None), &variables, object::Patience::default())?;
    let content: Vec<u8> = (0..OBJECT_BYTES).map(|index| (index / 251) as u8).collect();
    write(&directory, "warm", &content[..1000])?;
    let mut times = [const { Vec::new() }; 5];
    for _ in 0..TURNS {
        times[0].push(timed(|| write(&directory, "a", &content))?);
        times[1].push(timed(|| write(&*s3, "b", &content))?);
        times[2].push(timed(|| read(&directory, "a"))?);
        times[3].push(timed(|| read(&*s3, "a"))?);
        let bucket = folder.path().join(BUCKET);
        times[4].push(timed(|| std::fs::copy(bucket.join("a"), bucket.join("c")).map(|_| ()))?);
    }
    let names = ["directory, write", "S3 endpoint, write", "directory, read", "S3 endpoint, read", "std::fs::copy"];
    println!("{} MB, n = {TURNS}", OBJECT_BYTES / 1_000_000);
    for (name, times) in names.iter().zip(&mut times) {
        let median = median(times);
        let rate = OBJECT_BYTES as f64 / 1e6 / median.as_secs_f64();
        println!("{name:20} {:8.1} ms {rate:8.0} MB/s", median.as_secs_f64() * 1e3);
    }
    if let (Ok(image), Ok(photograph)) = (std::env::var("THUMBNAILER"), std::env::var("PHOTOGRAPH")) {
        write(&directory, "input/photograph.jpg", &std::fs::read(photograph)?)?;
        thumbnailer(Path::new(&image), folder.path(), &server)?;
    }
    runtime.block_on(server.stop());
    Ok(())
}

fn thumbnailer(image: &Path, folder: &Path, server: &RunningServer) -> Result<(), Box<dyn std::error::Error>> {
    let start = |storage: &str, socket: &Path| -> io::Result<Child> {
        Command::new(image)
            .env_clear()
            .env("FAASBENCH_STORAGE", storage)
            .env("FAASBENCH_LISTEN", format!("127.0.0.1:{}", port(socket)))
            .env("AWS_ACCESS_KEY_ID", server.access_key().id())
            .env("AWS_SECRET_ACCESS_KEY", server.access_key().secret())
            .stdin(Stdio::null())
            .spawn()
    };
    let mut directory = start(&folder.to_string_lossy(), Path::new("a"))?;
    let mut s3 = start(&server.location(None).to_string(), Path::new("b"))?;
    let mut times = [Vec::new(), Vec::new()];
    let mut first = [Duration::ZERO; 2];
    for turn in 0..=INVOCATIONS {
        for (side, name) in ["a", "b"].into_iter().enumerate() {
            let time = timed(|| invoke(port(Path::new(name))))?;
            if turn == 0 { first[side] = time } else { times[side].push(time) }
        }
    }
    for child in [&mut directory, &mut s3] {
        child.kill()?;
        child.wait()?;
    }
    println!("thumbnailer, n = {INVOCATIONS}");
    for (side, name) in ["directory", "S3 endpoint"].into_iter().enumerate() {
        let (median, first) = (median(&mut times[side]).as_secs_f64() * 1e3, first[side].as_secs_f64() * 1e3);
        println!("{name:20} {median:8.2} ms warm, {first:8.2} ms the first");
    }
    Ok(())
}

/// Ports of this run, apart by the side's name.
fn port(side: &Path) -> u16 {
    20_000 + (std::process::id() % 10_000) as u16 * 2 + u16::from(side == Path::new("b"))
}

fn invoke(port: u16) -> io::Result<()> {
    let body = r#"{"object":{"key":"photograph.jpg","width":200,"height":200},"bucket":{"bucket":"faasbench","input":"input","output":"output"}}"#;
    let begin = Instant::now();
    let mut stream = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break stream,
            Err(error) if begin.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let length = body.len();
    write!(stream, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(io::Error::other(answer)) }
}

fn write(storage: &dyn Storage, key: &str, content: &[u8]) -> io::Result<()> {
    let mut writer = storage.create(BUCKET, key)?;
    content.chunks(256 << 10).try_for_each(|piece| writer.write_all(piece))?;
    writer.finish()?;
    Ok(())
}

fn read(storage: &dyn Storage, key: &str) -> io::Result<()> {
    let mut reader = storage.open(BUCKET, key)?;
    let mut buffer = vec![0; 256 << 10];
    while reader.read(&mut buffer)? > 0 {}
    Ok(())
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
