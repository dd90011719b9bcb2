//! How long an image takes from its start to its first answer: bare, and in the driver's sandbox with all limits.
//!
//! `cargo bench -p process-platform --bench start -- IMAGE [STARTS]`
//!
//! One start of each kind follows the other. Bare: a listening socket is made, the image started with it as its standard
//! input, one request with the empty event sent and its answer read. In the sandbox: the driver starts an instance, which is
//! when it says that it can serve, and then invokes it. Warm calls go to that instance afterwards.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails has nothing else to tell")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image_kind::{Image, ImageKind};
use local_platform::{CallOthers, Driver, StartRequest, Surroundings};
use native::DirectoryStorage;
use platform::{DeploymentId, DeploymentSpec, Invocation, Limits, MemoryLedger, Scale};
use process_platform::{Mechanism, ProcessDriver};
use sha2::{Digest, Sha256};

const STARTS: usize = 200;
const WARM_CALLS: usize = 20;

struct NoOthers;

#[async_trait::async_trait]
impl CallOthers for NoOthers {
    async fn call(&self, name: &str, _: Invocation) -> Result<String, lab::Error> {
        Err(lab::Error::internal(format!("nobody calls {name} from here")))
    }
}

fn main() {
    // Cargo adds `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let Some(image) = arguments.next().map(PathBuf::from).filter(|path| path.exists()) else {
        eprintln!("give the path of a native image");
        return;
    };
    let starts = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(STARTS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(compare(&image, starts));
}

async fn compare(image: &Path, starts: usize) {
    let folder = tempfile::tempdir().unwrap();
    let all = ProcessDriver::new().unwrap();
    let less = ProcessDriver::new().unwrap().without(Mechanism::Namespaces);
    let least = ProcessDriver::new().unwrap().without(Mechanism::Namespaces).without(Mechanism::ControlGroups);
    let ledger = Arc::new(MemoryLedger::new());
    let mut kinds = Vec::new();
    for (name, driver) in [("sandbox", all), ("without namespaces", less), ("and without groups", least)] {
        let (spec, surroundings) = (spec(image, driver.defaults().1), surroundings(folder.path()));
        let prepared = driver.prepare(&spec, &surroundings, &*ledger).await.unwrap();
        kinds.push((name, driver, prepared, Vec::new(), Vec::new(), Vec::new()));
    }
    let mut bare = Vec::new();
    for number in 0..starts {
        bare.push(start_bare(image, &folder.path().join(format!("{number}.sock")), folder.path()));
        for (_, _, prepared, ready, first, warm) in &mut kinds {
            let begin = Instant::now();
            let request = StartRequest { id: format!("i{number}"), log: Arc::new(|_, _| ()), ledger: ledger.clone() };
            let instance = prepared.start(request).await.unwrap();
            ready.push(begin.elapsed());
            let call = || async {
                let served = instance.invoke(&Invocation::new("{}"), Instant::now() + Duration::from_secs(10)).await;
                assert_eq!(served.status, 200, "{served:?}");
            };
            call().await;
            first.push(begin.elapsed());
            for _ in 0..WARM_CALLS {
                let begin = Instant::now();
                call().await;
                warm.push(begin.elapsed());
            }
            instance.stop().await;
        }
    }
    println!("{} of {} bytes, {starts} starts of each kind", image.display(), fs::metadata(image).unwrap().len());
    print("bare: start to first answer", &mut bare);
    for (name, driver, _, mut ready, mut first, mut warm) in kinds {
        print(&format!("{name}: start until it can serve"), &mut ready);
        print(&format!("{name}: start to first answer"), &mut first);
        print(&format!("{name}: warm call"), &mut warm);
        drop(driver);
    }
    let driver = ProcessDriver::new().unwrap();
    for entry in ledger.entries() {
        driver.remove(&entry.resource).await.unwrap();
    }
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_micros();
    println!("{what}, us, of {}: least {} p50 {} p95 {}", times.len(), at(0), at(50), at(95));
}

fn start_bare(image: &Path, socket: &Path, scratch: &Path) -> Duration {
    let begin = Instant::now();
    let listener = UnixListener::bind(socket).unwrap();
    let mut command = Command::new(image);
    command.env_clear().env("FAASBENCH_LISTEN", "fd:0").env("FAASBENCH_SCRATCH", scratch);
    command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let time = begin.elapsed();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(socket).unwrap();
    time
}

fn spec(image: &Path, limits: Limits) -> DeploymentSpec {
    let bytes = fs::read(image).unwrap();
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
    let image = Image {
        function: "function1".to_owned(),
        kind: ImageKind::Binary,
        path: image.to_owned(),
        digest: digest.clone(),
        code_digest: digest,
        bytes: bytes.len() as u64,
        code_bytes: bytes.len() as u64,
        architecture: std::env::consts::ARCH.to_owned(),
    };
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".to_owned(),
        name: "function1".to_owned(),
        image,
        scale: Scale::default(),
        limits,
        environment: BTreeMap::new(),
    }
}

fn surroundings(folder: &Path) -> Surroundings {
    let storage = folder.join("storage");
    Surroundings {
        storage: Arc::new(DirectoryStorage::new(&storage).unwrap()),
        storage_location: storage.to_str().unwrap().to_owned(),
        others: Arc::new(NoOthers),
        others_socket: folder.join("others.sock"),
        state: folder.to_owned(),
    }
}
