//! The same against a real server: `FAASBENCH_TEST_FN_ENDPOINT` is its address, `FAASBENCH_TEST_FN_DOCKER` its container
//! daemon's, `FAASBENCH_TEST_FN_IMAGES` a folder that `faasbench build function1 function2 function3 --platform fn --output`
//! made, and `FAASBENCH_TEST_FN_INSTANCES_ENDPOINT` the server's address as its containers see it.

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fn_platform::connect;
use image_kind::{Image, ImageKind};
use platform::{Invocation, Limits, MemoryLedger, Platform, Readiness, undeploy};
use remote_platform::Connection;
use serde_json::{Map, Value};

use crate::scene::{LONG, call, spec};

struct Real {
    platform: Arc<dyn Platform>,
    ledger: MemoryLedger,
    images: String,
}

impl Real {
    /// The server; `None`, having said so, where none is named.
    fn find(app: &str) -> Option<Real> {
        let variable = |name: &str| {
            let value = env::var(format!("FAASBENCH_TEST_FN_{name}")).ok();
            if value.is_none() {
                eprintln!("skipped: FAASBENCH_TEST_FN_{name} is not set");
            }
            value
        };
        let options = Map::from_iter([
            ("app".to_owned(), app.into()),
            ("image".to_owned(), "local-daemon".into()),
            ("docker".to_owned(), variable("DOCKER")?.into()),
            ("instances-endpoint".to_owned(), variable("INSTANCES_ENDPOINT")?.into()),
        ]);
        let connection = Connection {
            platform: "fn",
            target: "real".to_owned(),
            endpoint: Some(variable("ENDPOINT")?),
            options,
            storage: None,
            storage_environment: Default::default(),
            registry: None,
        };
        let platform = connect(connection).unwrap();
        Some(Real { platform, ledger: MemoryLedger::new(), images: variable("IMAGES")? })
    }

    fn image(&self, function: &str) -> Image {
        let path = Path::new(&self.images).join(function);
        let index: Value = serde_json::from_slice(&fs::read(path.join("index.json")).unwrap()).unwrap();
        let digest = index["manifests"][0]["digest"].as_str().unwrap().to_owned();
        Image {
            function: function.to_owned(),
            kind: ImageKind::Oci,
            path,
            code_digest: digest.clone(),
            digest,
            bytes: 1,
            code_bytes: 1,
            architecture: "x86_64".to_owned(),
        }
    }
}

#[tokio::test]
async fn a_real_server_runs_updates_and_forgets_a_deployment() {
    let Some(real) = Real::find("faasbench-test-1") else { return };
    let platform = &*real.platform;
    let mut spec = spec("function1", '1');
    spec.image = real.image("function1");
    spec.limits = Limits { memory_bytes: Some(64 << 20), time: Some(Duration::from_secs(20)), ..Limits::default() };
    eprintln!("{:?}", platform.reach().await.unwrap());
    let deployment = platform.deploy(&spec, &real.ledger).await.unwrap();
    platform.wait_until_ready(&deployment, LONG).await.unwrap();
    let first = call(platform, &deployment).await;
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["records"][body["identifier"].as_str().unwrap()]["memory_limit_bytes"], 64 << 20, "{body}");
    let first = first.instance.unwrap();
    assert_eq!(first.invocation_index, 2);

    platform.force_cold(&deployment).await.unwrap();
    let cold = call(platform, &deployment).await;
    assert!(cold.instance.as_ref().unwrap().is_cold() && cold.instance.unwrap().id != first.id);

    // Another function's image under the same name: its records say which it is.
    spec.image = real.image("function2");
    let updated = platform.deploy(&spec, &real.ledger).await.unwrap();
    platform.wait_until_ready(&updated, LONG).await.unwrap();
    let body: Value = serde_json::from_slice(&call(platform, &updated).await.body).unwrap();
    assert!(body["identifier"].as_str().unwrap().starts_with("function2-"), "{body}");

    let status = platform.status(&updated).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    let metrics = platform.metrics(&updated).await.unwrap();
    assert!(metrics.iter().any(|metric| metric.name.starts_with("fn_container_start")), "{metrics:?}");
    platform.invoke_async(&updated, &Invocation::new("{}")).await.unwrap();

    let left = undeploy(platform, &spec.id, &real.ledger).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    let found = platform.find_marked().await.unwrap();
    assert!(found.iter().all(|found| found.deployment != spec.id.as_str()), "{found:?}");
}

#[tokio::test]
async fn functions_of_a_real_server_call_each_other() {
    let Some(real) = Real::find("faasbench-test-2") else { return };
    let platform = &*real.platform;
    let mut specs = Vec::new();
    let mut deployments = Vec::new();
    for function in ["function1", "function2", "function3"] {
        let mut spec = spec(function, '1');
        spec.image = real.image(function);
        let deployment = platform.deploy(&spec, &real.ledger).await.unwrap();
        platform.wait_until_ready(&deployment, LONG).await.unwrap();
        specs.push(spec);
        deployments.push(deployment);
    }
    let event = r#"{"invoke_nested":[{"function_name":"function2","invoke_payload":
        {"invoke_nested":[{"function_name":"function3","invoke_payload":{}}]}}]}"#;
    let answer = platform.invoke(&deployments[0], &Invocation::new(event)).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let mut functions: Vec<_> = body["records"]
        .as_object()
        .unwrap()
        .values()
        .map(|record| {
            assert!(record.get("error").is_none_or(Value::is_null), "{record}");
            (record["level"].as_u64().unwrap(), record["function_name"].as_str().unwrap().to_owned())
        })
        .collect();
    functions.sort();
    let expected = ["function1", "function2", "function3"].map(str::to_owned);
    assert_eq!(functions.into_iter().map(|(_, name)| name).collect::<Vec<_>>(), expected);
    for spec in &specs {
        let left = undeploy(platform, &spec.id, &real.ledger).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
    assert!(
        platform
            .find_marked()
            .await
            .unwrap()
            .iter()
            .all(|found| specs.iter().all(|spec| found.deployment != spec.id.as_str()))
    );
}
