//! Against a real OpenWhisk: `OPENWHISK_ENDPOINT`, `OPENWHISK_AUTH`, and `OPENWHISK_ARCHIVE`, the path of an archive that
//! `faasbench build function1 --platform openwhisk` made for the kind `native`.

use std::path::PathBuf;
use std::time::Duration;

use emulation::{connection, image, spec};
use image_kind::ImageKind;
use platform::{Invocation, MemoryLedger, undeploy};
use serde_json::json;

#[tokio::test]
async fn the_whole_life_of_an_action() {
    let (Ok(endpoint), Ok(archive)) = (std::env::var("OPENWHISK_ENDPOINT"), std::env::var("OPENWHISK_ARCHIVE")) else {
        eprintln!("skipped: OPENWHISK_ENDPOINT and OPENWHISK_ARCHIVE name no real OpenWhisk");
        return;
    };
    let platform =
        openwhisk_platform::connect(connection("openwhisk", &endpoint, json!({ "kind": "native" }))).unwrap();
    platform.reach().await.unwrap();
    let ledger = MemoryLedger::new();
    let spec = spec("faasbench-test", image(ImageKind::OpenWhiskZip, &PathBuf::from(archive), 1));
    let lived = async {
        let deployment = platform.deploy(&spec, &ledger).await?;
        platform.wait_until_ready(&deployment, Duration::from_secs(120)).await?;
        platform.force_cold(&deployment).await?;
        platform.invoke(&deployment, &Invocation::new("{}")).await
    };
    let answer = lived.await;
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(answer.unwrap().timings.start_instance_ns.is_some(), "a forced cold start tells its initTime");
}
