//! Nothing is deployed without the ledger, and nothing that is in it is forgotten.

use crate::support::Installation;

#[test]
fn without_a_ledger_nothing_is_deployed() {
    let installation = Installation::new();
    for place in ["/nowhere/at/all/results.db", "/proc/results.db"] {
        let ended = installation.run(&["deploy", "function1", "--platform", "process", "--results", place]);
        assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
        assert!(ended.stderr.contains("results"), "{ended:?}");
        assert_eq!(installation.processes(), []);
    }
}

#[test]
fn where_nothing_is_deployed_there_is_nothing_to_show_or_remove() {
    let installation = Installation::new();
    assert!(installation.run(&["status"]).succeeds().contains("nothing is deployed"));
    assert!(installation.run(&["undeploy", "--all"]).succeeds().contains("nothing is deployed"));
    assert!(!installation.results().exists());
    installation.run(&["undeploy", "function1"]).fails_with(2, &["nothing was ever deployed", "--results"]);
    installation.run(&["logs", "function1"]).fails_with(2, &["nothing was ever deployed"]);
    installation.run(&["invoke", "function1", "--platform", "wasm"]).fails_with(2, &["nothing was ever deployed"]);
    installation.run(&["undeploy"]).fails_with(2, &["--all"]);
    installation.run(&["deploy", "function1", "--platform", "wasm"]).succeeds();
    installation.run(&["undeploy", "function2"]).fails_with(2, &["function2", "status"]);
    installation.run(&["status", "function2"]).fails_with(2, &["function2"]);
    installation.run(&["logs", "function2"]).fails_with(2, &["function2", "deploy"]);
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}

#[test]
fn the_values_of_environment_variables_are_nowhere() {
    let installation = Installation::new();
    let arguments =
        ["deploy", "function1", "--platform", "process", "--env", "SECRET", "--env", "MODE=hunter3", "--json"];
    let ended = installation.run_with(&arguments, &[("SECRET", "hunter2")]);
    let printed = ended.succeeds().to_owned();
    assert!(printed.contains("SECRET") && printed.contains("MODE"), "{printed}");
    let status = installation.run(&["status", "--json"]);
    let database = std::fs::read(installation.results()).unwrap();
    for secret in ["hunter2", "hunter3"] {
        assert!(!printed.contains(secret) && !status.succeeds().contains(secret));
        assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    installation.run(&["deploy", "function1", "--platform", "process", "--env", "NOT_SET"]).fails_with(2, &["NOT_SET"]);
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}

#[test]
fn a_deleted_run_and_its_ledger_are_two_things() {
    let installation = Installation::new();
    installation.run(&["deploy", "function1", "--platform", "wasm"]).succeeds();
    let run = [
        "run",
        "time",
        "-f",
        "function1",
        "--engine",
        "wasm",
        "--repetitions",
        "1",
        "--processes",
        "1",
        "--label",
        "a",
    ];
    installation.run(&run).succeeds();
    installation.run(&["results", "delete", "a", "--yes"]).succeeds();
    assert_eq!(installation.status().len(), 1);
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}
