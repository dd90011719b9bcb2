//! Waiting for an instance.

use std::sync::atomic::Ordering;
use std::time::Duration;

use platform::{Invocation, Platform, PlatformError, Scale};
use tokio::time::Instant;

use crate::pretended::{stage, until};

fn one_with_queue(queue: u32) -> Scale {
    Scale { maximum_instances: Some(1), queue: Some(queue), ..Scale::default() }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_served_in_the_order_of_their_coming() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(20)).await;
    let mut calls = Vec::new();
    for number in 1..=20 {
        let (platform, deployment) = (stage.platform.clone(), deployment.clone());
        let event = format!("0.{number:03}");
        calls.push(tokio::spawn(async move { platform.invoke(&deployment, &Invocation::new(event)).await }));
        tokio::task::yield_now().await;
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    let order = stage.counts.order.lock().unwrap().clone();
    let mut sorted = order.clone();
    sorted.sort();
    assert_eq!(order, sorted);
    assert_eq!(stage.counts.most_alive.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn one_more_than_the_queue_holds_is_refused_at_once() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(3)).await;
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            tokio::spawn(async move { platform.invoke(&deployment, &Invocation::new("5")).await })
        })
        .collect();
    while stage.platform.status(&deployment).await.unwrap().waiting != Some(3) {
        tokio::task::yield_now().await;
    }
    let begin = Instant::now();
    match stage.invoke(&deployment, "0").await {
        Err(PlatformError::Overloaded { name, waiting }) => assert_eq!((name.as_str(), waiting), ("f", 3)),
        other => panic!("{other:?}"),
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn ten_times_the_capacity_is_served_as_far_as_it_goes_and_the_rest_refused() {
    let stage = stage();
    let scale = Scale { maximum_instances: Some(4), queue: Some(6), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            tokio::spawn(async move { platform.invoke(&deployment, &Invocation::new("0.01")).await })
        })
        .collect();
    let (mut served, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(answer) => {
                assert_eq!(answer.status, 200);
                served += 1;
            }
            Err(PlatformError::Overloaded { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((served, refused), (10, 90));
    assert!(stage.counts.most_alive.load(Ordering::SeqCst) <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_leaves_the_queue_but_not_what_an_instance_has_taken() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(1)).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    let first = tokio::spawn(async move { platform.invoke(&other, &Invocation::new("2")).await });
    until("the first call", || stage.counts.order.lock().unwrap().len() == 1).await;
    let impatient = Invocation { patience: Some(Duration::from_millis(500)), ..Invocation::new("0") };
    let begin = Instant::now();
    let outcome = stage.platform.invoke(&deployment, &impatient).await;
    assert!(matches!(outcome, Err(PlatformError::NoAnswer { .. })), "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_millis(510));
    assert_eq!(stage.platform.status(&deployment).await.unwrap().waiting, Some(0));
    // The caller of the first is gone; its instance goes on and comes back.
    first.abort();
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().instance.unwrap().invocation_index, 2);
    assert_eq!(stage.counts.served.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_for_its_caller_is_none() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(1)).await;
    let impatient = Invocation { patience: Some(Duration::from_millis(500)), ..Invocation::new("2") };
    let outcome = stage.platform.invoke(&deployment, &impatient).await;
    assert!(matches!(outcome, Err(PlatformError::NoAnswer { .. })), "{outcome:?}");
    until("the end of the call", || stage.counts.served.load(Ordering::SeqCst) == 1).await;
    let status = stage.platform.status(&deployment).await.unwrap();
    assert_eq!(status.instances.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_begins_when_an_instance_takes_the_call() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(1)).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    let first = tokio::spawn(async move { platform.invoke(&other, &Invocation::new("20")).await });
    until("the first call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    // Waits for 20 s and computes for 20 s: neither is over the limit of 30 s.
    let second = stage.invoke(&deployment, "20").await.unwrap();
    assert_eq!(second.status, 200);
    let waited = Duration::from_nanos(second.timings.queue_ns.unwrap());
    assert!((19..21).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(first.await.unwrap().unwrap().status, 200);
    assert_eq!(stage.invoke(&deployment, "31").await.unwrap().status, 504);
}

#[tokio::test(start_paused = true)]
async fn calls_to_be_fetched_later_wait_behind_the_others_and_outside_of_the_queue() {
    let stage = stage();
    let deployment = stage.deploy("f", one_with_queue(1)).await;
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(stage.platform.invoke_async(&deployment, &Invocation::new("1")).await.unwrap());
    }
    until("the first call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    assert_eq!(stage.platform.take_result(&deployment, &calls[9]).await.unwrap(), None);
    let begin = Instant::now();
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().status, 200);
    assert!(begin.elapsed() < Duration::from_millis(1_100));
    until("the last call", || stage.counts.served.load(Ordering::SeqCst) == 11).await;
    tokio::task::yield_now().await;
    for call in &calls {
        let answer = stage.platform.take_result(&deployment, call).await.unwrap().unwrap();
        let billing = stage.platform.billing(&deployment, &answer.call.unwrap()).await.unwrap().unwrap();
        assert_eq!((answer.status, billing.billed_us), (200, 1_000_000));
        let again = stage.platform.take_result(&deployment, call).await;
        assert!(matches!(again, Err(PlatformError::Invalid(_))), "{again:?}");
    }
}
