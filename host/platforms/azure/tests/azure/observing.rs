use platform::{LogStream, MemoryLedger};
use serde_json::json;

use crate::deploying::{package, plain};
use crate::emulator::Emulator;

#[tokio::test]
async fn logs_are_application_insights_and_metrics_azure_monitors() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let package = package(10);
    let deployment = platform.deploy(&plain(package.path(), 1), &MemoryLedger::new()).await.unwrap();
    let lines = platform.logs(&deployment, 0).await.unwrap();
    assert_eq!((lines.len(), lines[0].stream, lines[0].text.as_str()), (1, LogStream::Error, "told"));
    let metrics = platform.metrics(&deployment).await.unwrap();
    assert_eq!((metrics[0].name.as_str(), metrics[0].value), ("OnDemandFunctionExecutionCount", 5.0));
}

#[tokio::test]
async fn without_application_insights_there_are_no_logs() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "application-insights": false }));
    assert!(!platform.capabilities().logs);
    let package = package(10);
    let deployment = platform.deploy(&plain(package.path(), 1), &MemoryLedger::new()).await.unwrap();
    let error = platform.logs(&deployment, 0).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("application-insights"), "{error}");
}
