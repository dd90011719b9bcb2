//! What `--dry-run` prints is what is done.

use platform::MemoryLedger;
use serde_json::{Value, json};

use crate::lives::stage;
use crate::scene::{digest, remove, spec};

#[tokio::test]
async fn every_request_is_told_beforehand_and_without_secrets() {
    for (platform, options) in [
        ("kubernetes", json!({})),
        ("knative", json!({})),
        ("fission", json!({})),
        ("riff", json!({})),
        ("riff", json!({"runtime": "knative"})),
    ] {
        let on = stage(platform, options).await;
        let (spec, ledger) = (spec("f"), MemoryLedger::new());
        let planned = on.platform.requests(&spec).unwrap();
        assert!(on.emulator.requests.lock().unwrap().is_empty(), "nothing is asked for a plan");
        assert!(ledger.entries().is_empty());
        on.platform.deploy(&spec, &ledger).await.unwrap();
        let made = on.emulator.requests.lock().unwrap().clone();
        let planned_lines: Vec<String> = planned
            .iter()
            .filter(|request| request.method != "PUSH")
            .map(|request| format!("{} {}", request.method, request.address.replace(&on.emulator.address, "")))
            .collect();
        // What is asked after the last is for the address alone.
        assert_eq!(made[..planned_lines.len()], planned_lines[..], "{platform}");
        assert!(made[planned_lines.len()..].iter().all(|line| line.starts_with("GET ")), "{made:?}");
        let text = serde_json::to_string(&planned).unwrap();
        for secret in ["very$secret", "dmVyeSRzZWNyZXQ=", "good"] {
            assert!(!text.contains(secret), "{platform}: {secret}");
        }
        assert!(text.contains(&digest('a')), "the image is named by its digest");
        let ledger_text = format!("{:?}", ledger.entries());
        assert!(!ledger_text.contains("very$secret") && !ledger_text.contains("good"));
        remove(on.platform.as_ref(), &spec, &ledger).await;
    }
}

/// The container of an object, on whichever platform.
fn container(body: &Value) -> Option<&Value> {
    body.pointer("/spec/template/spec/containers/0").or_else(|| body.pointer("/spec/podspec/containers/0"))
}

#[tokio::test]
async fn instances_get_their_environment_and_limits() {
    for (platform, way) in [
        ("kubernetes", "http://{name}.lab.svc.cluster.local/"),
        ("knative", "http://{name}.lab.svc.cluster.local/"),
        ("fission", "http://router.fission.svc.cluster.local/faasbench/lab/{name}"),
        ("riff", "http://{name}.lab.svc.cluster.local/"),
    ] {
        let on = stage(platform, json!({})).await;
        let planned = on.platform.requests(&spec("f")).unwrap();
        let body =
            planned.iter().filter_map(|request| request.body.as_ref()).find(|body| container(body).is_some()).unwrap();
        let own = container(body).unwrap();
        let variables = own["env"].as_array().unwrap();
        let of = |name: &str| variables.iter().find(|variable| variable["name"] == name).unwrap()["value"].clone();
        // Kubernetes makes `$` of `$$`.
        assert_eq!(of("GREETING"), "$$(HOME) costs $$5");
        assert_eq!(of("FAASBENCH_PLATFORM"), platform);
        assert_eq!(of("FAASBENCH_INVOKE_URL"), way);
        assert_eq!(of("FAASBENCH_MEMORY_LIMIT_BYTES"), "134217728");
        assert!(variables.iter().all(|variable| variable["name"] != "AWS_SECRET_ACCESS_KEY"));
        assert_eq!(own["envFrom"][0]["secretRef"]["name"], "f-faasbench");
        let limits = own.get("resources").unwrap_or(&body["spec"]["resources"]);
        assert_eq!(limits["limits"], json!({"cpu": "500m", "memory": "134217728"}), "{platform}");
        let knows_its_pod = variables.iter().any(|variable| variable["valueFrom"]["fieldRef"].is_object());
        assert_eq!(knows_its_pod, platform != "knative", "Knative refuses such references");
    }
}

#[tokio::test]
async fn images_are_named_as_the_nodes_know_them() {
    let image = async |options: Value| {
        let on = stage("kubernetes", options).await;
        let planned = on.platform.requests(&spec("f")).unwrap();
        let body =
            planned.iter().filter_map(|request| request.body.as_ref()).find(|body| container(body).is_some()).unwrap();
        let own = container(body).unwrap();
        (own["image"].as_str().unwrap().to_owned(), own["imagePullPolicy"].as_str().unwrap().to_owned())
    };
    let pinned = digest('a');
    let (name, policy) = image(json!({})).await;
    assert_eq!((name, policy.as_str()), (format!("registry.example.test/lab/function1@{pinned}"), "IfNotPresent"));
    let (name, policy) = image(json!({"pull-from": "kind-registry:5000", "image-pull-policy": "Always"})).await;
    assert_eq!((name, policy.as_str()), (format!("kind-registry:5000/lab/function1@{pinned}"), "Always"));
    let (name, policy) = image(json!({"preloaded": true})).await;
    assert_eq!((name.as_str(), policy.as_str()), ("docker.io/faasbench/function1:aaaaaaaaaaaa", "Never"));
}
