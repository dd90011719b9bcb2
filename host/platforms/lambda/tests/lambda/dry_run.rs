//! What would be asked is told, and nothing is.

use std::collections::BTreeMap;

use platform::{MemoryLedger, Platform};
use serde_json::json;

use crate::emulator::Emulator;
use crate::scene::{archive, connection, platform, spec, with_connection};

#[tokio::test]
async fn every_request_is_told_without_secrets_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec("dry", &archive(folder.path(), "one", &[]));
    spec.environment.insert("PASSWORD".to_owned(), "do-not-show".to_owned());
    spec.scale.minimum_instances = Some(2);
    spec.scale.maximum_instances = Some(4);
    let mut connection = connection(None, json!({ "url": "public", "tracing": true }));
    connection.storage = Some("s3://mine/lab".to_owned());
    connection.storage_environment = BTreeMap::from([("AWS_SECRET_ACCESS_KEY".to_owned(), "do-not-show".to_owned())]);
    let platform = with_connection(connection).await;
    let requests = platform.requests(&spec).unwrap();
    let text = serde_json::to_string(&requests).unwrap();
    assert!(!text.contains("do-not-show") && !text.contains("secret-of-the-test"), "{text}");
    assert!(!text.contains("AWS_SECRET_ACCESS_KEY"), "instances have the credentials of their role: {text}");
    let purposes: Vec<_> = requests.iter().map(|request| request.purpose.as_str()).collect();
    for purpose in [
        "creating the role",
        "creating the log group",
        "making the URL",
        "starting instances",
        "setting the most instances",
    ] {
        assert!(purposes.contains(&purpose), "{purposes:?}");
    }
    let role = requests.iter().find(|request| request.purpose == "creating the role").unwrap();
    assert!(role.address.starts_with("https://iam.amazonaws.com/"), "{role:?}");
    let function = requests.iter().find(|request| request.purpose.starts_with("creating the function")).unwrap();
    assert_eq!(function.address, "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions");
    assert_eq!(function.body.as_ref().unwrap()["MemorySize"], 512);
}

#[tokio::test]
async fn what_is_told_is_what_is_asked() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec("told", &archive(folder.path(), "one", &[]));
    spec.scale.maximum_instances = Some(4);
    let platform = platform(&emulator.endpoint, json!({ "url": "public" })).await;
    let told = platform.requests(&spec).unwrap();
    assert_eq!(emulator.calls(), [] as [String; 0]);
    platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let changes = |method: &str, address: &str| method != "GET" && !address.contains("Action=Get");
    let mut told: Vec<_> = told
        .iter()
        .filter(|request| request.condition.as_deref() != Some("when the function is this deployment's already"))
        .map(|request| format!("{} {}", request.method, request.address.trim_start_matches(&emulator.endpoint)))
        .filter(|line| changes(line.split(' ').next().unwrap(), line))
        .collect();
    let mut asked: Vec<_> = emulator.calls();
    asked.retain(|line| changes(line.split(' ').next().unwrap(), line));
    // The function is asked for again until the new role is known there, and both permissions are at one address.
    asked.dedup();
    told.dedup();
    assert_eq!(asked, told);
    let policy = emulator.policy(&format!("faasbench-{}", spec.id)).unwrap();
    assert!(
        policy.contains("function:faasbench-*") && policy.contains("log-group:/aws/lambda/faasbench-told-"),
        "{policy}"
    );
}
