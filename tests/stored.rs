//! Looking after stored runs: list, show, note, delete, import.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Results, faasbench};

fn one_run(results: &Results, label: &str) -> String {
    let words = format!("time -f function1 --engine native --repetitions 2 --processes 1 --label {label}");
    results.run(&words).succeeds();
    results.recorded().run.id
}

#[test]
fn runs_are_listed_the_newest_first_with_what_they_hold() {
    let results = Results::new();
    let ids = [one_run(&results, "first"), one_run(&results, "second")];
    let ended = results.command(&["results", "list", "--json"]);
    ended.succeeds();
    let listed = ended.json();
    assert_eq!(listed[0]["id"], ids[1].as_str());
    assert_eq!(listed[1]["label"], "first");
    assert_eq!(listed[0]["invocations"], 3);
    let printed = results.command(&["results", "list"]);
    assert!(printed.succeeds().contains("complete") && printed.stdout.contains("--label first"), "{printed:#?}");
}

#[test]
fn a_run_is_shown_by_id_beginning_label_or_latest() {
    let results = Results::new();
    let id = one_run(&results, "mine");
    for wanted in [id.as_str(), &id[..9], "mine", "latest"] {
        assert!(results.command(&["results", "show", wanted]).succeeds().contains(&id), "{wanted}");
        let shown = results.command(&["show", wanted]);
        assert!(
            shown.succeeds().contains("function1/test") && shown.stdout.contains("A warm invocation takes"),
            "{shown:#?}"
        );
        assert_eq!(shown.stderr, "");
    }
    let ended = results.command(&["results", "show", "--json"]);
    let shown = ended.json();
    assert_eq!(shown["rows"]["invocations"], 3);
    assert_eq!(shown["run"]["images"][0]["function"], "function1");
    assert!(shown["run"]["images"][0]["digest"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn a_remark_appears_in_reports() {
    let results = Results::new();
    let id = one_run(&results, "noted");
    results.command(&["results", "note", &id, "the fan was <loud>"]).succeeds();
    assert!(results.command(&["show"]).succeeds().contains("note: the fan was <loud>"));
    results.command(&["results", "note", &id, " "]).fails_with(2, &["empty"]);
}

#[test]
fn a_deleted_run_is_gone_with_all_it_recorded_and_the_others_stay() {
    let results = Results::new();
    let (first, second) = (one_run(&results, "first"), one_run(&results, "second"));
    results.command(&["results", "delete", "first"]).fails_with(2, &["--yes"]);
    assert!(results.command(&["results", "delete", "first", "--yes"]).succeeds().contains(&first));
    results.command(&["show", &first]).fails_with(2, &[&first]);
    results.command(&["show", &second]).succeeds();
    assert_eq!(results.recorded().invocations.len(), 3);
}

#[test]
fn imported_runs_are_the_same_and_come_once() {
    let (from, to) = (Results::new(), Results::new());
    let own = one_run(&to, "own");
    let id = one_run(&from, "theirs");
    for _ in 0..2 {
        to.command(&["results", "import", &from.argument()]).succeeds();
    }
    let original = from.command(&["show", &id, "--json"]).json();
    let imported = to.command(&["show", &id, "--json"]).json();
    assert_eq!(imported["figures"], original["figures"]);
    assert_eq!(imported["notes"], original["notes"]);
    assert_eq!(to.command(&["results", "list", "--json"]).json().as_array().unwrap().len(), 2);
    to.command(&["show", &own]).succeeds();
    to.command(&["results", "import", &to.argument()]).fails_with(2, &["into itself"]);
    to.command(&["results", "import", "/no/such/file.db"]).fails_with(2, &["/no/such/file.db"]);
}

#[test]
fn results_are_one_file_that_can_be_copied_and_read_where_nothing_can_be_written() {
    let results = Results::new();
    let id = one_run(&results, "copied");
    for words in [&["show"][..], &["results", "list"], &["export"], &["results", "note", &id, "read"]] {
        results.command(words).succeeds();
    }
    let folder = tempfile::tempdir().unwrap();
    let beside: Vec<_> = fs::read_dir(results.path().parent().unwrap()).unwrap().flatten().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    let copy = folder.path().join("copy.db");
    fs::copy(results.path(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let ended = faasbench(&["show", &id, "--results", copy.to_str().unwrap()]);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(ended.succeeds().contains("function1/test"));
}

#[test]
fn reading_makes_no_file() {
    let results = Results::new();
    for words in [&["show"][..], &["results", "list"], &["report"], &["compare", "a", "b"]] {
        results.command(words).fails_with(2, &["results.db"]);
        assert!(!results.path().exists(), "{words:?}");
    }
}
