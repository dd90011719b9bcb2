use std::path::Path;
use std::time::Duration;

use emulation::{Request, image, spec};
use image_kind::ImageKind;
use platform::{DeploymentSpec, Invocation, MemoryLedger, PlatformError, Readiness, ResourceState, Scale, undeploy};
use serde_json::{Value, json};

use crate::emulator::{ACCESS_TOKEN, Emulator, ID_TOKEN, variables};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn plain(seed: u8) -> DeploymentSpec {
    spec("function1", image(ImageKind::OciWithCaller, Path::new("/nowhere/function1"), seed))
}

#[tokio::test]
async fn a_service_is_made_called_and_removed_and_nothing_is_left() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "invokers": ["user:me@example.com"], "startup-cpu-boost": true }));
    let ledger = MemoryLedger::new();
    let mut spec = plain(1);
    spec.limits.memory_bytes = Some(1 << 30);
    spec.limits.cpus = Some(2.0);
    spec.limits.time = Some(Duration::from_secs(90));
    spec.scale =
        Scale { minimum_instances: Some(0), maximum_instances: Some(3), concurrency: Some(1), ..Scale::default() };
    platform.reach().await.unwrap();
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();

    let service = emulator.state.lock().unwrap().services["function1"].clone();
    let template = &service["template"];
    assert_eq!(template["containers"][0]["resources"]["limits"], json!({ "cpu": "2", "memory": "1024Mi" }));
    assert_eq!(template["containers"][0]["resources"]["startupCpuBoost"], true);
    assert_eq!(template["scaling"], json!({ "minInstanceCount": 0, "maxInstanceCount": 3 }));
    assert_eq!((&template["maxInstanceRequestConcurrency"], &template["timeout"]), (&json!(1), &json!("90s")));
    let binding = emulator.state.lock().unwrap().policies["function1"]["bindings"][0].clone();
    assert_eq!(binding, json!({ "role": "roles/run.invoker", "members": ["user:me@example.com"] }));

    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let answer = platform
        .invoke(&deployment, &Invocation { traceparent: Some(trace.clone()), ..Invocation::new("{}") })
        .await
        .unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert!(answer.instance.unwrap().is_cold() && body["trace"] == json!(trace), "{body}");
    let status = platform.status(&deployment).await.unwrap();
    assert_eq!((status.readiness, status.image_digest), (Readiness::Ready, Some(spec.image.digest.clone())));
    assert_eq!(platform.find_marked().await.unwrap()[0].deployment, spec.id.as_str());

    assert!(undeploy(&*platform, &spec.id, &ledger).await.unwrap().is_empty());
    assert!(emulator.state.lock().unwrap().services.is_empty() && emulator.registry.tags().is_empty());
    assert!(ledger.entries().iter().all(|entry| entry.state == ResourceState::Removed));
    for entry in ledger.entries() {
        platform.remove(&entry.resource).await.unwrap();
    }
    assert_eq!(platform.status(&deployment).await.unwrap().readiness, Readiness::Missing);
}

#[tokio::test]
async fn after_an_update_the_new_image_answers() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let ledger = MemoryLedger::new();
    let mut spec = plain(1);
    let deployment = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    spec.image = plain(2).image;
    // Another changes it in between: it is read again.
    emulator.state.lock().unwrap().conflicts = 1;
    let updated = platform.deploy(&spec, &ledger).await.unwrap();
    platform.wait_until_ready(&updated, PATIENCE).await.unwrap();
    let answer = platform.invoke(&updated, &Invocation::new("{}")).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("@sha256:0202"), "{:?}", answer.body);
    // What was deployed before is not what serves now.
    let error = platform.wait_until_ready(&deployment, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, PlatformError::NotReady { .. }), "{error}");
    emulator.state.lock().unwrap().conflicts = 10;
    let error = platform.deploy(&spec, &ledger).await.unwrap_err();
    assert!(error.to_string().contains("Conflict"), "{error}");
}

#[tokio::test]
async fn what_is_anothers_is_neither_changed_nor_removed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let theirs = plain(1);
    let deployment = platform.deploy(&theirs, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let before = emulator.state.lock().unwrap().services.clone();
    let (mine, ledger) = (plain(2), MemoryLedger::new());
    let error = platform.deploy(&mine, &ledger).await.unwrap_err();
    assert!(matches!(error, PlatformError::NameTaken { .. }), "{error}");
    let mut resource = platform::Resource {
        deployment: mine.id.clone(),
        platform: "gcp".to_owned(),
        target: "mine".to_owned(),
        kind: "service".to_owned(),
        name: "function1".to_owned(),
        details: json!({ "project": "lab-1", "region": "europe-west1" }),
    };
    platform.remove(&resource).await.unwrap();
    assert_eq!(emulator.state.lock().unwrap().services, before);
    // In another region there may be one of ours with that name.
    resource.details["region"] = json!("us-east1");
    assert!(platform.remove(&resource).await.unwrap_err().to_string().contains("us-east1"));
}

#[tokio::test]
async fn a_cold_start_is_forced_by_a_revision_or_by_ending_all_instances() {
    for way in ["revision", "manual-zero"] {
        let emulator = Emulator::start().await;
        let platform = emulator.platform(json!({ "force-cold": way }));
        let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        let call = async || platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().instance.unwrap();
        let first = call().await;
        assert!(!call().await.is_cold());
        platform.force_cold(&deployment).await.unwrap();
        let cold = call().await;
        assert!(cold.is_cold() && cold.id != first.id, "{way}: {cold:?}");
        let service = emulator.state.lock().unwrap().services["function1"].clone();
        let expected = if way == "revision" { Value::Null } else { json!({ "scalingMode": "AUTOMATIC" }) };
        assert_eq!(service["scaling"], expected);
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    }
}

#[tokio::test]
async fn a_scale_changes_only_what_it_asks_for() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let mut spec = plain(1);
    spec.scale.maximum_instances = Some(3);
    spec.environment.insert("MINE".to_owned(), "yes".to_owned());
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    let template = || emulator.state.lock().unwrap().services["function1"]["template"].clone();
    let before = template();
    platform.scale(&deployment, &Scale { minimum_instances: Some(2), ..Scale::default() }).await.unwrap();
    let after = template();
    assert_eq!(after["scaling"], json!({ "minInstanceCount": 2, "maxInstanceCount": 3 }));
    assert_eq!(before["containers"], after["containers"]);
    let error = platform.scale(&deployment, &Scale { queue: Some(1), ..Scale::default() }).await.unwrap_err();
    assert!(error.is_users(), "{error}");
}

#[tokio::test]
async fn calls_carry_a_token_only_where_it_is_asked_for() {
    let emulator = Emulator::start().await;
    for access in ["public", "public-by-policy", "private"] {
        emulator.state.lock().unwrap().services.clear();
        let platform = emulator.platform(json!({ "access": access }));
        let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
        platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
        assert_eq!(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().status, 200, "{access}");
        let anybodys = platform.http_call(&deployment).await.unwrap().unwrap();
        assert_eq!(emulation::status_over_http(&anybodys).await, 200, "{access}");
        assert!(!format!("{anybodys:?}").contains("Bearer"));
        let years = anybodys.valid_for.map(|time| time.as_secs() / (365 * 86_400));
        assert!(if access == "private" { years > Some(10) } else { years.is_none() }, "{access}: {years:?}");
        // A function's own refusal is an answer.
        let refused = platform.invoke(&deployment, &Invocation::new(r#"{"do":"refuse"}"#)).await.unwrap();
        assert_eq!(refused.response().unwrap_err().message, "as asked");
        emulator.state.lock().unwrap().policies.clear();
    }
    let others = |name: &str| match name {
        "FAASBENCH_GCP_ID_TOKEN" => Some("another".to_owned()),
        name => variables(name),
    };
    let platform = gcp_platform::connect_with(emulator.connection(json!({})), &others).unwrap();
    let mut spec = plain(1);
    spec.id = serde_json::from_value(
        emulator.state.lock().unwrap().services["function1"]["labels"]["faasbench-deployment"].clone(),
    )
    .unwrap();
    let deployment = platform.deploy(&spec, &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    let error = platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }) && error.to_string().contains("run.invoker"), "{error}");
}

#[tokio::test]
async fn a_service_that_was_public_is_private_again_and_what_others_allowed_stays() {
    let emulator = Emulator::start().await;
    let ledger = MemoryLedger::new();
    let spec = plain(1);
    emulator.platform(json!({ "access": "public-by-policy" })).deploy(&spec, &ledger).await.unwrap();
    let members = || emulator.state.lock().unwrap().policies["function1"]["bindings"][0]["members"].clone();
    assert_eq!(members(), json!(["allUsers"]));
    let theirs = json!(["allUsers", "user:theirs@example.com"]);
    emulator.state.lock().unwrap().policies.get_mut("function1").unwrap()["bindings"][0]["members"] = theirs;
    emulator.platform(json!({ "invokers": ["user:me@example.com"] })).deploy(&spec, &ledger).await.unwrap();
    assert_eq!(members(), json!(["user:theirs@example.com", "user:me@example.com"]));
    emulator.platform(json!({})).deploy(&spec, &ledger).await.unwrap();
    assert_eq!(members(), json!(["user:theirs@example.com"]));
}

#[tokio::test]
async fn a_service_scales_by_itself_again_although_ending_its_instances_failed() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({ "force-cold": "manual-zero" }));
    let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    emulator.state.lock().unwrap().fails = Some("as asked".to_owned());
    let error = platform.force_cold(&deployment).await.unwrap_err().to_string();
    assert!(error.contains("as asked"), "{error}");
    let scaling = emulator.state.lock().unwrap().services["function1"]["scaling"].clone();
    assert_eq!(scaling, json!({ "scalingMode": "AUTOMATIC" }));
}

#[tokio::test]
async fn a_deployment_is_not_made_again_elsewhere() {
    let (here, elsewhere) = (Emulator::start().await, Emulator::start().await);
    let ledger = MemoryLedger::new();
    let spec = plain(1);
    here.platform(json!({})).deploy(&spec, &ledger).await.unwrap();
    let error = elsewhere.platform(json!({})).deploy(&spec, &ledger).await.unwrap_err().to_string();
    assert!(error.contains(&here.server.url()) && error.contains("undeploy function1"), "{error}");
    assert!(elsewhere.state.lock().unwrap().services.is_empty());
}

#[tokio::test]
async fn the_plan_is_what_is_asked_and_holds_no_secret() {
    let emulator = Emulator::start().await;
    let mut connection = emulator.connection(json!({
        "invokers": ["user:me@example.com"], "invoke-url": "http://10.0.0.2/{name}", "invoke-authorization-variable": "WAY" }));
    connection.storage_environment.insert("STORE_KEY".to_owned(), "hidden".to_owned());
    let known = |name: &str| if name == "WAY" { Some("Basic hidden".to_owned()) } else { variables(name) };
    let platform = gcp_platform::connect_with(connection, &known).unwrap();
    assert!(platform.capabilities().nested_calls);
    let planned = platform.requests(&plain(1)).unwrap();
    assert!(emulator.server.seen().is_empty());
    let text = serde_json::to_string(&planned).unwrap();
    assert!(!text.contains("hidden") && text.contains("http://10.0.0.2/"), "{text}");
    assert!(!text.contains(ACCESS_TOKEN) && !text.contains(ID_TOKEN));
    platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
    let asked: Vec<String> = emulator.server.seen().iter().map(Request::line).collect();
    let asked: Vec<&String> = asked.iter().filter(|line| !line.contains("/operations/")).collect();
    let expected: Vec<String> = planned
        .iter()
        .filter(|request| request.method != "PUSH" && request.method != "PATCH" && !request.address.contains('<'))
        .map(|request| {
            let path = request.address.strip_prefix(&emulator.server.url()).unwrap();
            format!("{} {}", request.method, path.split('?').next().unwrap())
        })
        .collect();
    assert_eq!(asked, expected.iter().collect::<Vec<_>>());
}

/// The variables of a service's instances.
fn variables_of(emulator: &Emulator) -> Value {
    let service = emulator.state.lock().unwrap().services["function1"].clone();
    let variables = service["template"]["containers"][0]["env"].as_array().unwrap().clone();
    variables.into_iter().map(|one| (one["name"].as_str().unwrap().to_owned(), one["value"].clone())).collect()
}

#[tokio::test]
async fn functions_call_each_other_as_an_account_that_each_service_lets_in_and_nobody_else() {
    let emulator = Emulator::start().await;
    let ledger = MemoryLedger::new();
    let spec = plain(1);
    let account = "lab@lab-1.iam.gserviceaccount.com";
    let options = json!({ "service-account": account, "invokers": ["user:me@example.com"] });
    let platform = emulator.platform(options);
    assert!(platform.capabilities().nested_calls && platform.image_kind() == ImageKind::OciWithCaller);
    let planned = serde_json::to_string(&platform.requests(&spec).unwrap()).unwrap();
    assert!(
        planned.contains(&format!("serviceAccount:{account}")) && planned.contains("{project-number}"),
        "{planned}"
    );
    platform.deploy(&spec, &ledger).await.unwrap();
    let variables = variables_of(&emulator);
    assert_eq!(variables["FAASBENCH_INVOKE_HELPER"], "/faasbench-caller");
    assert_eq!(variables["FAASBENCH_INVOKE_URL"], "unix:/tmp/faasbench-caller.sock:/{name}");
    assert_eq!(variables["FAASBENCH_CALLER"], "gcp");
    assert_eq!(variables["FAASBENCH_CALLER_URL"], "https://{name}-{project-number}.europe-west1.run.app");
    let members = || emulator.state.lock().unwrap().policies["function1"]["bindings"][0]["members"].clone();
    assert_eq!(members(), json!(["user:me@example.com", format!("serviceAccount:{account}")]));
    let running = emulator.state.lock().unwrap().services["function1"]["template"]["serviceAccount"].clone();
    assert_eq!(running, account);
    // Without nested calls it is not let in any more, and nothing leads there.
    let options = json!({ "service-account": account, "invokers": ["user:me@example.com"], "nested-calls": false });
    let platform = emulator.platform(options);
    assert!(!platform.capabilities().nested_calls && platform.reach().await.unwrap().remarks.len() == 1);
    platform.deploy(&spec, &ledger).await.unwrap();
    assert_eq!(members(), json!(["user:me@example.com"]));
    assert!(variables_of(&emulator).as_object().unwrap().keys().all(|name| !name.contains("CALLER")));
}

#[tokio::test]
async fn functions_call_each_other_only_where_someone_is_let_in_and_the_image_can() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    assert!(!platform.capabilities().nested_calls);
    let remarks = platform.reach().await.unwrap().remarks.join(" ");
    assert!(remarks.contains("service-account"), "{remarks}");
    let (spec, ledger) = (plain(1), MemoryLedger::new());
    platform.deploy(&spec, &ledger).await.unwrap();
    let has_way = || variables_of(&emulator).get("FAASBENCH_INVOKE_URL").is_some();
    assert!(!has_way());
    // Everybody is let in, whatever account the caller has.
    let public = emulator.platform(json!({ "access": "public" }));
    assert!(public.capabilities().nested_calls);
    public.deploy(&spec, &ledger).await.unwrap();
    assert!(has_way());
    let mut without = spec.clone();
    without.image.kind = ImageKind::Oci;
    public.deploy(&without, &ledger).await.unwrap();
    assert!(!has_way(), "the image of the other platforms has no such program");
}
