//! Results on a PostgreSQL server: every command works on it as on a file.

#[path = "../host/src/results/tests/postgres_server.rs"]
mod postgres_server;

use postgres_server::PostgresServer;

use crate::support::{Results, faasbench};

fn on(url: &str, words: &[&str]) -> crate::support::Ended {
    let words: Vec<&str> = words.iter().copied().chain(["--results", url]).collect();
    faasbench(&words)
}

#[test]
fn a_run_is_measured_shown_compared_reported_and_exported_on_a_server() {
    let Some(server) = PostgresServer::shared() else { return };
    let database = server.database();
    let url = database.url();
    let run = ["run", "time", "-f", "function1", "--repetitions", "8", "--processes", "4"];
    for label in ["before", "after"] {
        let words: Vec<&str> = run.iter().copied().chain(["--label", label]).collect();
        let ended = on(url, &words);
        assert!(ended.succeeds().contains("kept in postgres://"), "{ended:#?}");
    }
    let listed = on(url, &["results", "list", "--json"]);
    listed.succeeds();
    assert_eq!(listed.json().as_array().unwrap().len(), 2);
    assert!(on(url, &["show", "before"]).succeeds().contains("A warm invocation takes"));
    assert!(on(url, &["compare", "before", "after", "--fail-above", "90%"]).succeeds().contains("function1"));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    on(url, &["report", "before", "after", "-o", page.to_str().unwrap()]).succeeds();
    assert!(std::fs::read_to_string(page).unwrap().contains("<svg"));
    let lines = on(url, &["export", "--format", "csv"]).succeeds().lines().count();
    assert!(lines > 16, "{lines}");
    // And from there into a file, where it is the same run.
    let file = Results::new();
    file.command(&["results", "import", url]).succeeds();
    let there = on(url, &["show", "after", "--json"]).json();
    let here = file.command(&["show", "after", "--json"]).json();
    assert_eq!(there["figures"], here["figures"]);
}

#[test]
fn a_server_that_cannot_be_used_is_said_without_its_password() {
    for url in ["postgres://user:secret@127.0.0.1:1/nothing", "postgresql://user:secret@127.0.0.1:1"] {
        let ended = on(url, &["results", "list"]);
        ended.fails_with(2, &["127.0.0.1:1"]);
        assert!(!ended.stderr.contains("secret"), "{ended:#?}");
    }
    let ended = on("postgres://[not-a-host/secret", &["results", "list"]);
    assert_eq!(ended.code, Some(2));
}
