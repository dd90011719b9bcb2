//! Cold starts on demand, and other numbers of instances.

use std::sync::atomic::Ordering;
use std::time::Duration;

use platform::{Invocation, Platform, Scale};

use crate::pretended::{stage, until};

#[tokio::test(start_paused = true)]
async fn after_a_forced_cold_start_the_next_invocation_is_cold() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { maximum_instances: Some(3), ..Scale::default() }).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    let busy = tokio::spawn(async move { platform.invoke(&other, &Invocation::new("2")).await });
    until("the busy one", || stage.alive() == 1).await;
    stage.invoke(&deployment, "0").await.unwrap();
    assert_eq!(stage.alive(), 2);
    stage.platform.force_cold(&deployment).await.unwrap();
    // The idle one is gone, the busy one finishes what it took.
    assert_eq!(stage.alive(), 1);
    assert!(stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().is_cold());
    let finished = busy.await.unwrap().unwrap().instance.unwrap();
    until("the end of the busy one", || stage.alive() == 1).await;
    let next = stage.invoke(&deployment, "0").await.unwrap().instance.unwrap();
    assert_ne!(next.id, finished.id);
    assert_eq!(next.invocation_index, 2);
}

#[tokio::test(start_paused = true)]
async fn a_raised_maximum_serves_those_who_wait_and_a_lowered_one_ends_idle_instances() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { maximum_instances: Some(1), queue: Some(9), ..Scale::default() }).await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            tokio::spawn(async move { platform.invoke(&deployment, &Invocation::new("10")).await })
        })
        .collect();
    until("one call", || stage.alive() == 1).await;
    stage.platform.scale(&deployment, &Scale { maximum_instances: Some(4), ..Scale::default() }).await.unwrap();
    until("all calls", || stage.alive() == 4).await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    stage.platform.scale(&deployment, &Scale { maximum_instances: Some(1), ..Scale::default() }).await.unwrap();
    until("the end of the others", || stage.alive() == 1).await;
    stage.platform.scale(&deployment, &Scale { concurrency: Some(2), ..Scale::default() }).await.unwrap();
    let deployed = stage.platform.deployment("f").unwrap();
    assert_eq!((deployed.spec.scale.concurrency, deployed.spec.scale.maximum_instances), (Some(2), Some(1)));
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().status, 200);
    assert!(stage.counts.most_alive.load(Ordering::SeqCst) <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_raised_minimum_is_started_and_kept() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { maximum_instances: Some(4), ..Scale::default() }).await;
    assert_eq!(stage.alive(), 0);
    stage.platform.scale(&deployment, &Scale { minimum_instances: Some(3), ..Scale::default() }).await.unwrap();
    until("the minimum", || stage.alive() == 3).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.alive(), 3);
    stage.platform.scale(&deployment, &Scale { minimum_instances: Some(0), ..Scale::default() }).await.unwrap();
    until("none", || stage.alive() == 0).await;
}
