//! Instances that are started beforehand, and URLs.

use platform::{Invocation, MemoryLedger, Platform, PlatformError, Scale, undeploy};
use serde_json::json;

use crate::emulator::Emulator;
use crate::scene::{archive, no_options, platform, spec};

fn at_least(minimum: u32) -> Scale {
    Scale { minimum_instances: Some(minimum), ..Scale::default() }
}

#[tokio::test]
async fn instances_are_started_beforehand_by_a_deployment_and_go_with_it() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, json!({ "url": "public" })).await;
    let ledger = MemoryLedger::new();
    let mut spec = spec("warm", &archive(folder.path(), "one", &[]));
    spec.scale = Scale { maximum_instances: Some(3), ..at_least(2) };
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    let look = || {
        emulator.function("faasbench-warm", |function| {
            (function.alias, function.provisioned.map(|(count, _)| count), function.reserved)
        })
    };
    assert_eq!(look(), (Some(1), Some(2), Some(3)));
    let answer = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(answer.billing.unwrap().start_us, None, "it goes to the alias, whose instances are there already");
    let refused = platform.force_cold(&deployment).await.unwrap_err();
    assert!(matches!(refused, PlatformError::Invalid(_)) && refused.to_string().contains("--min 0"), "{refused}");

    // New code: the alias names the new version, and the old one is gone.
    spec.image = archive(folder.path(), "two", &[]);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, std::time::Duration::from_secs(30)).await.unwrap();
    assert_eq!(look().0, Some(2));
    assert_eq!(
        emulator.function("faasbench-warm", |function| function.versions.keys().copied().collect::<Vec<_>>()),
        [2]
    );

    assert!(undeploy(&platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.is_empty());
    // The last made is the first to go.
    let calls = emulator.calls();
    let gone: Vec<_> =
        calls.iter().filter(|line| line.starts_with("DELETE") || line.contains("Delete")).map(String::as_str).collect();
    assert_eq!(
        gone[1..],
        [
            "DELETE /2019-09-30/functions/faasbench-warm/provisioned-concurrency?Qualifier=live",
            "DELETE /2015-03-31/functions/faasbench-warm/aliases/live",
            "DELETE /2015-03-31/functions/faasbench-warm?Qualifier=2",
            "DELETE /2015-03-31/functions/faasbench-warm/policy/faasbench-url",
            "DELETE /2015-03-31/functions/faasbench-warm/policy/faasbench-url-invoke",
            "DELETE /2021-10-31/functions/faasbench-warm/url",
            "DELETE /2015-03-31/functions/faasbench-warm",
            "POST /?X-Amz-Target=Logs_20140328.DeleteLogGroup",
            "POST /?Action=DeleteRolePolicy",
            "POST /?Action=DeleteRole",
        ]
    );
}

#[tokio::test]
async fn a_scale_is_changed_afterwards() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, no_options()).await;
    let ledger = MemoryLedger::new();
    let spec = spec("later", &archive(folder.path(), "one", &[]));
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.scale(&deployment, &at_least(1)).await.unwrap();
    // Another process, which has only what was deployed, calls the instances that are there too.
    let other = crate::scene::platform(&emulator.endpoint, no_options()).await;
    let answer = other.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    assert_eq!(answer.billing.unwrap().start_us, None);
    platform.scale(&deployment, &at_least(0)).await.unwrap();
    assert_eq!(emulator.function("faasbench-later", |function| (function.alias, function.versions.len())), (None, 0));
    platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap();
    for scale in [
        Scale { concurrency: Some(2), ..Scale::default() },
        Scale { queue: Some(2), ..Scale::default() },
        Scale { keep_alive: Some(std::time::Duration::from_secs(1)), ..Scale::default() },
        Scale { maximum_instances: Some(0), ..Scale::default() },
        Scale { maximum_instances: Some(1), ..at_least(2) },
    ] {
        let refused = platform.scale(&deployment, &scale).await.unwrap_err();
        assert!(matches!(refused, PlatformError::Invalid(_)), "{scale:?}: {refused}");
    }
    undeploy(&platform, &spec.id, &ledger).await.unwrap();
}

#[tokio::test]
async fn a_url_that_is_no_longer_wanted_is_taken_away() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::new();
    let spec = spec("url", &archive(folder.path(), "one", &[]));
    let open = platform(&emulator.endpoint, json!({ "url": "public" })).await;
    let deployment = open.deploy(&spec, &ledger).await.unwrap();
    assert_eq!(deployment.url.as_deref(), Some("https://abcdef.lambda-url.eu-central-1.on.aws/"));
    let look = || emulator.function("faasbench-url", |function| (function.url.clone(), function.permissions.len()));
    assert_eq!(look(), (Some("NONE".to_owned()), 2));
    let signed = platform(&emulator.endpoint, json!({ "url": "iam" })).await;
    signed.deploy(&spec, &ledger).await.unwrap();
    assert_eq!(look(), (Some("AWS_IAM".to_owned()), 0));
    let none = platform(&emulator.endpoint, no_options()).await;
    assert_eq!(none.deploy(&spec, &ledger).await.unwrap().url, None);
    assert_eq!(look(), (None, 0));
}
