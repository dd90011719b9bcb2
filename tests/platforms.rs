//! `faasbench platforms` and `faasbench build --platform`.

use crate::support::{Installation, platforms_here};

#[test]
fn each_platform_says_whether_it_is_reached_and_what_it_can_do() {
    let installation = Installation::new();
    let ended = installation.run(&["platforms", "--json"]);
    ended.succeeds();
    let documents = ended.json();
    let documents = documents.as_array().unwrap();
    assert!(documents.len() > 15, "{documents:?}");
    // The others are looked for when they are set up or named.
    let (here, elsewhere): (Vec<_>, Vec<_>) = documents
        .iter()
        .partition(|document| ["wasm", "process", "container"].contains(&document["platform"].as_str().unwrap()));
    assert_eq!(here.len(), 3);
    for document in elsewhere {
        assert!(document["reached"].is_null() && document["problem"].is_null(), "{document}");
    }
    for document in here {
        // Either it is there, or the reason why not.
        assert_ne!(document["reached"].is_null(), document["problem"].is_null(), "{document}");
        let capabilities = &document["capabilities"];
        for name in ["asynchronous", "scale", "keep_alive", "memory_limit", "logs", "nested_calls"] {
            assert_eq!(capabilities[name], true, "{name} of {document}");
        }
    }
    let ended = installation.run(&["platforms"]);
    let table = ended.succeeds();
    for part in ["wasm", "process", "container", "memory limit", "forced cold starts", "not set up"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    installation.run(&["platforms", "lamda"]).fails_with(2, &["lamda", "wasm, process, container"]);
    // Looking leaves nothing behind.
    assert!(!installation.results().exists());
    assert_eq!(installation.processes(), []);
}

#[test]
fn an_audit_finds_nothing_that_the_ledger_does_not_know() {
    let installation = Installation::new();
    installation.run(&["deploy", "function1", "--platform", "process", "--min", "1"]).succeeds();
    let ended = installation.run(&["platforms", "process", "--audit", "--json"]);
    ended.succeeds();
    let document = ended.json()[0].clone();
    assert_eq!(document["deployments"], 1);
    let ours = installation.status()[0]["entry"]["id"].clone();
    for found in document["unknown"].as_array().into_iter().flatten() {
        assert_ne!(found["deployment"], ours);
    }
    // With another ledger it is unknown, where control groups are what is found.
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}

#[test]
fn images_are_built_once_and_copied_where_they_are_wanted() {
    let installation = Installation::new();
    for (platform, kind) in [("wasm", "component"), ("process", "binary"), ("container", "oci")] {
        let folder = installation.work().join(platform);
        let output = folder.to_str().unwrap();
        let arguments = ["build", "function1", "--platform", platform, "--output", output, "--json"];
        installation.run(&arguments).succeeds();
        let ended = installation.run(&arguments);
        ended.succeeds();
        let built = ended.json()[0].clone();
        assert_eq!(built["image"]["kind"], kind);
        assert_eq!(built["was_cached"], true, "{built}");
        assert!(built["image"]["digest"].as_str().unwrap().starts_with("sha256:"));
        assert!(built["image"]["code_bytes"].as_u64().unwrap() > 1_000);
        assert!(std::fs::exists(built["image"]["path"].as_str().unwrap()).unwrap());
        assert!(built["image"]["path"].as_str().unwrap().starts_with(output), "{built}");
    }
    installation.run(&["build", "--platform", "mainframe"]).fails_with(2, &["mainframe", "lambda"]);
    installation.run(&["build", "--platform", "process", "function9"]).fails_with(2, &["function9", "function1"]);
    installation.run(&["build", "--platform", "process", "--arch", "mips"]).fails_with(2, &["mips", "x86_64"]);
    installation.run(&["build", "--output", "x"]).fails_with(2, &["--platform"]);
}

#[test]
fn at_least_two_platforms_work_everywhere() {
    let here = platforms_here();
    assert!(here.contains(&"wasm") && here.contains(&"process"), "{here:?}");
}
