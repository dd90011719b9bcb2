//! Updates, ends, and what is in the ledger.

use std::sync::atomic::Ordering;
use std::time::Duration;

use platform::{DeploymentId, Invocation, Platform, PlatformError, Readiness, Scale, undeploy};

use crate::pretended::{image, spec, stage, until};

#[tokio::test(start_paused = true)]
async fn an_update_under_load_loses_no_invocation() {
    let stage = stage();
    let scale = Scale { maximum_instances: Some(2), queue: Some(1_000), ..Scale::default() };
    let deployment = stage.deploy("f", scale).await;
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let (platform, deployment) = (stage.platform.clone(), deployment.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(number * 7)).await;
                platform.invoke(&deployment, &Invocation::new("0.02")).await
            })
        })
        .collect();
    for round in 0..5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut next = deployment.spec.clone();
        next.image = image(&format!("image {round}"));
        stage.platform.deploy(&next, &*stage.ledger).await.unwrap();
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    assert_eq!(stage.counts.served.load(Ordering::SeqCst), 200);
    let last = stage.invoke(&deployment, "0").await.unwrap();
    assert_eq!(last.body, "image 4");
    until("the end of the old instances", || stage.alive() <= 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_start_leaves_the_former_image_in_its_place() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale::default()).await;
    let mut next = deployment.spec.clone();
    next.image = image("broken");
    let error = stage.platform.deploy(&next, &*stage.ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::ExitedAtStart { .. }), "{error}");
    assert_eq!(stage.invoke(&deployment, "0").await.unwrap().body, "first");
    let status = stage.platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest.as_deref()), (Readiness::Ready, Some("first")));
}

#[tokio::test(start_paused = true)]
async fn a_name_belongs_to_one_deployment() {
    let stage = stage();
    stage.deploy("f", Scale::default()).await;
    let error = stage.platform.deploy(&spec("f", Scale::default()), &*stage.ledger).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("undeploy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_knows_is_all_that_there_is_to_undeploy() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { minimum_instances: Some(1), ..Scale::default() }).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    let busy = tokio::spawn(async move { platform.invoke(&other, &Invocation::new("3")).await });
    until("the call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    let left = undeploy(&*stage.platform, &deployment.spec.id, &*stage.ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(stage.alive(), 0);
    assert_eq!(busy.await.unwrap().unwrap().status, 200);
    assert!(matches!(stage.invoke(&deployment, "0").await, Err(PlatformError::NotFound { .. })));
    assert_eq!(stage.platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    // Once more, and one that was never there.
    stage.platform.undeploy(&deployment.spec.id).await.unwrap();
    stage.platform.undeploy(&DeploymentId::new()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_finishes_what_was_taken_and_takes_nothing_more() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale { maximum_instances: Some(1), queue: Some(5), ..Scale::default() }).await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        let (platform, deployment) = (stage.platform.clone(), deployment.clone());
        calls.push(tokio::spawn(async move { platform.invoke(&deployment, &Invocation::new("1")).await }));
        tokio::task::yield_now().await;
    }
    let later = stage.platform.invoke_async(&deployment, &Invocation::new("1")).await;
    assert!(later.is_ok());
    until("the first call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    let platform = stage.platform.clone();
    let ending = tokio::spawn(async move { platform.shut_down(Duration::from_secs(30)).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(stage.invoke(&deployment, "0").await, Err(PlatformError::Unreachable { .. })));
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    assert!(ending.await.unwrap(), "all was finished");
    assert_eq!((stage.counts.served.load(Ordering::SeqCst), stage.alive()), (5, 0));
    assert!(!stage.folder.path().join("others.sock").exists());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_no_longer_than_its_grace() {
    let stage = stage();
    let deployment = stage.deploy("f", Scale::default()).await;
    let (platform, other) = (stage.platform.clone(), deployment.clone());
    tokio::spawn(async move { platform.invoke(&other, &Invocation::new("25")).await });
    until("the call", || !stage.counts.order.lock().unwrap().is_empty()).await;
    let begin = tokio::time::Instant::now();
    assert!(!stage.platform.shut_down(Duration::from_secs(2)).await);
    assert!(begin.elapsed() < Duration::from_secs(13), "{:?}", begin.elapsed());
    assert_eq!(stage.alive(), 0);
}
