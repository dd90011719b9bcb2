//! A real OpenFaaS, where `OPENFAAS_ENDPOINT` names one.
//!
//! `OPENFAAS_PASSWORD`: of its user `admin`. `OPENFAAS_TEST_IMAGE`: the name of two images of function1 that it has or can
//! pull, with `{tag}` for `111111111111` and `222222222222`. `OPENFAAS_TEST_GATEWAY`: the gateway's address as instances see
//! it, where that is not what it is usually called.

use std::collections::BTreeMap;

use openfaas_platform::OpenFaas;
use platform::{Invocation, MemoryLedger, Platform, PlatformError, Readiness, undeploy};
use remote_platform::{Begin, Connection};
use serde_json::json;

use crate::given::{image, spec};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// The one that is named, if any is.
fn real() -> Option<OpenFaas> {
    let (Ok(endpoint), Ok(named)) = (std::env::var("OPENFAAS_ENDPOINT"), std::env::var("OPENFAAS_TEST_IMAGE")) else {
        eprintln!("skipped: OPENFAAS_ENDPOINT and OPENFAAS_TEST_IMAGE name no OpenFaaS to try");
        return None;
    };
    let mut options = json!({ "image": named, "callback": "127.0.0.1:0" });
    if let Ok(gateway) = std::env::var("OPENFAAS_TEST_GATEWAY") {
        options["gateway-from-instances"] = gateway.into();
    }
    let connection = Connection {
        platform: "openfaas",
        target: "real".to_owned(),
        endpoint: Some(endpoint),
        options: options.as_object().unwrap().clone(),
        storage: None,
        storage_environment: BTreeMap::new(),
        registry: None,
    };
    Some(OpenFaas::new(connection).unwrap())
}

#[tokio::test]
async fn a_real_one_does_all_of_it() {
    let Some(platform) = real() else { return };
    eprintln!("{:?}", platform.reach().await.unwrap());
    let (ledger, mut spec) = (MemoryLedger::new(), spec("faasbench-contract"));
    spec.limits.memory_bytes = Some(128 << 20);
    let tried = try_it(&platform, &ledger, &mut spec).await;
    let left = undeploy(&platform, &spec.id, &ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    tried.unwrap();
}

async fn try_it(
    platform: &OpenFaas,
    ledger: &MemoryLedger,
    spec: &mut platform::DeploymentSpec,
) -> Result<(), PlatformError> {
    let event = Invocation::new("{}");
    let begin = Begin::now();
    let timed = |what: &str| {
        eprintln!("{:6.0} ms {what}", begin.monotonic.elapsed().as_secs_f64() * 1000.0);
    };
    let deployment = platform.deploy(spec, ledger).await?;
    timed("deployed");
    platform.wait_until_ready(&deployment, PATIENCE).await?;
    timed("ready");
    let first = platform.invoke(&deployment, &event).await?;
    timed("invoked");
    assert!(first.instance.as_ref().unwrap().is_cold(), "{first:?}");
    assert!(first.call.is_some() && first.timings.connect_ns.is_none());
    let mut known = vec![first.instance.unwrap().id];
    let mut times_us = Vec::new();
    for _ in 0..500 {
        times_us.push(platform.invoke(&deployment, &event).await?.timings.total_ns / 1000);
    }
    times_us.sort_unstable();
    eprintln!(
        "{} warm invocations, one after another: p50 {} us, p99 {} us",
        times_us.len(),
        times_us[250],
        times_us[495]
    );

    for _ in 0..3 {
        platform.force_cold(&deployment).await?;
        timed("forced cold");
        let instance = platform.invoke(&deployment, &event).await?.instance.unwrap();
        assert!(instance.is_cold() && !known.contains(&instance.id), "{instance:?}");
        let warm = platform.invoke(&deployment, &event).await?.instance.unwrap();
        assert_eq!((&warm.id, warm.invocation_index), (&instance.id, 2));
        known.push(instance.id);
    }

    spec.image = image('2');
    let deployment = platform.deploy(spec, ledger).await?;
    timed("updated");
    platform.wait_until_ready(&deployment, PATIENCE).await?;
    timed("ready");
    let next = platform.invoke(&deployment, &event).await?.instance.unwrap();
    assert!(next.is_cold() && !known.contains(&next.id), "{next:?}");

    let status = platform.status(&deployment).await?;
    assert_eq!(status.readiness, Readiness::Ready);
    let metrics = platform.metrics(&deployment).await?;
    eprintln!("{metrics:?}");
    assert!(metrics.iter().any(|metric| metric.name == "availableReplicas" && metric.value == 1.0));
    match platform.logs(&deployment, begin.unix_ns).await {
        Ok(lines) => eprintln!("{} lines of logs, as in {:?}", lines.len(), lines.last()),
        Err(error) => eprintln!("no logs: {error}"),
    }
    match platform.find_marked().await {
        Ok(found) => assert!(found.iter().any(|found| found.deployment == spec.id.as_str()), "{found:?}"),
        Err(error) => eprintln!("not listed: {error}"),
    }
    match platform.invoke_async(&deployment, &event).await {
        Ok(call) => loop {
            if let Some(answer) = platform.take_result(&deployment, &call).await? {
                assert!(answer.instance.is_some(), "{answer:?}");
                timed("answered without waiting");
                break;
            }
            assert!(begin.monotonic.elapsed() < PATIENCE);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        },
        Err(error) => eprintln!("not called without waiting: {error}"),
    }
    Ok(())
}

#[tokio::test]
async fn functions_of_a_real_one_call_each_other() {
    let Some(platform) = real() else { return };
    let ledger = MemoryLedger::new();
    let (caller, called) = (spec("faasbenchcaller"), spec("faasbenchcalled"));
    let tried = async {
        let deployment = platform.deploy(&called, &ledger).await?;
        platform.wait_until_ready(&deployment, PATIENCE).await?;
        let deployment = platform.deploy(&caller, &ledger).await?;
        platform.wait_until_ready(&deployment, PATIENCE).await?;
        let event = json!({ "invoke_nested": [{ "function_name": "faasbenchcalled", "invoke_payload": {} }] });
        platform.invoke(&deployment, &Invocation::new(event.to_string())).await
    }
    .await;
    for id in [&caller.id, &called.id] {
        assert!(undeploy(&platform, id, &ledger).await.unwrap().is_empty());
    }
    let answer = tried.unwrap();
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    assert_eq!(said["records"].as_object().map(|records| records.len()), Some(2), "{answer:?}");
}

#[tokio::test]
async fn what_an_instance_of_a_real_one_says_when_it_ends_at_its_start_is_told() {
    let Some(platform) = real() else { return };
    let (ledger, mut spec) = (MemoryLedger::new(), spec("faasbench-broken"));
    spec.environment.insert("FAASBENCH_GRACE_MS".to_owned(), "soon".to_owned());
    let tried = async {
        let deployment = platform.deploy(&spec, &ledger).await?;
        platform.wait_until_ready(&deployment, std::time::Duration::from_secs(5)).await
    }
    .await;
    assert!(undeploy(&platform, &spec.id, &ledger).await.unwrap().is_empty());
    let error = tried.unwrap_err();
    eprintln!("{error}");
    assert!(matches!(&error, PlatformError::NotReady { logs, .. } if logs.contains("FAASBENCH_GRACE_MS")), "{error}");
}
