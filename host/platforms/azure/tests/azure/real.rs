//! Against the real Azure: `AZURE_TEST_SUBSCRIPTION`, `AZURE_TEST_REGION` and `AZURE_TEST_PACKAGE`, the path of an archive of
//! `function1`; and Azure's own chain of credentials.

use std::path::PathBuf;
use std::time::Duration;

use emulation::connection;
use platform::{Invocation, MemoryLedger, undeploy};
use serde_json::json;

use crate::deploying::plain;

#[tokio::test]
async fn the_whole_life_of_a_site() {
    let variable = |name| std::env::var(name).ok();
    let (Some(subscription), Some(region), Some(package)) =
        (variable("AZURE_TEST_SUBSCRIPTION"), variable("AZURE_TEST_REGION"), variable("AZURE_TEST_PACKAGE"))
    else {
        eprintln!("skipped: AZURE_TEST_SUBSCRIPTION, AZURE_TEST_REGION and AZURE_TEST_PACKAGE name no real Azure");
        return;
    };
    let endpoint = variable("AZURE_TEST_ENDPOINT").unwrap_or_else(|| "https://management.azure.com".to_owned());
    let options = json!({ "subscription": subscription, "region": region });
    let platform = azure_platform::connect(connection("azure", &endpoint, options)).unwrap();
    platform.reach().await.unwrap();
    let ledger = MemoryLedger::new();
    let spec = plain(&PathBuf::from(package), 1);
    let lived = async {
        let deployment = platform.deploy(&spec, &ledger).await?;
        platform.wait_until_ready(&deployment, Duration::from_secs(300)).await?;
        platform.force_cold(&deployment).await?;
        platform.invoke(&deployment, &Invocation::new("{}")).await
    };
    let answer = lived.await;
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(answer.unwrap().instance.unwrap().is_cold());
}
