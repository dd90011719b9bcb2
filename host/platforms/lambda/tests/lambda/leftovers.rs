//! Nothing is left behind, and nobody else's things are touched.

use platform::{DeploymentId, Ledger, MemoryLedger, Platform, PlatformError, Resource, ResourceState, undeploy};
use serde_json::json;

use crate::emulator::{ACCOUNT, Emulator, Fault};
use crate::scene::{archive, no_options, platform, spec};

#[tokio::test]
async fn after_a_failure_half_way_all_of_it_is_removed() {
    for (line, made) in
        [("Action=PutRolePolicy", 2), ("Logs_20140328.PutRetentionPolicy", 3), ("POST /2015-03-31/functions", 4)]
    {
        let emulator = Emulator::start().await;
        let folder = tempfile::tempdir().unwrap();
        let platform = platform(&emulator.endpoint, no_options()).await;
        let ledger = MemoryLedger::new();
        let spec = spec("half", &archive(folder.path(), "one", &[]));
        let message = "User: u is not authorized to perform: some:Action on resource: r";
        emulator.fail(Fault { line, status: 403, code: "AccessDeniedException", message, times: 1 });
        let failed = platform.deploy(&spec, &ledger).await.unwrap_err();
        assert!(
            matches!(failed, PlatformError::Denied { .. }) && failed.to_string().contains("allow some:Action"),
            "{failed}"
        );
        let entries = ledger.entries();
        assert_eq!(entries.len(), made, "{line}");
        assert_eq!(entries.last().unwrap().state, ResourceState::Intended);
        // As if it had been long ago, or what may still appear would be waited for.
        for entry in entries.iter().rev() {
            let mut resource = entry.resource.clone();
            resource.details["intended_unix_ms"] = json!(0);
            platform.remove(&resource).await.unwrap();
        }
        assert!(emulator.is_empty(), "{line}: {:?}", emulator.left());
    }
}

#[tokio::test]
async fn what_is_not_ours_is_refused_or_left_alone() {
    let emulator = Emulator::start().await;
    emulator.add_foreign("faasbench-theirs");
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, no_options()).await;
    let ledger = MemoryLedger::new();
    let spec = spec("theirs", &archive(folder.path(), "one", &[]));
    let refused = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(matches!(&refused, PlatformError::NameTaken { name, .. } if name == "faasbench-theirs"), "{refused}");
    assert!(ledger.entries().is_empty());
    let resource = |kind: &str, name: &str| Resource {
        deployment: DeploymentId::from("0123456789".to_owned()),
        platform: "lambda".to_owned(),
        target: "test".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        details: json!({ "account": ACCOUNT, "created": true }),
    };
    for kind in ["function", "function-url", "url-permission", "provisioned-concurrency"] {
        platform.remove(&resource(kind, "faasbench-theirs")).await.unwrap();
    }
    assert_eq!(emulator.left(), ["faasbench-theirs"]);
    assert_eq!(platform.find_marked().await.unwrap(), []);
    for (kind, name) in [
        ("role", "admin"),
        ("role-policy", "admin/x"),
        ("log-group", "/other"),
        ("function", "a/../b"),
        ("bucket", "b"),
    ] {
        assert!(platform.remove(&resource(kind, name)).await.is_err(), "{kind} {name}");
    }
    // Another account's things can't be removed from here, and are not taken for gone.
    let mut elsewhere = resource("function", "faasbench-x");
    elsewhere.details["account"] = json!("999999999999");
    let refused = platform.remove(&elsewhere).await.unwrap_err();
    assert!(refused.to_string().contains("999999999999"), "{refused}");
    let mut elsewhere = resource("function", "faasbench-x");
    elsewhere.details["endpoint"] = json!("http://127.0.0.1:1");
    let refused = platform.remove(&elsewhere).await.unwrap_err();
    assert!(refused.to_string().contains("http://127.0.0.1:1"), "{refused}");
}

#[tokio::test]
async fn what_was_made_in_another_region_is_removed_there() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let here = platform(&emulator.endpoint, no_options()).await;
    let ledger = MemoryLedger::new();
    let spec = spec("region", &archive(folder.path(), "one", &[]));
    here.deploy(&spec, &ledger).await.unwrap();
    let entry = ledger.entries().pop().unwrap();
    assert_eq!(entry.resource.details["region"], "eu-central-1");
    let mut there = entry.resource.clone();
    there.details["region"] = json!("eu-north-1");
    // The emulator serves every region: that it is asked is enough.
    here.remove(&there).await.unwrap();
    there.details["region"] = json!("no region");
    assert!(matches!(here.remove(&there).await, Err(PlatformError::Invalid(_))));
    assert!(undeploy(&here, &spec.id, &ledger).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deployment_is_not_made_elsewhere_while_it_is_somewhere() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, no_options()).await;
    let spec = spec("moved", &archive(folder.path(), "one", &[]));
    for (field, there) in [("region", "eu-north-1"), ("account", "999999999999"), ("endpoint", "http://127.0.0.1:1")] {
        let ledger = MemoryLedger::new();
        let mut details = json!({ "region": "eu-central-1", "account": ACCOUNT, "created": true });
        details[field] = json!(there);
        let made = Resource {
            deployment: spec.id.clone(),
            platform: "lambda".to_owned(),
            target: "test".to_owned(),
            kind: "function".to_owned(),
            name: "faasbench-moved".to_owned(),
            details,
        };
        ledger.intend(&made).await.unwrap();
        let before = ledger.entries();
        let refused = platform.deploy(&spec, &ledger).await.unwrap_err();
        assert!(matches!(refused, PlatformError::Invalid(_)), "{refused}");
        for part in [there, "faasbench undeploy moved --platform test"] {
            assert!(refused.to_string().contains(part), "{refused}");
        }
        assert_eq!(ledger.entries(), before);
        assert!(emulator.is_empty(), "{:?}", emulator.left());
    }
}
