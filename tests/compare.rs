//! Comparisons of runs, and of parts of a run.

use faasbench::report::ComparisonReport;

use crate::support::Results;

fn comparison(results: &Results, words: &[&str]) -> ComparisonReport {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&results.command(&words).stdout).unwrap()
}

#[test]
fn a_real_difference_is_found_and_fails_where_it_was_forbidden() {
    let results = Results::new();
    let run = "time -f monolith --engine native --repetitions 16 --processes 8";
    results.run(&format!("{run} --size test --label quick")).succeeds();
    results.run(&format!("{run} --size small --label slow")).succeeds();
    // Another size is another workload: only by choosing the sizes can they be compared.
    results.command(&["compare", "quick", "slow"]).fails_with(2, &["no figure in common"]);
    let report = comparison(&results, &["compare", "quick:test", "slow:small", "--measure", "wall"]);
    let row = report.rows.iter().find(|row| row.name() == "time monolith native warm wall").unwrap();
    assert!(row.verdict.ends_with("slower"), "{row:?}");
    assert!(row.comparison.effect.unwrap().value > 1.5, "{row:?}");
    let ended = results.command(&["compare", "quick:test", "slow:small", "--measure", "wall", "--fail-above", "5%"]);
    ended.fails_with(1, &["rose by more than 5%", "monolith"]);
    assert!(ended.stdout.contains("slower"), "{ended:#?}");
    // The other way round it is faster, which is allowed.
    let ended = results.command(&["compare", "slow:small", "quick:test", "--measure", "wall", "--fail-above", "5%"]);
    assert!(ended.succeeds().contains("faster"), "{ended:#?}");
}

#[test]
fn the_same_thing_twice_is_no_regression() {
    let results = Results::new();
    let run = "time -f function1 --engine native --repetitions 16 --processes 8";
    results.run(&format!("{run} --label a")).succeeds();
    results.run(&format!("{run} --label b")).succeeds();
    let ended = results.command(&["compare", "a", "b", "--fail-above", "50%", "--markdown"]);
    // Function1 mostly sleeps: its time hardly varies.
    assert!(ended.succeeds().contains("### faasbench"), "{ended:#?}");
    assert!(ended.stdout.contains("| time function1/test native warm wall"), "{ended:#?}");
    let report = comparison(&results, &["compare", "a", "b"]);
    assert_eq!((report.baseline.label.as_deref(), report.candidate.label.as_deref()), (Some("a"), Some("b")));
    assert_eq!(report.differences, [], "same machine, same plan");
}

#[test]
fn engines_inside_a_run_are_compared() {
    let results = Results::new();
    results.run("time memory -f function1,monolith --repetitions 8 --processes 8").succeeds();
    let report = comparison(&results, &["compare", "latest:native", "latest:wasm"]);
    let names: Vec<String> = report.rows.iter().map(|row| row.name()).collect();
    for expected in
        ["time monolith/test warm wall", "time function1/test cold cold-total", "memory monolith/test warm peak-rss"]
    {
        assert!(names.iter().any(|name| name == expected), "{expected}: {names:?}");
    }
    let only_one = comparison(&results, &["compare", "latest:native,monolith", "latest:wasm"]);
    assert!(only_one.rows.iter().all(|row| row.function == "monolith"));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let results = Results::new();
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    results.command(&["compare", "latest", "latest"]).fails_with(2, &["compared with itself"]);
    results.command(&["compare", "latest", "latest:lua"]).fails_with(2, &["`lua`", "native"]);
    results.command(&["compare", "latest:colour=red", "latest"]).fails_with(2, &["colour"]);
    results.command(&["compare", "nosuch", "latest"]).fails_with(2, &["nosuch"]);
}
