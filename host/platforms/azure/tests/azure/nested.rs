//! What lets functions call each other.

use std::path::Path;

use platform::{DeploymentId, DeploymentSpec, Invocation, MemoryLedger, PlatformError};
use serde_json::json;

use crate::deploying::{PATIENCE, package, package_with_caller, plain};
use crate::emulator::Emulator;

fn named(name: &str, package: &Path) -> DeploymentSpec {
    DeploymentSpec { id: DeploymentId::new(), name: name.to_owned(), ..plain(package, 1) }
}

#[tokio::test]
async fn sites_of_a_target_have_one_key_that_is_written_down_nowhere_else() {
    let emulator = Emulator::start().await;
    let (package, ledger) = (package_with_caller(), MemoryLedger::new());
    let options = json!({ "site-prefix": "lab", "application-insights": false });
    let platform = emulator.platform(options.clone());
    assert!(platform.capabilities().nested_calls);
    // Another target, whose sites' names begin as this one's do.
    let neighbour = emulator.platform(json!({ "site-prefix": "lab-b", "application-insights": false }));
    neighbour.deploy(&named("function1", package.path()), &ledger).await.unwrap();
    let neighbours = emulator.setting_and_key("lab-b-function1", "FAASBENCH_CALLER_KEY").0;
    // A new site's host takes no keys at first.
    emulator.state.lock().unwrap().starting = 2;
    let caller = platform.deploy(&named("function3", package.path()), &ledger).await.unwrap();
    let setting = |site: &str, name: &str| emulator.setting_and_key(site, name).0.unwrap();
    assert_eq!(setting("lab-function3", "FAASBENCH_INVOKE_HELPER"), "/home/site/wwwroot/faasbench-caller");
    assert_eq!(setting("lab-function3", "FAASBENCH_INVOKE_URL"), "unix:/tmp/faasbench-caller.sock:/{name}");
    assert_eq!(setting("lab-function3", "FAASBENCH_CALLER"), "azure");
    let url = "https://lab-{name}.azurewebsites.net/api/{name}";
    assert_eq!(setting("lab-function3", "FAASBENCH_CALLER_URL"), url);
    let (key, of_site) = emulator.setting_and_key("lab-function3", "FAASBENCH_CALLER_KEY");
    assert!(key == of_site && key.as_ref().is_some_and(|key| key.len() == 64));
    assert!(neighbours.is_some() && neighbours != key);
    // Another command, for what is called: it finds the key, and a site of another prefix does not matter.
    let other = emulator.platform(json!({ "site-prefix": "a", "application-insights": false }));
    other.deploy(&named("function2", package.path()), &ledger).await.unwrap();
    assert_ne!(emulator.setting_and_key("a-function2", "FAASBENCH_CALLER_KEY").0, key);
    let called = emulator.platform(options.clone()).deploy(&named("function2", package.path()), &ledger).await.unwrap();
    let expected = (key.clone(), key.clone());
    assert_eq!(emulator.setting_and_key("lab-function2", "FAASBENCH_CALLER_KEY"), expected);
    // An update keeps it.
    emulator.platform(options).deploy(&caller.spec, &ledger).await.unwrap();
    assert_eq!(emulator.setting_and_key("lab-function3", "FAASBENCH_CALLER_KEY"), expected);
    let written = format!("{:?} {caller:?} {called:?}", ledger.entries());
    assert!(!written.contains(&key.unwrap()));
}

#[tokio::test]
async fn deployments_at_once_have_one_key() {
    let emulator = Emulator::start().await;
    let (package, ledger) = (package_with_caller(), MemoryLedger::new());
    let platform = emulator.platform(json!({ "site-prefix": "lab", "application-insights": false }));
    let (first, second) = (named("function1", package.path()), named("function2", package.path()));
    let (first, second) = tokio::join!(platform.deploy(&first, &ledger), platform.deploy(&second, &ledger));
    first.and(second).unwrap();
    let [first, second] =
        ["lab-function1", "lab-function2"].map(|site| emulator.setting_and_key(site, "FAASBENCH_CALLER_KEY"));
    assert!(first == second && first.0.is_some());
}

#[tokio::test]
async fn sites_that_were_made_with_two_keys_come_together_when_they_are_deployed_again() {
    let emulator = Emulator::start().await;
    let (package, ledger) = (package_with_caller(), MemoryLedger::new());
    let specs = ["function1", "function2"].map(|name| named(name, package.path()));
    // Each by another command.
    let again = async |spec: &DeploymentSpec| {
        let platform = emulator.platform(json!({ "site-prefix": "lab", "application-insights": false }));
        platform.deploy(spec, &ledger).await.unwrap();
    };
    for spec in &specs {
        again(spec).await;
    }
    let keys = || ["lab-function1", "lab-function2"].map(|site| emulator.setting_and_key(site, "FAASBENCH_CALLER_KEY"));
    emulator.change_key("lab-function2", "another");
    let [first, second] = keys();
    assert_ne!(first, second);
    for spec in specs.iter().rev() {
        again(spec).await;
    }
    assert_eq!(keys(), [first.clone(), first]);
}

#[tokio::test]
async fn a_function_answers_at_its_deployments_name() {
    let emulator = Emulator::start().await;
    let package = package_with_caller();
    for level in ["function", "anonymous"] {
        let platform = emulator.platform(json!({ "auth-level": level, "application-insights": false }));
        let name = format!("other-{level}");
        let deployment = platform.deploy(&named(&name, package.path()), &MemoryLedger::new()).await.unwrap();
        assert!(deployment.url.as_ref().unwrap().ends_with(&format!("/api/{name}")), "{deployment:?}");
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        assert_eq!(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().status, 200);
        let site = deployment.details["site"].as_str().unwrap();
        let (key, of_site) = emulator.setting_and_key(site, "FAASBENCH_CALLER_KEY");
        assert_eq!((key.is_some(), of_site.is_some()), (level == "function", level == "function"));
        assert_eq!(emulator.setting_and_key(site, "FAASBENCH_CALLER").0.as_deref(), Some("azure"));
        // Where it is known before it is made: by the target's own prefix.
        let prefix = site.strip_suffix(&format!("-{name}")).unwrap();
        let url = emulator.setting_and_key(site, "FAASBENCH_CALLER_URL").0.unwrap();
        assert_eq!(url, format!("https://{prefix}-{{name}}.azurewebsites.net/api/{{name}}"));
    }
}

#[tokio::test]
async fn without_nested_calls_or_the_program_for_them_nothing_leads_to_others() {
    let emulator = Emulator::start().await;
    let (with, without) = (package_with_caller(), package(10));
    for (options, package, nested) in [(json!({ "nested-calls": false }), &with, false), (json!({}), &without, true)] {
        let platform = emulator.platform(options);
        assert_eq!(platform.capabilities().nested_calls, nested);
        let deployment = platform.deploy(&plain(package.path(), 1), &MemoryLedger::new()).await.unwrap();
        let site = deployment.details["site"].as_str().unwrap();
        assert_eq!(emulator.setting_and_key(site, "FAASBENCH_INVOKE_URL"), (None, None));
        assert_eq!(emulator.setting_and_key(site, "FAASBENCH_CALLER_KEY"), (None, None));
        assert_eq!(site.contains(deployment.spec.id.as_str()), !nested, "{site}");
    }
}

#[tokio::test]
async fn a_site_that_is_not_where_others_call_it_is_refused() {
    let emulator = Emulator::start().await;
    emulator.state.lock().unwrap().unique_hosts = true;
    let package = package_with_caller();
    let spec = plain(package.path(), 1);
    let error = emulator.platform(json!({})).deploy(&spec, &MemoryLedger::new()).await.unwrap_err();
    // Not taken for a refusal before anything was done: the site is there.
    assert!(matches!(error, PlatformError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("a1b2.westeurope-01"), "{error}");
    assert!(emulator.setting("FAASBENCH_CALLER").is_some());
    let alone = named("function1", package.path());
    emulator.platform(json!({ "nested-calls": false })).deploy(&alone, &MemoryLedger::new()).await.unwrap();
}

#[tokio::test]
async fn a_host_that_never_takes_the_key_is_given_up() {
    let emulator = Emulator::start().await;
    emulator.state.lock().unwrap().starting = u32::MAX;
    let package = package_with_caller();
    let platform =
        emulator.platform(json!({ "plan": "consumption", "application-insights": false, "operation-patience-s": 2 }));
    let error = platform.deploy(&plain(package.path(), 1), &MemoryLedger::new()).await.unwrap_err().to_string();
    assert!(error.contains("the key of nested calls") && error.contains("ServiceUnavailable"), "{error}");
}
