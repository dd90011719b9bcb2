//! A running server as a platform.

use std::sync::Arc;
use std::time::Duration;

use gateway::{Endpoint, Listen, SERVED_FUNCTION, ServedPlatform, Token};
use platform::{Invocation, Ledger, MemoryLedger, Platform, PlatformError, Readiness, ResourceState, Scale};

use crate::fake::{CAPACITY, spec};
use crate::server::{Server, start, until};

async fn served() -> (Server, ServedPlatform) {
    let token = Token::random();
    let server = start(|options| options.token = Some(token.clone())).await;
    let endpoint = Endpoint::from(&server.running.addresses[0]);
    let platform = ServedPlatform::connect(endpoint, Some(&token), "here").await.unwrap();
    (server, platform)
}

#[tokio::test]
async fn a_server_is_the_platform_that_it_has() {
    let (server, platform) = served().await;
    assert_eq!((platform.name(), platform.target()), ("fake", "here"));
    assert!(platform.capabilities().asynchronous && platform.capabilities().scale);
    assert_eq!(platform.reach().await.unwrap().version, "fake 1");

    let ledger = MemoryLedger::new();
    let given = spec("one");
    let deployment = platform.deploy(&given, &ledger).await.unwrap();
    assert_eq!((&deployment.spec, deployment.target.as_str()), (&given, "here"));
    assert_eq!(deployment.url.as_deref(), Some(&*format!("http://{}/function/one", server.address)));
    let entries = ledger.resources(&given.id).await.unwrap();
    assert_eq!((entries.len(), entries[0].resource.kind.as_str()), (1, SERVED_FUNCTION));
    assert_eq!(entries[0].state, ResourceState::Created);
    platform.deploy(&given, &ledger).await.unwrap();
    assert_eq!(ledger.entries().len(), 1);
    platform.wait_until_ready(&deployment, Duration::from_secs(5)).await.unwrap();
    assert_eq!(platform.deployments().await.unwrap().len(), 2);

    let cold = platform.invoke(&deployment, &Invocation::new("{\"a\":1}")).await.unwrap();
    assert_eq!((cold.status, cold.response().unwrap()), (200, "{\"a\":1}"));
    let instance = cold.instance.unwrap();
    assert!(instance.is_cold() && instance.id == "one" && instance.age_us == 5);
    assert_eq!((cold.timings.queue_ns, cold.timings.execution_ns), (Some(1001), Some(30)));
    assert_eq!(cold.timings.start_instance_ns, Some(2_000_000));
    assert!(cold.timings.first_byte_ns.unwrap() <= cold.timings.total_ns);
    assert_eq!(cold.billing.unwrap().gigabyte_seconds, Some(0.001));
    let warm = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(!warm.instance.unwrap().is_cold());
    platform.force_cold(&deployment).await.unwrap();
    let cold = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert!(cold.instance.unwrap().is_cold());

    let scale = Scale { keep_alive: Some(Duration::from_millis(1500)), ..Scale::default() };
    platform.scale(&deployment, &scale).await.unwrap();
    assert_eq!(*server.fake.scaled.lock().unwrap(), Some(scale));
    assert_eq!(platform.status(&deployment).await.unwrap().waiting, Some(3));
    assert_eq!(platform.logs(&deployment, 1_500_000_000).await.unwrap().len(), 1);
    assert_eq!(platform.metrics(&deployment).await.unwrap()[0].unit, "m/s");
    let call = cold.call.unwrap();
    assert_eq!(platform.billing(&deployment, &call).await.unwrap().unwrap().billed_us, 1000);

    platform.remove(&entries[0].resource).await.unwrap();
    platform.remove(&entries[0].resource).await.unwrap();
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
    let gone = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(gone, PlatformError::NotFound { .. }), "{gone}");
}

#[tokio::test]
async fn asynchronous_calls_come_back() {
    let (server, platform) = served().await;
    let deployment = platform.deployments().await.unwrap().remove(0);
    let call = platform.invoke_async(&deployment, &Invocation::new("\"wait\"")).await.unwrap();
    assert_eq!(platform.take_result(&deployment, &call).await.unwrap(), None);
    until(async || {
        server.fake.gate.notify_waiters();
        platform.take_result(&deployment, &call).await.unwrap().is_some()
    })
    .await;
    let answer = platform.take_result(&deployment, &call).await.unwrap().unwrap();
    assert_eq!((answer.response().unwrap(), answer.call.as_ref().unwrap().0.as_str()), ("\"wait\"", "platforms-own"));
    let price = platform.billing(&deployment, &call).await.unwrap().unwrap();
    assert_eq!(price.billed_us, 1000);
    let unknown = platform.take_result(&deployment, &platform::CallId("none".to_owned())).await.unwrap_err();
    assert!(unknown.to_string().contains("no asynchronous call"), "{unknown}");
}

#[tokio::test]
async fn the_platforms_errors_arrive_as_they_are() {
    let (server, platform) = served().await;
    let deployment = platform.deployments().await.unwrap().remove(0);
    let error = platform.invoke(&deployment, &Invocation::new("\"no answer\"")).await.unwrap_err();
    assert!(matches!(error, PlatformError::NoAnswer { .. }), "{error}");
    let refused = platform.invoke(&deployment, &Invocation::new("\"refuse\"")).await.unwrap();
    assert_eq!(refused.response().unwrap_err().message, "as asked");

    let mut other = deployment.clone();
    other.spec.id = platform::DeploymentId::new();
    let error = platform.invoke(&other, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(error, PlatformError::NotFound { .. }), "{error}");
    let taken = platform.deploy(&other.spec, &MemoryLedger::new()).await.unwrap_err();
    assert!(taken.is_users(), "{taken}");

    let mut never = spec("never");
    never.environment.insert("NEVER_READY".to_owned(), "1".to_owned());
    let never = platform.deploy(&never, &MemoryLedger::new()).await.unwrap();
    let error = platform.wait_until_ready(&never, Duration::from_millis(100)).await.unwrap_err();
    assert!(error.to_string().contains("it printed: still busy"), "{error}");

    let waiting = async |number: u32| {
        let result = platform.invoke(&deployment, &Invocation::new("\"wait\"")).await;
        if number == 0 {
            server.fake.gate.notify_waiters()
        }
        result
    };
    let (platform, fake) = (&platform, &server.fake);
    let overloaded = async {
        until(async || fake.active.load(std::sync::atomic::Ordering::SeqCst) == CAPACITY).await;
        let error = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap_err();
        fake.gate.notify_waiters();
        error
    };
    let (_, _, _, _, _, _, _, _, error) = tokio::join!(
        waiting(1),
        waiting(1),
        waiting(1),
        waiting(1),
        waiting(1),
        waiting(1),
        waiting(1),
        waiting(1),
        overloaded
    );
    assert!(matches!(error, PlatformError::Overloaded { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_or_wants_another_token_is_told() {
    let (server, platform) = served().await;
    let endpoint = platform.endpoint().clone();
    let denied = ServedPlatform::connect(endpoint.clone(), Some(&Token::random()), "here").await.err().unwrap();
    assert!(matches!(denied, PlatformError::Denied { .. }), "{denied}");
    let deployment = platform.deployments().await.unwrap().remove(0);
    platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    server.running.stop();
    server.running.ended().await;
    let error = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }), "{error}");
    assert!(ServedPlatform::connect(endpoint, None, "here").await.is_err());
}

#[tokio::test]
async fn a_unix_socket_needs_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let listen = Listen::Unix(folder.path().join("s"));
    let server = start(|options| options.listen = vec![listen.clone()]).await;
    let platform = ServedPlatform::connect(Endpoint::from(&listen), None, "here").await.unwrap();
    let ledger: Arc<MemoryLedger> = Arc::default();
    let deployment = platform.deploy(&spec("two"), &*ledger).await.unwrap();
    assert_eq!(deployment.url, None);
    assert_eq!(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().status, 200);
    server.running.stop();
    server.running.ended().await;
}
