//! The six functions: what they compute is what they compute natively.

use lab::Instance;
use native::{DirectoryStorage, NativeLab, NoFunctions};
use object::server::{AccessKey, RunningServer, ServeOptions, serve};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use workload::{Size, prepare, result_digest};

use crate::client::{post, request};
use crate::host::{Host, Kind};

/// Any seed will do.
const SEED: u64 = 7;

/// An S3 endpoint over a folder of its own.
pub(crate) struct Endpoint {
    pub(crate) folder: TempDir,
    server: Option<RunningServer>,
    runtime: Runtime,
}

impl Endpoint {
    pub(crate) fn start() -> Endpoint {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(serve(ServeOptions::new(folder.path(), AccessKey::generate()))).unwrap();
        Endpoint { folder, server: Some(server), runtime }
    }

    /// What an image is told of it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let server = self.server.as_ref().unwrap();
        vec![
            ("FAASBENCH_STORAGE".to_owned(), server.location(None).to_string()),
            ("AWS_ACCESS_KEY_ID".to_owned(), server.access_key().id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), server.access_key().secret().to_owned()),
        ]
    }

    /// A function with this storage.
    pub(crate) fn serve(&self, kind: Kind, function: &str) -> Box<dyn Host> {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        kind.serve_with_environment(function, &variables)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

/// The digest of what the native function answers.
fn native_digest(function: &str, event: &str, storage: &DirectoryStorage) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let instance = Instance {
        identifier: "native".to_owned(),
        invocation_index: 1,
        age_us: 0,
        platform: "test".to_owned(),
        engine: "native".to_owned(),
        arch: "x86_64".to_owned(),
        cores: 1,
        memory_limit_bytes: None,
    };
    let lab = NativeLab::new(storage, &NoFunctions, instance, scratch.path());
    let response = (workload::find(function).unwrap().handler)(&lab, event).unwrap();
    result_digest(&response).unwrap()
}

fn computes_the_same(function: &str) {
    let endpoint = Endpoint::start();
    let prepared = prepare(function, Size::Test, SEED, endpoint.folder.path()).unwrap();
    let event = prepared.event.to_string();
    let storage = DirectoryStorage::new(endpoint.folder.path()).unwrap();
    let expected = native_digest(function, &event, &storage);
    for kind in Kind::all() {
        let host = endpoint.serve(kind, function);
        let answer = post(host.address(), &event);
        assert_eq!(answer.status, 200, "{kind:?}: {answer:?}: {}", host.stderr());
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(result_digest(&answer.body).unwrap(), expected, "{kind:?}: {answer:?}");
    }
}

macro_rules! computes_the_same {
    ($function:ident) => {
        #[test]
        fn $function() {
            computes_the_same(stringify!($function));
        }
    };
}

artifacts::foreach_function!(computes_the_same);

#[test]
fn an_answer_tells_its_instance() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[("FAASBENCH_PLATFORM", "somewhere")]);
        let answer = post(host.address(), "{}");
        let (id, json) = (&answer.headers["x-instance-id"], answer.json());
        let record = &json["records"][json["identifier"].as_str().unwrap()];
        assert_eq!(record["instance_identifier"], id.as_str());
        assert_eq!(id.len(), 36);
        assert_eq!(answer.headers["x-instance-seq"], "0");
        assert_eq!((&record["platform"], &record["engine"]), (&"somewhere".into(), &"wasm".into()));
        assert_eq!(answer.headers["x-instance-uptime-us"].parse::<u64>().unwrap(), record["sandbox_age_us"]);
        assert_ne!(*id, post(host.address(), "{}").headers["x-instance-id"], "a host of one request per instance");
    }
}

#[test]
fn any_path_and_method_serves_and_health_paths_do_not() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        for path in ["/", "/_/health", "/healthz", "/__internal/health", "/_/ready", "/readyz", "/?a=b"] {
            let answer = request(host.address(), "GET", path, &[], b"");
            assert_eq!(answer.status, 200);
            assert!(matches!(answer.body.as_str(), "ok\n" | "ready\n"), "{path}: {answer:?}");
            assert!(!answer.headers.contains_key("x-instance-id"));
        }
        for (method, path) in [("PUT", "/"), ("POST", "/readyz"), ("GET", "/a/b?c"), ("DELETE", "/x"), ("POST", "/")] {
            let answer = request(host.address(), method, path, &[], b"");
            assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
            assert!(answer.json()["records"].is_object());
        }
    }
}

#[test]
fn sixty_four_requests_at_once_are_all_answered() {
    for kind in Kind::all() {
        let host = kind.serve("function1", &[]);
        let address = host.address();
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(move || post(address, "{\"sleep\": 0.05}"))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut ids: Vec<_> = answers.iter().map(|answer| answer.headers["x-instance-id"].clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!((answers.iter().filter(|answer| answer.status == 200).count(), ids.len()), (64, 64));
    }
}
