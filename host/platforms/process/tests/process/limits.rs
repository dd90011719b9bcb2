//! What an instance is given, it can't exceed; neighbours don't notice, and the caller is told which limit it was.

use std::time::{Duration, Instant};

use local_platform::Driver;
use platform::PlatformError;

use crate::support::{Ground, Running, assert_limit, eventually, json, spec};

/// Runs a deed beside a neighbour, which serves on.
async fn beside_a_neighbour(event: &str, time: Duration) -> (local_platform::Served, Running, Ground) {
    let ground = Ground::new();
    let prepared = ground.prepare(&spec()).await;
    let (running, neighbour) = tokio::join!(ground.start_of(&*prepared), ground.start_of(&*prepared));
    let (served, beside) = tokio::join!(running.call_within(event, time), neighbour.call(r#"{"do":"echo"}"#));
    assert_eq!(beside.status, 200);
    let after = neighbour.call(r#"{"do":"count"}"#).await;
    assert_eq!((after.status, after.instance.unwrap().invocation_index), (200, 2));
    neighbour.instance.stop().await;
    (served, running, ground)
}

async fn assert_ended(running: &Running, ground: &Ground, words: &str) {
    let exit = running.instance.ended().await;
    assert!(exit.reason.contains(words), "{}", exit.reason);
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn memory() {
    let (served, running, ground) = beside_a_neighbour(r#"{"do":"allocate"}"#, Duration::from_secs(20)).await;
    assert_limit(&served, 413, "memory limit of 67108864 bytes");
    assert_ended(&running, &ground, "memory limit").await;
}

#[tokio::test]
async fn memory_that_is_given_can_be_used() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let served = running.call(r#"{"do":"allocate","bytes":40000000}"#).await;
    assert_eq!(served.status, 200, "{served:?}");
    let peak = served.peak_memory_bytes.unwrap();
    assert!((40_000_000..=64 << 20).contains(&peak), "{peak}");
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn time_whatever_it_does() {
    for deed in ["loop", "sleep"] {
        let event = format!(r#"{{"do":"{deed}"}}"#);
        let begin = Instant::now();
        let (served, running, ground) = beside_a_neighbour(&event, Duration::from_millis(300)).await;
        assert_limit(&served, 504, "deadline");
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert_ended(&running, &ground, "deadline").await;
    }
}

#[tokio::test]
async fn scratch() {
    let (served, running, ground) = beside_a_neighbour(r#"{"do":"fill-disk"}"#, Duration::from_secs(20)).await;
    assert!(!served.status.to_string().starts_with('2'), "{served:?}");
    let body = json(&served);
    assert_eq!((served.status, &body["error"]["type"]), (413, &"limit".into()), "{body}");
    assert!(!served.is_usable);
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn scratch_of_one_that_does_not_give_up() {
    let event = r#"{"do":"fill-disk","stubborn":true}"#;
    let (served, running, ground) = beside_a_neighbour(event, Duration::from_secs(2)).await;
    assert!(matches!(served.status, 413 | 504), "{served:?}");
    assert!(!served.is_usable);
    running.instance.ended().await;
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn files_without_number() {
    for deed in ["create-files", "open-files"] {
        let event = format!(r#"{{"do":"{deed}"}}"#);
        let (served, running, ground) = beside_a_neighbour(&event, Duration::from_secs(20)).await;
        assert!(served.status >= 400, "{served:?}");
        running.instance.stop().await;
        ground.remove_all().await;
    }
}

#[tokio::test]
async fn printed_bytes() {
    for stream in ["stdout", "stderr"] {
        let event = format!(r#"{{"do":"print","stream":"{stream}"}}"#);
        let (served, running, ground) = beside_a_neighbour(&event, Duration::from_secs(20)).await;
        assert_limit(&served, 413, "printed more than the limit of 65536 bytes");
        let passed: usize = running.lines.lock().unwrap().iter().map(|(_, line)| line.len()).sum();
        assert!(passed < 200_000, "{passed}");
        assert_ended(&running, &ground, "printed").await;
    }
}

#[tokio::test]
async fn printing_within_the_limit_of_each_invocation_is_no_offence() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    for _ in 0..4 {
        assert_eq!(running.call(r#"{"do":"print","bytes":50000}"#).await.status, 200);
        // Its last bytes are counted before the next one begins.
        let all = || running.lines.lock().unwrap().iter().map(|(_, line)| line.len() + 1).sum::<usize>() % 50_000;
        eventually(|| all() < 100).await;
    }
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn processes_are_refused_and_threads_are_bounded() {
    let ground = Ground::new();
    let running = ground.start(&spec()).await;
    let served = running.call(r#"{"do":"fork","count":10,"seconds":1}"#).await;
    assert_eq!((served.status, &json(&served)["started"]), (200, &0.into()), "{served:?}");
    let served = running.call(r#"{"do":"threads","count":5000,"seconds":1}"#).await;
    match served.status {
        200 => assert!(json(&served)["started"].as_u64().unwrap() < 200, "{served:?}"),
        _ => assert_limit(&served, 413, "threads"),
    }
    running.instance.stop().await;
    ground.remove_all().await;
}

#[tokio::test]
async fn a_share_of_processors() {
    let ground = Ground::new();
    let mut spec = spec();
    spec.limits.cpus = Some(0.2);
    if !ground.driver.capabilities().cpu_limit {
        let refused = ground.try_prepare(&spec).await.err().unwrap();
        assert!(matches!(refused, PlatformError::Invalid(_)), "{refused}");
        eprintln!("skipped: no share of processors can be kept here: {refused}");
        return;
    }
    let running = ground.start(&spec).await;
    let [pid] = running.instance.processes()[..] else { panic!("one process") };
    let (begin, before) = (Instant::now(), processor_time(pid));
    assert_eq!(running.call(r#"{"do":"loop","seconds":1}"#).await.status, 200);
    let used = (processor_time(pid) - before).as_secs_f64() / begin.elapsed().as_secs_f64();
    // It may not be given all of its share on a busy machine, but never much more.
    assert!(used < 0.3, "{used}");
    running.instance.stop().await;
    ground.remove_all().await;
}

/// Processor time that a process has used.
fn processor_time(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // Its user and system time, in the kernel's ticks of 10 ms.
    let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(10 * ticks)
}

#[tokio::test]
async fn an_answer_is_taken_up_to_its_limit() {
    let ground = Ground::new();
    let mut spec = spec();
    spec.limits.memory_bytes = Some(512 << 20);
    let running = ground.start(&spec).await;
    let served = running.call(r#"{"do":"big-answer","bytes":1000000}"#).await;
    assert_eq!((served.status, served.body.len()), (200, 1_000_000));
    let served = running.call(r#"{"do":"big-answer","bytes":40000000}"#).await;
    assert_limit(&served, 413, "answer");
    running.instance.ended().await;
    ground.remove_all().await;
}
