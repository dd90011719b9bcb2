//! Against a real Laser, should anybody still have one: `GESTALT_LASER_ENDPOINT`, and `GESTALT_ARCHIVE`, the path of an archive of
//! `function1`.

use std::path::PathBuf;
use std::time::Duration;

use emulation::connection;
use platform::{Invocation, MemoryLedger, undeploy};
use serde_json::json;

use crate::living::plain;

#[tokio::test]
async fn the_whole_life_of_a_lambda() {
    let (Ok(endpoint), Ok(archive)) = (std::env::var("GESTALT_LASER_ENDPOINT"), std::env::var("GESTALT_ARCHIVE"))
    else {
        eprintln!("skipped: GESTALT_LASER_ENDPOINT and GESTALT_ARCHIVE name no real Laser");
        return;
    };
    let platform = gestalt_platform::connect(connection("gestalt", &endpoint, json!({ "api": "laser" }))).unwrap();
    let (ledger, spec) = (MemoryLedger::new(), plain(&PathBuf::from(archive), 1));
    let lived = async {
        let deployment = platform.deploy(&spec, &ledger).await?;
        platform.wait_until_ready(&deployment, Duration::from_secs(120)).await?;
        platform.invoke(&deployment, &Invocation::new("{}")).await
    };
    let answer = lived.await;
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    answer.unwrap();
}
