//! How instances come and go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use local_platform::InstanceChange;
use platform::{Invocation, Limits, Platform, PlatformError, Readiness, Scale};
use tokio::time::Instant;

use crate::pretended::{slow_stage, spec, stage, until};

#[tokio::test(start_paused = true)]
async fn an_idle_instance_ends_when_its_time_is_over_and_not_before() {
    let stage = stage();
    let scale = Scale { keep_alive: Some(Duration::from_secs(5)), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    stage.invoke(&deployment, "0").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    // It is used again, so its time begins again.
    assert!(!stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().is_cold());
    let idle_since = Instant::now();
    tokio::time::sleep(Duration::from_millis(4_990)).await;
    assert_eq!(stage.alive(), 1);
    until("its end", || stage.alive() == 0).await;
    let late = idle_since.elapsed() - Duration::from_secs(5);
    assert!(late < Duration::from_millis(5), "{late:?} late");
    assert!(stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().is_cold());
}

#[tokio::test(start_paused = true)]
async fn with_a_keep_alive_time_of_zero_each_invocation_has_an_instance_of_its_own() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { keep_alive: Some(Duration::ZERO), ..Scale::default() }).await;
    let mut identities = Vec::new();
    for _ in 0..5 {
        let instance = stage.invoke(&deployment, "0").await.unwrap().instance.unwrap();
        assert!(instance.is_cold());
        identities.push(instance.id);
        assert_eq!(stage.alive(), 0);
    }
    identities.dedup();
    assert_eq!(identities.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_minimum_is_there_before_anybody_asks_and_is_replaced_when_it_dies() {
    let stage = slow_stage(Duration::from_millis(300), Duration::ZERO);
    let scale = Scale { minimum_instances: Some(2), maximum_instances: Some(3), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    assert_eq!(stage.alive(), 2);
    let begin = Instant::now();
    let answer = stage.invoke(&deployment, "0").await.unwrap();
    assert_eq!((begin.elapsed(), answer.timings.start_instance_ns), (Duration::ZERO, None));
    // Long beyond any keep-alive time they are still there.
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(stage.alive(), 2);
    let victim = answer.instance.unwrap().id;
    stage.counts.deaths.lock().unwrap()[&victim].send(true).unwrap();
    until("another instance", || stage.counts.started.load(Ordering::SeqCst) == 3).await;
    until("the minimum", || stage.alive() == 2).await;
    let lines = stage.platform.logs(&deployment, 0).await.unwrap();
    assert!(lines.iter().any(|line| line.instance == victim && line.text.contains("signal 9")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_a_call_broke_serves_no_other() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { maximum_instances: Some(1), ..Scale::default() }).await;
    let first = stage.invoke(&deployment, "0 bad").await.unwrap().instance.unwrap();
    let second = stage.invoke(&deployment, "0").await.unwrap().instance.unwrap();
    assert_ne!(first.id, second.id);
    assert!(second.is_cold());
    assert_eq!(stage.alive(), 1);
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_maximum_even_while_one_takes_its_time_to_end() {
    let stage = slow_stage(Duration::from_millis(10), Duration::from_secs(1));
    let scale = Scale { maximum_instances: Some(2), queue: Some(100), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            let event = platform::Invocation::new("0.1 bad");
            tokio::spawn(async move { platform.invoke(&deployment, &event).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(stage.counts.most_alive.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn several_invocations_share_an_instance_up_to_its_concurrency() {
    let stage = stage();
    let scale = Scale { maximum_instances: Some(2), concurrency: Some(3), queue: Some(0), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            tokio::spawn(async move { platform.invoke(&deployment, &platform::Invocation::new("1")).await })
        })
        .collect();
    until("all calls", || stage.counts.order.lock().unwrap().len() == 6).await;
    assert!(matches!(stage.invoke(&deployment, "0").await, Err(PlatformError::Overloaded { .. })));
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(stage.alive(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_ends_at_its_start_is_told_and_tried_again_with_pauses() {
    let stage = stage();
    stage.counts.start_fails.store(true, Ordering::SeqCst);
    let spec = spec("f", Scale { minimum_instances: Some(1), ..Scale::default() });
    let deployment = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap();
    let error = stage.platform.wait_until_ready(&deployment, Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(&error, PlatformError::ExitedAtStart { .. }), "{error}");
    assert_eq!(stage.platform.status(&deployment).await.unwrap().readiness, Readiness::Failed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let tried = stage.counts.started.load(Ordering::SeqCst);
    assert!((5..20).contains(&tried), "{tried} starts within a minute");
    assert!(matches!(stage.invoke(&deployment, "0").await, Err(PlatformError::ExitedAtStart { .. })));
    stage.counts.start_fails.store(false, Ordering::SeqCst);
    until("the minimum", || stage.alive() == 1).await;
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_history_and_the_metrics_tell_of_every_instance() {
    let stage = stage();
    let scale = Scale { keep_alive: Some(Duration::from_secs(1)), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    let seen = stage.platform.history(&deployment, 0).unwrap().len();
    stage.invoke(&deployment, "2").await.unwrap();
    until("its end", || stage.alive() == 0).await;
    let history = stage.platform.history(&deployment, 0).unwrap();
    let changes: Vec<_> = history[seen..].iter().map(|event| (event.change, event.instances)).collect();
    assert_eq!(changes, [(InstanceChange::Started, 1), (InstanceChange::Ended, 0)]);
    let metrics = stage.platform.metrics(&deployment).await.unwrap();
    let value = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap().value;
    assert_eq!((value("invocations"), value("cold_invocations"), value("instances")), (1.0, 1.0, 0.0));
    assert_eq!(value("gigabyte_seconds"), 2.0);
    assert!((3.0..3.1).contains(&value("instance_seconds")), "{}", value("instance_seconds"));
}

#[tokio::test(start_paused = true)]
async fn instances_of_one_invocation_and_of_many_are_never_taken_for_each_other() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { keep_alive: Some(Duration::ZERO), ..Scale::default() }).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    let busy = tokio::spawn(async move { platform.invoke(&other, &Invocation::new("1")).await });
    until("the call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    let kept = Scale { keep_alive: Some(Duration::from_secs(10)), ..Scale::default() };
    stage.platform.scale(&deployment, &kept).await.unwrap();
    let of_one = busy.await.unwrap().unwrap().instance.unwrap();
    let of_many = stage.invoke(&deployment, "0").await.unwrap().instance.unwrap();
    assert_ne!(of_one.id, of_many.id);
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().id, of_many.id);
    let single = Scale { keep_alive: Some(Duration::ZERO), ..Scale::default() };
    stage.platform.scale(&deployment, &single).await.unwrap();
    assert_ne!(stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().id, of_many.id);
    until("their end", || stage.alive() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_forgotten_with_the_first_instance_that_starts_for_somebody() {
    let stage = stage();
    stage.counts.start_fails.store(true, Ordering::SeqCst);
    let deployment = stage.platform.deploy(&spec("f", Scale::default()), &*stage.ledger).await.unwrap();
    stage.platform.wait_until_ready(&deployment, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(stage.platform.status(&deployment).await.unwrap().readiness, Readiness::Failed);
    stage.counts.start_fails.store(false, Ordering::SeqCst);
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().status, 200);
    assert_eq!(stage.platform.status(&deployment).await.unwrap().readiness, Readiness::Ready);
    stage.platform.wait_until_ready(&deployment, Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_all_sense_is_refused() {
    let stage = stage();
    let asked = [
        (Scale { maximum_instances: Some(10_001), ..Scale::default() }, "10001 instances at most"),
        (Scale { minimum_instances: Some(u32::MAX), ..Scale::default() }, "instances at least"),
        (Scale { concurrency: Some(1_001), ..Scale::default() }, "1001 invocations at once"),
        (Scale { queue: Some(u32::MAX), ..Scale::default() }, "invocations that wait"),
    ];
    for (scale, complaint) in asked {
        let error = stage.platform.deploy(&spec("f", scale), &*stage.ledger).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains(complaint), "{error}");
    }
    for time in [Duration::MAX, Duration::from_secs(86_401)] {
        let limits = Limits { time: Some(time), ..Limits::default() };
        let spec = platform::DeploymentSpec { limits, ..spec("f", Scale::default()) };
        let error = stage.platform.deploy(&spec, &*stage.ledger).await.unwrap_err();
        assert!(error.is_users() && error.to_string().contains("give 86400 s or less"), "{error}");
    }
}
