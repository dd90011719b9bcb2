//! Deploying, calling, asking.

use std::sync::Arc;
use std::time::Duration;

use platform::{CallId, Invocation, Ledger, Limits, MemoryLedger, Platform, Readiness, ResourceState, Scale};
use remote_platform::Registry;
use serde_json::json;

use crate::emulator::Edition;
use crate::gateway::Gateway;
use crate::given::{PATIENCE, Remembering, connection, platform, spec};

#[tokio::test]
async fn a_function_is_deployed_and_answers() {
    for edition in [Edition::Community, Edition::Faasd] {
        let gateway = Gateway::start(edition).await;
        let registry = Arc::new(Remembering::default());
        let given: Arc<dyn Registry> = registry.clone();
        let platform = openfaas_platform::connect(connection(&gateway.url(), Some(given), json!({}))).unwrap();
        let (ledger, spec) = (MemoryLedger::new(), spec("f"));
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        let kinds: Vec<_> =
            ledger.entries().into_iter().map(|entry| (entry.resource.kind, entry.resource.name, entry.state)).collect();
        let tagged = format!("127.0.0.1:5000/faasbench/function1:{}-111111111111", spec.id);
        assert_eq!(*registry.pushed.lock().unwrap(), std::slice::from_ref(&tagged));
        let made = |kind: &str, name: &str| (kind.to_owned(), name.to_owned(), ResourceState::Created);
        assert_eq!(kinds, [made("image", &tagged), made("function", "f")]);

        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        let invocation = Invocation { traceparent: Some("00-trace".to_owned()), ..Invocation::new("{\"a\":1}") };
        let first = platform.invoke(&deployment, &invocation).await.unwrap();
        assert!(first.instance.clone().unwrap().is_cold(), "waiting did not invoke it");
        assert_eq!(first.call, Some(CallId("785d6c52-492f-41e0-95f1-284d72666cbe".to_owned())));
        let said: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!(
            (&said["path"], &said["method"], &said["event"]),
            (&"/".into(), &"POST".into(), &"{\"a\":1}".into())
        );
        let second = platform.invoke(&deployment, &invocation).await.unwrap();
        assert_eq!(second.instance.unwrap().invocation_index, 2);
        let sent = gateway.made("POST", "/function/f");
        assert!(sent[0].headers["traceparent"] == "00-trace" && !sent[0].headers.contains_key("authorization"));

        let status = platform.status(&deployment).await.unwrap();
        assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest)));
    }
}

#[tokio::test]
async fn what_is_asked_for_is_what_was_given() {
    let gateway = Gateway::start(Edition::Standard).await;
    let platform = platform(&gateway, json!({ "namespace": "openfaas-fn", "scale-to-zero": true }));
    let mut spec = spec("f");
    spec.limits = Limits { memory_bytes: Some(128 << 20), cpus: Some(0.25), ..Limits::default() };
    spec.scale = Scale {
        minimum_instances: Some(2),
        maximum_instances: Some(4),
        concurrency: Some(3),
        keep_alive: Some(Duration::from_secs(90)),
        queue: None,
    };
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let sent = gateway.last("POST");
    assert_eq!(sent["service"], "f");
    assert_eq!(sent["namespace"], "openfaas-fn");
    assert_eq!(sent["image"], format!("127.0.0.1:5000/faasbench/function1@{}", spec.image.digest));
    assert_eq!(sent["limits"], json!({ "memory": "128Mi", "cpu": "250m" }));
    let labels = json!({
        "faasbench.deployment": spec.id.as_str(), "com.openfaas.scale.min": "2", "com.openfaas.scale.max": "4",
        "com.openfaas.scale.zero": "true", "com.openfaas.scale.zero-duration": "90s",
    });
    assert_eq!(sent["labels"], labels);
    let environment = &sent["envVars"];
    for (name, value) in [
        ("MINE", "yes"),
        ("FAASBENCH_PLATFORM", "openfaas"),
        ("FAASBENCH_STORAGE", "s3://bucket"),
        ("AWS_SECRET_ACCESS_KEY", "storage-secret"),
        ("FAASBENCH_MEMORY_LIMIT_BYTES", "134217728"),
        ("FAASBENCH_CONCURRENCY", "3"),
        ("FAASBENCH_INVOKE_URL", "http://gateway.openfaas:8080/function/{name}.openfaas-fn"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(!deployment.details.to_string().contains("secret"), "{}", deployment.details);
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(gateway.made("POST", "/function/f.openfaas-fn").len(), 1);
}

#[tokio::test]
async fn nested_calls_go_where_instances_see_the_gateway() {
    for (edition, options, seen) in [
        (Edition::Community, json!({}), "http://gateway.openfaas:8080/function/{name}"),
        (Edition::Faasd, json!({}), "http://gateway:8080/function/{name}"),
        (
            Edition::Faasd,
            json!({ "gateway-from-instances": "http://10.62.0.1:8080" }),
            "http://10.62.0.1:8080/function/{name}",
        ),
    ] {
        let gateway = Gateway::start(edition).await;
        platform(&gateway, options).deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
        assert_eq!(gateway.last("POST")["envVars"]["FAASBENCH_INVOKE_URL"], seen);
    }
}

#[tokio::test]
async fn images_that_are_there_already_are_not_pushed() {
    let gateway = Gateway::start(Edition::Faasd).await;
    for (option, name) in [
        ("local", "docker.io/faasbench/function1:111111111111"),
        ("registry.example.com/{function}:v-{tag}", "registry.example.com/function1:v-111111111111"),
    ] {
        let platform =
            openfaas_platform::OpenFaas::new(connection(&gateway.url(), None, json!({ "image": option }))).unwrap();
        let (ledger, spec) = (MemoryLedger::new(), spec(if option == "local" { "f" } else { "g" }));
        platform.deploy(&spec, &ledger).await.unwrap();
        assert_eq!(gateway.last("POST")["image"], name);
        assert_eq!(ledger.resources(&spec.id).await.unwrap().len(), 1, "only the function is ours");
    }
}

#[tokio::test]
async fn dry_runs_ask_for_nothing_and_show_no_secret() {
    let gateway = Gateway::start(Edition::Community).await;
    let requests = platform(&gateway, json!({})).requests(&spec("f")).unwrap();
    let shown: Vec<_> = requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.address.replace(&gateway.url(), "")))
        .collect();
    let asked: Vec<_> = shown.iter().map(String::as_str).collect();
    assert_eq!(asked[..2], ["GET /system/info", "GET /system/function/f"]);
    assert!(asked[2].starts_with("PUSH 127.0.0.1:5000/faasbench/function1:"), "{asked:?}");
    assert_eq!(asked[3..], ["POST /system/functions", "PUT /system/functions"]);
    let all = serde_json::to_string(&requests).unwrap();
    assert!(
        !all.contains("storage-secret") && !all.contains("sesame") && all.contains("AWS_SECRET_ACCESS_KEY"),
        "{all}"
    );
    assert!(gateway.state.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn logs_and_numbers_are_read() {
    let gateway = Gateway::start(Edition::Community).await;
    let platform = platform(&gateway, json!({}));
    let deployment = platform.deploy(&spec("f"), &MemoryLedger::new()).await.unwrap();
    let logs = platform.logs(&deployment, 1_795_860_000_000_000_000).await.unwrap();
    let lines: Vec<_> = logs.iter().map(|line| (line.instance.as_str(), line.text.as_str())).collect();
    assert_eq!(lines, [("a", "first"), ("b", "second")]);
    let number = |metrics: &[platform::ProviderMetric], name: &str| {
        metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    };
    let metrics = platform.metrics(&deployment).await.unwrap();
    assert_eq!(number(&metrics, "usage.totalMemoryBytes"), Some(4_194_304.0));
    assert_eq!(number(&metrics, "invocationCount"), Some(3.0));
    gateway.state.has_prometheus.store(false, std::sync::atomic::Ordering::Relaxed);
    let metrics = platform.metrics(&deployment).await.unwrap();
    assert_eq!(number(&metrics, "usage.cpu"), Some(12.5));
    assert_eq!(number(&metrics, "invocationCount"), None, "what can't be read is not 0");
}

#[tokio::test]
async fn it_says_what_it_is() {
    let gateway = Gateway::start(Edition::Faasd).await;
    let platform = platform(&gateway, json!({}));
    let reached = platform.reach().await.unwrap();
    assert_eq!(reached.version, "OpenFaaS gateway 0.27.14");
    assert!(reached.remarks.iter().any(|remark| remark.contains("faasd 0.27.14")), "{:?}", reached.remarks);
    let can = platform.capabilities();
    assert_eq!((can.scale, can.cpu_limit, can.keep_alive, can.memory_limit), (false, false, false, true));
}
