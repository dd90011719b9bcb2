//! The lab functions do the same here as in the engine alone.

use std::sync::Arc;
use std::time::Duration;

use engine::wasm::{Allocation, Configuration, Interruption};
use engine::{EngineKind, Launcher, LauncherOptions};
use platform::{Limits, Platform, Scale};
use workload::{FUNCTIONS, Size, prepare, result_digest};

use crate::stage::stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_function_gives_the_digest_that_it_gives_natively() {
    let stage = stage();
    let launcher = Launcher::new(LauncherOptions {
        engine: EngineKind::Native,
        configuration: Configuration {
            interruption: Interruption::None,
            allocation: Allocation::OnDemand,
            memory_bytes: 1 << 30,
        },
        cache: None,
        storage: Arc::new(native::DirectoryStorage::new(&stage.storage).unwrap()),
        scratch_root: stage.folder.path().to_owned(),
        limits: engine::Limits::default(),
        platform: "process".to_owned(),
    })
    .unwrap();
    for function in &FUNCTIONS {
        let prepared = prepare(function.name, Size::Test, 7, &stage.storage).unwrap();
        let event = prepared.event.to_string();
        let found = workload::find(function.name).unwrap();
        let expected = launcher.launch(found).unwrap().0.invoke(&event).unwrap();
        let expected = result_digest(&expected).unwrap();
        let deployment = stage.deploy(function.name, Scale::default(), Limits::default()).await;
        for _ in 0..2 {
            let answer = stage.invoke(&deployment, &event).await;
            let response = answer.response().unwrap();
            assert_eq!(result_digest(response).unwrap(), expected, "{}", function.name);
            let billing = answer.billing.unwrap();
            assert!(billing.peak_memory_bytes.unwrap() > 0 && billing.gigabyte_seconds.unwrap() > 0.0);
        }
    }
    assert!(stage.platform.shut_down(Duration::from_secs(10)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_instances_keep_their_identity_and_fresh_ones_have_their_own() {
    let stage = stage();
    let deployment = stage.deploy("function1", Scale::default(), Limits::default()).await;
    let first = stage.invoke(&deployment, "{}").await;
    let second = stage.invoke(&deployment, "{}").await;
    assert!(first.timings.start_instance_ns.is_some() && second.timings.start_instance_ns.is_none());
    let (first, second) = (first.instance.unwrap(), second.instance.unwrap());
    assert_eq!((&first.id, first.invocation_index, second.invocation_index), (&second.id, 1, 2));
    assert!(second.age_us >= first.age_us);
    let fresh = Scale { keep_alive: Some(Duration::ZERO), ..Scale::default() };
    stage.platform.scale(&deployment, &fresh).await.unwrap();
    for _ in 0..3 {
        let answer = stage.invoke(&deployment, "{}").await;
        let instance = answer.instance.clone().unwrap();
        let record: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let record = record["records"].as_object().unwrap().values().next().unwrap().clone();
        assert_eq!(record["instance_identifier"], instance.id.as_str());
    }
    // The warm one that there was is used up, the others were fresh.
    assert!(stage.invoke(&deployment, "{}").await.instance.unwrap().is_cold());
}
