use std::io::Write;
use std::path::Path;
use std::time::Duration;

use emulation::{Request, image, spec};
use image_kind::ImageKind;
use platform::{DeploymentSpec, Invocation, MemoryLedger, PlatformError, Readiness, ResourceState, Scale, undeploy};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::emulator::{Emulator, FUNCTION_KEY, STORAGE_KEY, TOKEN, variables};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A package; `padding` makes its size.
pub(crate) fn package(padding: usize) -> NamedTempFile {
    package_of(&[("handler", padding)])
}

/// A package with the program that carries nested calls.
pub(crate) fn package_with_caller() -> NamedTempFile {
    package_of(&[("handler", 10), ("faasbench-caller", 10)])
}

fn package_of(programs: &[(&str, usize)]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("function1/function.json", stored).unwrap();
    writer.write_all(br#"{"bindings":[{"authLevel":"anonymous","type":"httpTrigger"}]}"#).unwrap();
    for (name, size) in programs {
        writer.start_file(*name, stored.unix_permissions(0o755)).unwrap();
        writer.write_all(&vec![0; *size]).unwrap();
    }
    file.write_all(&writer.finish().unwrap().into_inner()).unwrap();
    file
}

pub(crate) fn plain(package: &Path, seed: u8) -> DeploymentSpec {
    spec("function1", image(ImageKind::AzureZip, package, seed))
}

#[tokio::test]
async fn a_site_is_made_called_and_removed_and_nothing_is_left() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let (ledger, package) = (MemoryLedger::new(), package(10));
    let mut spec = plain(package.path(), 1);
    spec.limits.memory_bytes = Some(512 << 20);
    spec.limits.time = Some(Duration::from_secs(90));
    spec.scale =
        Scale { minimum_instances: Some(1), maximum_instances: Some(50), concurrency: Some(1), ..Scale::default() };
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    platform.reach().await.unwrap();
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();

    let site = emulator.only("Microsoft.Web/sites");
    let expected = json!({ "maximumInstanceCount": 50, "instanceMemoryMB": 512,
        "alwaysReady": [{ "name": "http", "instanceCount": 1 }], "triggers": { "http": { "perInstanceConcurrency": 1 } } });
    assert_eq!(site["properties"]["functionAppConfig"]["scaleAndConcurrency"], expected);
    assert_eq!(site["properties"]["httpsOnly"], true);
    assert_eq!(emulator.setting("MINE").unwrap(), "yes");
    assert_eq!(emulator.setting("AzureFunctionsJobHost__functionTimeout").unwrap(), "00:01:30");
    assert!(emulator.setting("AzureWebJobsStorage").unwrap().contains(STORAGE_KEY));
    assert!(emulator.setting("APPLICATIONINSIGHTS_CONNECTION_STRING").is_some());

    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let call = Invocation { traceparent: Some(trace.clone()), ..Invocation::new("{}") };
    let answer = platform.invoke(&deployment, &call).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.status == 200 && body["trace"] == json!(trace));
    let anybodys = platform.http_call(&deployment).await.unwrap().unwrap();
    assert_eq!(emulation::status_over_http(&anybodys).await, 200);
    let refused = platform.invoke(&deployment, &Invocation::new(r#"{"do":"refuse"}"#)).await.unwrap();
    assert_eq!(refused.response().unwrap_err().message, "as asked");
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    // The group, the account, the workspace, the component, the plan, the site; over more than one page.
    let found = platform.find_marked().await.unwrap();
    assert!(found.len() == 6 && found.iter().all(|thing| thing.deployment == spec.id.as_str()), "{found:?}");
    // Nothing secret is written down.
    let written = format!("{:?} {deployment:?}", ledger.entries());
    assert!([STORAGE_KEY, FUNCTION_KEY, TOKEN, "secret-insights"].iter().all(|secret| !written.contains(secret)));

    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.state.lock().unwrap().things.is_empty());
    let removed = emulator.state.lock().unwrap().removed.clone();
    assert!(removed.len() == 6 && removed[0].ends_with("-function1"), "{removed:?}");
    assert!(ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
    for entry in ledger.entries() {
        platform.remove(&entry.resource).await.unwrap();
    }
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
}

#[tokio::test]
async fn after_an_update_an_instance_with_the_new_package_answers() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "application-insights": false }));
    let (ledger, old, new) = (MemoryLedger::new(), package(10), package(5000));
    let mut spec = plain(old.path(), 1);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let size = async |deployment| {
        let answer = platform.invoke(deployment, &Invocation::new("{}")).await.unwrap();
        serde_json::from_slice::<Value>(&answer.body).unwrap()["package"].as_u64().unwrap()
    };
    let before = size(&deployment).await;
    spec.image = plain(new.path(), 2).image;
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, PATIENCE).await.unwrap();
    assert!(size(&updated).await > before + 4000);
    assert_eq!(ledger.entries().len(), 4, "an update makes nothing new: {:?}", ledger.entries());
    // An instance that is older than a package is not believed to have it.
    let mut later = updated.clone();
    later.details["published-unix-ns"] = json!(u64::MAX);
    let error = platform.wait_until_ready(&later, Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().contains("older than the package"), "{error}");
}

#[tokio::test]
async fn the_consumption_plan_has_settings_and_a_way_of_publishing_of_its_own() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "plan": "consumption", "auth-level": "anonymous" }));
    let package = package(10);
    let mut spec = plain(package.path(), 1);
    spec.scale.maximum_instances = Some(3);
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(emulator.setting("FUNCTIONS_WORKER_RUNTIME").unwrap(), "custom");
    assert_eq!(emulator.only("Microsoft.Web/sites")["properties"]["siteConfig"]["functionAppScaleLimit"], 3);
    platform.scale(&deployment, &Scale { maximum_instances: Some(7), ..Scale::default() }).await.unwrap();
    assert_eq!(emulator.only("Microsoft.Web/sites")["properties"]["siteConfig"]["functionAppScaleLimit"], 7);
    let lines: Vec<String> = emulator.server.seen().iter().map(Request::line).collect();
    assert!(lines.iter().any(|line| line.ends_with("/api/zipdeploy")));
    assert!(
        !lines.iter().any(|line| line.ends_with("/functions/function1/listKeys")),
        "no key where none is asked for"
    );
}

#[tokio::test]
async fn a_cold_start_is_forced_by_a_restart_and_a_scale_changes_only_what_it_asks_for() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let package = package(10);
    let mut spec = plain(package.path(), 1);
    spec.scale.maximum_instances = Some(40);
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let call = async || platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap();
    let warm = call().await;
    assert!(!warm.is_cold());
    platform.force_cold(&deployment).await.unwrap();
    let cold = call().await;
    assert!(cold.is_cold() && cold.id != warm.id);
    platform.scale(&deployment, &Scale { minimum_instances: Some(2), ..Scale::default() }).await.unwrap();
    let scale = emulator.only("Microsoft.Web/sites")["properties"]["functionAppConfig"]["scaleAndConcurrency"].clone();
    assert_eq!((&scale["maximumInstanceCount"], &scale["alwaysReady"][0]["instanceCount"]), (&json!(40), &json!(2)));
}

#[tokio::test]
async fn what_is_anothers_is_neither_changed_nor_removed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "resource-group": "shared", "site-prefix": "lab" }));
    let package = package(10);
    let theirs = plain(package.path(), 1);
    let error = platform.deploy(&theirs, &MemoryLedger::new()).await.unwrap_err();
    assert!(error.is_users() && error.to_string().contains("az group create"), "{error}");
    let group = json!({ "type": "Microsoft.Resources/resourceGroups", "tags": {} });
    let id = format!("/subscriptions/{}/resourcegroups/shared", crate::emulator::SUBSCRIPTION);
    emulator.state.lock().unwrap().things.insert(id.clone(), group);
    platform.deploy(&theirs, &MemoryLedger::new()).await.unwrap();
    let (mine, ledger) = (plain(package.path(), 2), MemoryLedger::new());
    let before = emulator.state.lock().unwrap().things.clone();
    let error = platform.deploy(&mine, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
    assert!(undeploy(&*platform, &mine.id, &ledger).await.unwrap().is_empty());
    assert_eq!(emulator.state.lock().unwrap().things, before);
    // In the whole of Azure, not only here.
    emulator.state.lock().unwrap().taken.push("other-function1".to_owned());
    let platform = emulator.platform(json!({ "resource-group": "shared", "site-prefix": "other" }));
    let (mine, ledger) = (plain(package.path(), 2), MemoryLedger::new());
    let error = platform.deploy(&mine, &ledger).await.unwrap_err();
    assert!(matches!(&error, PlatformError::NameTaken { name, .. } if name == "other-function1"), "{error}");
    assert!(undeploy(&*platform, &mine.id, &ledger).await.unwrap().is_empty());
    assert_eq!(emulator.state.lock().unwrap().things, before);
    assert!(emulator.state.lock().unwrap().things.contains_key(&id), "the group was there before");
}

#[tokio::test]
async fn the_plan_is_what_is_asked_and_holds_no_secret() {
    let emulator = Emulator::start().await;
    let mut connection = emulator.connection(json!({}));
    connection.storage_environment.insert("STORE_KEY".to_owned(), "hidden".to_owned());
    let platform = azure_platform::connect_with(connection, &variables).unwrap();
    let package = package_with_caller();
    let spec = plain(package.path(), 1);
    let planned = platform.requests(&spec).unwrap();
    assert!(emulator.server.seen().is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert!(
        text.contains("giving the site") && text.contains(r#"{"name":"FAASBENCH_CALLER_KEY","value":"<not shown>"}"#)
    );
    assert!([STORAGE_KEY, TOKEN, "hidden"].iter().all(|secret| !text.contains(secret)), "{text}");
    platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let asked: Vec<String> = emulator.server.seen().iter().map(Request::line).collect();
    // Beside looking whether it is done.
    let is_look = |line: &str| line.contains("/operations/") || line.contains("/api/deployments/");
    let mut asked: Vec<&str> = asked.iter().map(String::as_str).filter(|line| !is_look(line)).collect();
    asked.dedup();
    let workspace_look =
        asked.iter().position(|line| line.starts_with("GET") && line.contains("/workspaces/")).unwrap();
    asked.remove(workspace_look);
    let expected: Vec<String> = planned
        .iter()
        .filter(|request| request.condition.is_none())
        .map(|request| {
            let path = request.address.strip_prefix(&emulator.server.url()).unwrap();
            format!("{} {}", request.method, path.split('?').next().unwrap())
        })
        .collect();
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_group_in_which_others_have_put_something_stays_until_that_is_gone() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let (ledger, package) = (MemoryLedger::new(), package(10));
    let spec = plain(package.path(), 1);
    platform.deploy(&spec, &ledger).await.unwrap();
    let group = emulator.only("Microsoft.Resources/resourceGroups")["id"].as_str().unwrap().to_owned();
    let put = |kind: &str| {
        let id = format!("{group}/providers/{kind}/theirs");
        let thing = json!({ "id": id, "name": "theirs", "type": kind });
        emulator.state.lock().unwrap().things.insert(id.to_lowercase(), thing);
        id.to_lowercase()
    };
    put("microsoft.alertsmanagement/smartDetectorAlertRules");
    let theirs = put("Microsoft.Sql/servers");
    let left = undeploy(&*platform, &spec.id, &ledger).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(format!("{left:?}").contains("theirs (Microsoft.Sql/servers)"), "{left:?}");
    assert!(emulator.state.lock().unwrap().things.contains_key(&theirs));
    emulator.state.lock().unwrap().things.remove(&theirs);
    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.state.lock().unwrap().things.is_empty());
}
