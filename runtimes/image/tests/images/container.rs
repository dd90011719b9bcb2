//! Plain HTTP, as in a container.

use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::process::{Running, eventually, free_port, get, image, named_image, post, post_unix};

#[test]
fn an_instance_has_one_identity_in_its_headers_and_its_records() {
    let port = free_port();
    let _running = Running::start(image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")));
    for sequence in 0..2_u64 {
        let answer = post(port, "/", "", "{}");
        assert_eq!(answer.status, 200);
        let record = answer.record();
        let identity = record["instance_identifier"].as_str().unwrap();
        assert!(answer.head.contains(&format!("x-instance-id: {identity}")), "{}", answer.head);
        assert!(answer.head.contains(&format!("x-instance-seq: {sequence}")), "{}", answer.head);
        assert_eq!(record["invocation_index"], sequence + 1);
        assert_eq!((&record["is_cold"], &record["engine"]), (&(sequence == 0).into(), &"native".into()));
        assert_eq!((&record["platform"], &record["function_name"]), (&"process".into(), &"function1".into()));
    }
    assert_eq!(post(port, "/", "", "{\"sleep\": -1}").status, 400);
}

#[test]
fn an_invocation_that_was_taken_is_finished_after_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("function.sock");
    let running = Running::start(image().env("FAASBENCH_LISTEN", format!("unix:{}", socket.display())));
    eventually(|| UnixStream::connect(&socket).ok());
    let path = socket.clone();
    let taken = std::thread::spawn(move || post_unix(&path, "/", "", "{\"sleep\": 0.4}"));
    std::thread::sleep(Duration::from_millis(200));
    running.terminate();
    assert_eq!(taken.join().unwrap().status, 200);
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn without_work_sigterm_ends_it_and_its_scratch_folder_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let port = free_port();
    let running = Running::start(
        image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")).env("FAASBENCH_SCRATCH", scratch.path()),
    );
    assert_eq!(post(port, "/", "", "{}").status, 200);
    running.terminate();
    assert_eq!(running.wait().code(), Some(0));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn invocations_run_at_the_same_time_as_many_as_may_and_the_rest_are_refused() {
    let start = |concurrency: &str, queue: &str| {
        let port = free_port();
        let running = Running::start(
            image()
                .env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}"))
                .env("FAASBENCH_CONCURRENCY", concurrency)
                .env("FAASBENCH_QUEUE", queue),
        );
        assert_eq!(get(port, "/").status, 200);
        (port, running)
    };
    let ten = |port| -> Vec<u16> {
        let calls: Vec<_> =
            (0..10).map(|_| std::thread::spawn(move || post(port, "/", "", "{\"sleep\": 0.3}").status)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    };
    // As Google's conformance suite asks: ten at once take no more than twice the time of one.
    let (port, _running) = start("10", "0");
    let begin = Instant::now();
    assert_eq!(ten(port), [200; 10]);
    assert!(begin.elapsed() < Duration::from_millis(600), "{:?}", begin.elapsed());
    let (port, _running) = start("1", "1");
    let statuses = ten(port);
    let served = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 429).count();
    assert!(served >= 2 && served + refused == 10, "{statuses:?}");
}

#[test]
fn a_setting_that_can_not_be_used_is_told_at_the_start() {
    for (variable, value) in
        [("FAASBENCH_CONCURRENCY", "0"), ("FAASBENCH_LISTEN", "nowhere"), ("FAASBENCH_INVOKE_URL", "https://x/{name}")]
    {
        let output = image().env(variable, value).stderr(std::process::Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(variable));
    }
    let port = free_port();
    let _first = Running::start(image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")));
    assert_eq!(get(port, "/").status, 200);
    let second = Running::start(image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")));
    assert_eq!(second.wait().code(), Some(1));
}

#[test]
fn it_is_its_own_health_check_and_its_own_cat() {
    let port = free_port();
    let check = |path: &str| image().args(["--hc", &format!("127.0.0.1:{port}{path}")]).status().unwrap().code();
    assert_eq!(check("/_/health"), Some(1));
    let _running = Running::start(image().env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}")));
    assert_eq!(get(port, "/_/health").status, 200);
    assert_eq!(check("/_/health"), Some(0));

    let folder = tempfile::tempdir().unwrap();
    let cat = folder.path().join("cat");
    std::os::unix::fs::symlink(image().get_program(), &cat).unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "locked").unwrap();
    let output = std::process::Command::new(&cat).arg(&file).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"locked".as_slice()));
    assert_eq!(std::process::Command::new(&cat).arg(folder.path().join("none")).status().unwrap().code(), Some(1));
}

#[test]
fn a_function_that_works_on_objects_finds_the_storage() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    std::fs::create_dir_all(storage.join("bucket/in")).unwrap();
    std::fs::write(storage.join("bucket/in/no.jpg"), "no picture").unwrap();
    let port = free_port();
    let _running = Running::start(
        named_image("thumbnailer")
            .env("FAASBENCH_LISTEN", format!("127.0.0.1:{port}"))
            .env("FAASBENCH_STORAGE", &storage),
    );
    let ask = |key: &str| {
        let event =
            format!(r#"{{"object":{{"key":"{key}"}},"bucket":{{"bucket":"bucket","input":"in","output":"out"}}}}"#);
        post(port, "/", "", &event).status
    };
    assert_eq!((ask("none.jpg"), ask("no.jpg")), (404, 400));
}
