//! Mistakes and mishaps: each a clear error, before anything is made where that can be.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::{DeploymentSpec, MemoryLedger, Platform, PlatformError};
use serde_json::json;

use crate::emulator::{Emulator, Fault};
use crate::scene::{archive, connection, no_options, platform, spec, with_connection};

#[tokio::test]
async fn what_lambda_can_not_keep_is_refused_before_the_first_request() {
    let emulator = Emulator::start().await;
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(&emulator.endpoint, no_options()).await;
    let image = archive(folder.path(), "one", &[]);
    type Change = fn(&mut DeploymentSpec);
    let changes: [(Change, &str); 14] = [
        (|spec| spec.limits.memory_bytes = Some(64 << 20), "128 to 10240"),
        (|spec| spec.limits.memory_bytes = Some(64 << 30), "128 to 10240"),
        (|spec| spec.limits.cpus = Some(2.0), "--memory 3538MiB"),
        (|spec| spec.limits.time = Some(Duration::from_millis(1500)), "whole seconds"),
        (|spec| spec.limits.time = Some(Duration::from_secs(901)), "900"),
        (|spec| spec.limits.scratch_bytes = Some(1), "scratch"),
        (|spec| spec.limits.log_bytes = Some(1), "prints"),
        (|spec| spec.scale.concurrency = Some(4), "one invocation at a time"),
        (|spec| spec.name = "a/b".to_owned(), "can't name a function"),
        (|spec| spec.name = "n".repeat(63), "64 letters"),
        (|spec| spec.image.architecture = "x86_64+aarch64".to_owned(), "one architecture"),
        (|spec| drop(spec.environment.insert("AWS_REGION".to_owned(), "x".to_owned())), "AWS_REGION"),
        (|spec| drop(spec.environment.insert("1X".to_owned(), "x".to_owned())), "begins with a letter"),
        (|spec| drop(spec.environment.insert("LONG".to_owned(), "x".repeat(5000))), "4096"),
    ];
    for (change, told) in changes {
        let mut spec = spec("refused", &image);
        change(&mut spec);
        let ledger = MemoryLedger::new();
        for error in [platform.deploy(&spec, &ledger).await.unwrap_err(), platform.requests(&spec).unwrap_err()] {
            assert!(matches!(error, PlatformError::Invalid(_)) && error.to_string().contains(told), "{told}: {error}");
        }
        assert!(ledger.entries().is_empty());
    }
    // An archive that was changed since it was built.
    let spec = spec("refused", &image);
    std::fs::write(&image.path, b"something else").unwrap();
    assert!(matches!(platform.deploy(&spec, &MemoryLedger::new()).await, Err(PlatformError::Invalid(_))));
    assert_eq!(emulator.calls(), [] as [String; 0]);
}

#[tokio::test]
async fn options_that_can_not_be_are_refused() {
    for (options, told) in [
        (json!({ "region": "moon" }), "region"),
        (json!({ "role": "admin" }), "ARN"),
        (json!({ "permissions-boundary": "arn:aws:iam::aws:role/x" }), "ARN"),
        (json!({ "prefix": "" }), "prefix"),
        (json!({ "prefix": "a*" }), "prefix"),
        (json!({ "log-retention-days": 2 }), "2 days"),
        (json!({ "invoke-by-url": true }), "public"),
        (json!({ "secret": "x" }), "unknown field"),
    ] {
        let error = lambda_platform::connect(connection(None, options.clone())).await.err().unwrap();
        assert!(error.to_string().contains(told), "{options}: {error}");
    }
    let error =
        lambda_platform::connect(connection(Some("ftp://x"), json!({ "region": "eu-west-1" }))).await.err().unwrap();
    assert!(error.to_string().contains("endpoint"), "{error}");
}

#[tokio::test]
async fn storage_that_no_instance_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec("storage", &archive(folder.path(), "one", &[]));
    for (storage, told) in
        [("/srv/objects", "share no directory"), ("s3://mine?endpoint=http://127.0.0.1:9000", "Amazon's own S3")]
    {
        let mut connection = connection(Some("http://127.0.0.1:9"), no_options());
        connection.storage = Some(storage.to_owned());
        connection.storage_environment = BTreeMap::from([("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned())]);
        let error = with_connection(connection).await.requests(&spec).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn what_aws_refuses_says_what_to_do() {
    let cases = [
        (
            "Action=GetCallerIdentity",
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
            "does not know these credentials",
        ),
        (
            "Action=GetCallerIdentity",
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
            "aws sso login",
        ),
        (
            "Action=GetCallerIdentity",
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20261128T000000Z is now earlier than 20261128T001000Z",
            "clock is wrong",
        ),
        ("Action=CreateRole", 409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000", "Service Quotas"),
        (
            "Action=CreateRole",
            403,
            "AccessDenied",
            "User: u is not authorized to perform: iam:CreateRole on resource: r",
            "allow iam:CreateRole",
        ),
        (
            "/concurrency",
            400,
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
            "lower --max",
        ),
    ];
    for (line, status, code, message, told) in cases {
        let emulator = Emulator::start().await;
        let folder = tempfile::tempdir().unwrap();
        let platform = platform(&emulator.endpoint, no_options()).await;
        let mut spec = spec("refused", &archive(folder.path(), "one", &[]));
        spec.scale.maximum_instances = Some(5);
        emulator.fail(Fault { line, status, code, message, times: 1 });
        let error = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap_err().to_string();
        assert!(error.contains(told), "{code}: {error}");
        assert!(!error.contains("secret-of-the-test"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_slows_down_is_told() {
    let platform = platform("http://127.0.0.1:9", no_options()).await;
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }), "{error}");
    let emulator = Emulator::start().await;
    let slow = crate::scene::platform(&emulator.endpoint, no_options()).await;
    // Repeated, and then it works.
    emulator.fail(Fault {
        line: "GetCallerIdentity",
        status: 400,
        code: "Throttling",
        message: "Rate exceeded",
        times: 1,
    });
    slow.reach().await.unwrap();
    assert_eq!(emulator.calls().len(), 2);
}

#[tokio::test]
async fn without_credentials_it_says_how_to_get_some() {
    let configuration = lambda_platform::defaults()
        .region(aws_config::Region::new("eu-central-1"))
        .credentials_provider(NoCredentials)
        .endpoint_url("http://127.0.0.1:9")
        .load()
        .await;
    let platform =
        lambda_platform::LambdaPlatform::new(connection(Some("http://127.0.0.1:9"), no_options()), &configuration)
            .unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("aws sso login"), "{error}");
}

#[derive(Debug)]
struct NoCredentials;

impl aws_credential_types::provider::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        use aws_credential_types::provider::error::CredentialsError;
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(
            "nothing in the chain",
        )))
    }
}
