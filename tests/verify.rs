//! `faasbench verify`: the same work everywhere.

use crate::support::{Installation, platforms_here};

#[test]
fn every_platform_computes_what_this_machine_computes() {
    for platform in platforms_here() {
        let installation = Installation::new();
        let ended = installation.run(&["verify", "--platform", platform, "--json"]);
        ended.succeeds();
        let document = ended.json();
        assert_eq!(document["passed"], true, "{document}");
        let cases = document["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 8, "{document}");
        for case in cases {
            assert_eq!(case["found"], case["expected"], "{platform}: {case}");
            assert!(case["timings"]["total_ns"].as_u64().unwrap() > 0);
        }
        assert_eq!(document["images"].as_object().unwrap().len(), 6);
        installation.nothing_is_left();
        assert_eq!(installation.status().len(), 0);
        let ended = installation.run(&["undeploy", "--all"]);
        assert!(ended.succeeds().contains("nothing is deployed"), "{ended:?}");
    }
}

#[test]
fn a_platform_that_computes_something_else_fails() {
    let installation = Installation::new();
    // A limit that function1 does not need and the thumbnailer can't do with.
    installation.configure("[targets.tiny]\nplatform = \"wasm\"\nmemory = \"3MiB\"\n");
    let ended = installation.run(&["verify", "function1", "thumbnailer", "--platform", "tiny"]);
    ended.fails_with(1, &["1 of 2 cases failed", "tiny"]);
    assert!(ended.stdout.contains("FAIL") && ended.stdout.contains("pass"), "{ended:?}");
    assert!(ended.stdout.contains("thumbnailer: "), "{ended:?}");
    installation.nothing_is_left();
}
