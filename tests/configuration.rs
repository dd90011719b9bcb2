//! `faasbench.toml`: where it is found, what it says, what is wrong with it.

use crate::support::Installation;

#[test]
fn a_target_of_the_configuration_is_a_platform_with_its_settings() {
    let installation = Installation::new();
    installation.configure(
        "[defaults]\nmemory = \"64MiB\"\n[targets.small]\nplatform = \"wasm\"\nmax = 1\nqueue = 3\nkeep-alive = \"5m\"\nenv = { MODE = \"lab\" }\n",
    );
    let ended = installation.run(&["deploy", "function1", "--platform", "small", "--queue", "5", "--json"]);
    ended.succeeds();
    let spec = ended.json()[0]["deployment"]["spec"].clone();
    assert_eq!(spec["limits"]["memory_bytes"], 64 << 20, "{spec}");
    assert_eq!(spec["scale"]["maximum_instances"], 1);
    assert_eq!(spec["scale"]["queue"], 5, "a flag beats the file");
    assert_eq!(spec["scale"]["keep_alive"]["secs"], 300);
    assert!(spec["environment"].get("MODE").is_some());
    let status = installation.status();
    assert_eq!(
        (status[0]["entry"]["target"].as_str(), status[0]["entry"]["platform"].as_str()),
        (Some("small"), Some("wasm"))
    );
    installation.run(&["invoke", "function1", "--platform", "small"]).succeeds();
    // The platform itself is another target.
    installation.run(&["invoke", "function1", "--platform", "wasm"]).fails_with(2, &["function1", "wasm", "deploy"]);
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let installation = Installation::new();
    for (text, parts) in [
        ("[targets.a]\nplatform = \"wasm\"\nmemmory = 1\n", ["faasbench.toml:3", "memmory", "concurrency"]),
        ("[targets.a]\nplatform = \"mainframe\"\n", ["`a`", "mainframe", "container"]),
        ("[defaults]\ncpu = \"all\"\n", ["faasbench.toml:2", "defaults.cpu", "string"]),
        ("[defaults]\nmin = 3\nmax = 2\n", ["defaults", "min", "max"]),
        ("[defaults.env]\nAPI_TOKEN = \"hunter2\"\n", ["faasbench.toml:2", "API_TOKEN", "environment"]),
        ("[defaults\n", ["faasbench.toml:1", "", ""]),
    ] {
        installation.configure(text);
        for command in [["platforms", "wasm"], ["status", "x"]] {
            let ended = installation.run(&command);
            ended.fails_with(2, &parts);
            assert!(!ended.stderr.contains("hunter2"), "{ended:?}");
        }
    }
}

#[test]
fn a_file_may_be_named() {
    let installation = Installation::new();
    let file = installation.work().join("other.toml");
    std::fs::write(&file, "[targets.mine]\nplatform = \"process\"\n").unwrap();
    let ended = installation.run(&["platforms", "--config", "other.toml", "--json"]);
    ended.succeeds();
    let targets: Vec<String> =
        ended.json().as_array().unwrap().iter().map(|one| one["target"].as_str().unwrap().to_owned()).collect();
    assert_eq!(targets[..4], ["wasm", "process", "container", "mine"]);
    let ended = installation.run_with(&["platforms", "mine"], &[("FAASBENCH_CONFIG", file.to_str().unwrap())]);
    assert!(ended.succeeds().contains("mine"));
    installation.run(&["platforms", "mine"]).fails_with(2, &["mine", "wasm, process, container"]);
    installation.run(&["platforms", "--config", "nothing.toml"]).fails_with(2, &["nothing.toml", "--config"]);
}
