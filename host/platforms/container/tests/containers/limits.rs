//! What an instance is given, it can't exceed.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::engines::{Engine, on_both};
use crate::scene::{LONG, Scene, answer, error, invoke, limits};

on_both!(
    memory_beyond_the_limit_ends_the_instance_and_its_neighbour_does_not_notice,
    time_beyond_the_limit_ends_the_instance,
    printing_for_ever_ends_the_instance,
    the_scratch_folder_has_a_size,
    nothing_else_can_be_written,
    there_is_no_network,
    processes_and_threads_are_bounded,
    an_answer_too_large_ends_the_instance,
    a_share_of_a_processor_holds,
);

async fn memory_beyond_the_limit_ends_the_instance_and_its_neighbour_does_not_notice(engine: &Engine) {
    let small = limits(|limits| limits.memory_bytes = Some(64 << 20));
    let Some(scene) = Scene::new(engine, "hostile", small).await else { return };
    let (greedy, neighbour) = (scene.start().await, scene.start().await);
    let working = json!({"do": "loop", "seconds": 1});
    let allocate = json!({"do": "allocate"});
    let (served, beside) = tokio::join!(invoke(&*greedy, &allocate, LONG), invoke(&*neighbour, &working, LONG),);
    answer(&beside);
    assert_eq!((served.status, served.is_usable), (413, false), "{:?}", error(&served));
    let (kind, message) = error(&served);
    assert_eq!(kind, "limit");
    assert!(message.contains("memory limit of 67108864 bytes"), "{message}");
    assert_eq!(greedy.ended().await.reason, "reached its memory limit");
    // The scratch folder is memory too, and as little of it may be taken.
    let full = invoke(&*neighbour, &json!({"do": "fill-disk", "bytes": 200 << 20}), LONG).await;
    assert_eq!(full.status, 413, "{:?}", error(&full));
    greedy.stop().await;
    neighbour.stop().await;
    scene.end().await;
}

async fn time_beyond_the_limit_ends_the_instance(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    for event in [json!({"do": "loop"}), json!({"do": "sleep"})] {
        let instance = scene.start().await;
        let process = instance.processes()[0];
        let begin = Instant::now();
        let served = invoke(&*instance, &event, Duration::from_millis(500)).await;
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        assert_eq!((served.status, served.is_usable), (504, false));
        assert_eq!(error(&served).0, "limit");
        instance.stop().await;
        assert!(!std::path::Path::new(&format!("/proc/{process}")).exists());
    }
    scene.end().await;
}

async fn printing_for_ever_ends_the_instance(engine: &Engine) {
    let chatty = limits(|limits| limits.log_bytes = Some(100_000));
    let Some(scene) = Scene::new(engine, "hostile", chatty).await else { return };
    for stream in ["stdout", "stderr"] {
        let instance = scene.start().await;
        let served = invoke(&*instance, &json!({"do": "print", "stream": stream}), LONG).await;
        assert_eq!((served.status, served.is_usable), (413, false));
        assert!(error(&served).1.contains("log limit of 100000 bytes"), "{:?}", error(&served));
        instance.stop().await;
    }
    let bytes: usize = scene.lines.lock().unwrap().iter().map(|(_, text)| text.len()).sum();
    assert!(bytes < 900_000, "{bytes} bytes were kept");
    // Less than the limit in each of several invocations is no trouble.
    let instance = scene.start().await;
    for _ in 0..3 {
        answer(&invoke(&*instance, &json!({"do": "print", "bytes": 60_000}), LONG).await);
    }
    instance.stop().await;
    scene.end().await;
}

async fn the_scratch_folder_has_a_size(engine: &Engine) {
    let small = limits(|limits| limits.scratch_bytes = Some(8 << 20));
    let Some(scene) = Scene::new(engine, "hostile", small).await else { return };
    let instance = scene.start().await;
    answer(&invoke(&*instance, &json!({"do": "fill-disk", "bytes": 4 << 20}), LONG).await);
    let served = invoke(&*instance, &json!({"do": "fill-disk", "bytes": 16 << 20}), LONG).await;
    assert_ne!(served.status, 200);
    let (_, message) = error(&served);
    assert!(message.contains("space"), "{message}");
    instance.stop().await;
    scene.end().await;
}

async fn nothing_else_can_be_written(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    if rustix::process::geteuid().is_root() {
        // An instance is who owns the storage: not root, then.
        std::os::unix::fs::chown(scene.folder.path().join("storage"), Some(65_532), Some(65_532)).unwrap();
    }
    let scene = Scene { prepared: scene.another("hostile").await, ..scene };
    let instance = scene.start().await;
    let paths = [
        "/x",
        "/fn",
        "/dev/shm/x",
        "/proc/sys/kernel/hostname",
        "/sys/fs/cgroup/x",
        "/etc/x",
        "/dev/x",
        "/run/x",
        "/var/tmp/x",
    ];
    let served = invoke(&*instance, &json!({"do": "write-outside", "paths": paths}), LONG).await;
    assert_eq!(answer(&served), json!({ "written": [] }));
    let outside = ["/root", "/home", "/etc/shadow", "/work", "/proc/1/root/work"];
    let served = invoke(&*instance, &json!({"do": "read-outside", "paths": outside}), LONG).await;
    assert_eq!(answer(&served), json!({ "read": [] }));
    instance.stop().await;
    scene.end().await;
}

async fn there_is_no_network(engine: &Engine) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    let port = listener.local_addr().unwrap().port();
    let served = invoke(&*instance, &json!({"do": "socket", "port": port}), LONG).await;
    assert_ne!(answer(&served)["tcp"], true);
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it came through");
    instance.stop().await;
    scene.end().await;
}

async fn processes_and_threads_are_bounded(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    for deed in ["fork", "threads"] {
        let instance = scene.start().await;
        let served = invoke(&*instance, &json!({"do": deed, "seconds": 60}), LONG).await;
        let answer = answer(&served);
        assert!(answer["started"].as_u64().unwrap() < 200, "{answer}");
        assert!(answer["refused"].is_string(), "{answer}");
        instance.stop().await;
    }
    scene.end().await;
}

async fn an_answer_too_large_ends_the_instance(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    let served = invoke(&*instance, &json!({"do": "big-answer", "bytes": 64 << 20}), LONG).await;
    assert_eq!((served.status, served.is_usable), (413, false));
    assert!(error(&served).1.contains("larger than"), "{:?}", error(&served));
    instance.stop().await;
    scene.end().await;
}

async fn a_share_of_a_processor_holds(engine: &Engine) {
    let share = limits(|limits| limits.cpus = Some(0.2));
    let Some(scene) = Scene::new(engine, "hostile", share).await else { return };
    let instance = scene.start().await;
    let process = instance.processes()[0];
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let before = ticks();
    answer(&invoke(&*instance, &json!({"do": "loop", "seconds": 2}), LONG).await);
    // 100 ticks are a second: 0.4 s of 2 s, and a period more at either end.
    let used = ticks() - before;
    assert!(used <= 75, "{used} ticks");
    instance.stop().await;
    scene.end().await;
}
