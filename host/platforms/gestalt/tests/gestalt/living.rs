use std::io::Write;
use std::path::Path;
use std::time::Duration;

use emulation::{Request, image, spec};
use image_kind::ImageKind;
use platform::{CallId, DeploymentSpec, Invocation, MemoryLedger, Readiness, ResourceState, Scale, undeploy};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::emulator::{Emulator, PASSWORD};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn archive(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

pub(crate) fn plain(archive: &Path, seed: u8) -> DeploymentSpec {
    spec("function1", image(ImageKind::GestaltZip, archive, seed))
}

#[tokio::test]
async fn a_lambda_is_made_updated_called_and_removed_through_either_api() {
    for api in ["meta", "laser"] {
        let emulator = Emulator::start().await;
        let platform = emulator.platform(json!({ "api": api }));
        let (old, new) = (archive("old"), archive("new"));
        let ledger = MemoryLedger::new();
        let mut spec = plain(old.path(), 1);
        spec.limits.memory_bytes = Some(256 << 20);
        spec.limits.time = Some(Duration::from_secs(20));
        assert!(platform.reach().await.unwrap().remarks[0].contains("dead upstream"));
        let deployment = platform.deploy(&spec, &ledger).await.unwrap();
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        let answer = platform.invoke(&deployment, &Invocation::new(r#"{"n":1}"#)).await.unwrap();
        assert!(answer.instance.clone().unwrap().is_cold(), "each call has a process of its own");
        let first: Value = serde_json::from_slice(&answer.body).unwrap();
        let refused = platform.invoke(&deployment, &Invocation::new(r#"{"do":"refuse"}"#)).await.unwrap();
        assert_eq!(refused.response().unwrap_err().message, "as asked");

        spec.image = plain(new.path(), 2).image;
        let updated = platform.deploy(&spec, &ledger).await.unwrap();
        platform.wait_until_ready(&updated, PATIENCE).await.unwrap();
        // The executors of before are gone, with the archive that they held.
        let answer = platform.invoke(&updated, &Invocation::new("{}")).await.unwrap();
        let second: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_ne!(first["archive"], second["archive"], "{api}");
        // What was deployed before is not what answers now.
        assert!(platform.wait_until_ready(&deployment, Duration::ZERO).await.is_err());
        let status = platform.status(&updated).await.unwrap();
        assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
        assert_eq!(platform.find_marked().await.unwrap()[0].deployment, spec.id.as_str());

        platform.scale(&updated, &Scale { minimum_instances: Some(3), ..Scale::default() }).await.unwrap();
        let lambda = emulator.state.lock().unwrap().lambdas.values().next().unwrap().clone();
        let (warm, memory) = match api {
            "meta" => (&lambda["properties"]["pre_warm"], &lambda["properties"]["memory"]),
            _ => (&lambda["artifactDescription"]["preWarm"], &lambda["artifactDescription"]["memorySize"]),
        };
        assert_eq!((warm, memory), (&json!(3), &json!(256)));
        platform.force_cold(&updated).await.unwrap();

        assert_eq!(ledger.entries().len(), 1);
        assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
        assert!(emulator.state.lock().unwrap().lambdas.is_empty());
        assert_eq!(ledger.entries()[0].state, ResourceState::Removed);
        platform.remove(&ledger.entries()[0].resource).await.unwrap();
        assert_eq!(platform.status(&updated).await.unwrap().readiness, Readiness::Missing);
        assert!(emulator.state.lock().unwrap().tokens <= 1, "a token lasts");
    }
}

#[tokio::test]
async fn a_call_without_waiting_has_its_answer_later() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let deployment = platform.deploy(&plain(archive("x").path(), 1), &MemoryLedger::new()).await.unwrap();
    let call = platform.invoke_async(&deployment, &Invocation::new(r#"{"n":7}"#)).await.unwrap();
    assert_eq!(platform.take_result(&deployment, &call).await.unwrap(), None);
    let answer = platform.take_result(&deployment, &call).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""n":7"#));
    assert!(platform.take_result(&deployment, &CallId("../lambdas".to_owned())).await.unwrap_err().is_users());
}

#[tokio::test]
async fn the_plan_is_what_is_asked_and_holds_no_secret() {
    for api in ["meta", "laser"] {
        let emulator = Emulator::start().await;
        let platform = emulator.platform(json!({ "api": api }));
        let file = archive("x");
        let spec = plain(file.path(), 1);
        let planned = platform.requests(&spec).unwrap();
        assert!(emulator.server.seen().is_empty());
        assert!(!serde_json::to_string(&planned).unwrap().contains(PASSWORD));
        platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
        let asked: Vec<String> = emulator.server.seen().iter().map(Request::line).collect();
        let asked: Vec<&String> = asked.iter().filter(|line| !line.contains("/oauth/")).collect();
        let mine = |condition: &Option<String>| condition.as_deref() != Some("when the lambda is this deployment's");
        let expected: Vec<String> = planned
            .iter()
            .filter(|request| mine(&request.condition))
            .map(|request| {
                let path = request.address.strip_prefix(&emulator.server.url()).unwrap();
                format!("{} {}", request.method, path.split('?').next().unwrap())
            })
            .collect();
        assert_eq!(asked, expected.iter().collect::<Vec<_>>(), "{api}");
    }
}

#[tokio::test]
async fn what_is_elsewhere_is_neither_forgotten_nor_taken_for_removed() {
    for api in ["meta", "laser"] {
        let (here, elsewhere) = (Emulator::start().await, Emulator::start().await);
        let (file, ledger) = (archive("code"), MemoryLedger::new());
        let spec = plain(file.path(), 1);
        let options = json!({ "api": api });
        here.platform(options.clone()).deploy(&spec, &ledger).await.unwrap();
        let other = elsewhere.platform(options);
        let error = other.deploy(&spec, &ledger).await.unwrap_err().to_string();
        assert!(error.contains(&here.server.url()) && error.contains("undeploy function1"), "{error}");
        let error = other.remove(&ledger.entries()[0].resource).await.unwrap_err().to_string();
        assert!(error.contains(&here.server.url()), "{error}");
    }
}
