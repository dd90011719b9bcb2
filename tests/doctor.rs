//! What the machine does to a measurement.

use crate::support::{Results, faasbench};

#[test]
fn every_check_has_a_finding_and_what_is_not_good_has_its_meaning() {
    let ended = faasbench(&["doctor", "--json"]);
    ended.succeeds();
    let found = ended.json();
    let checks = found["checks"].as_array().unwrap();
    assert!(checks.len() >= 18, "{checks:?}");
    for check in checks {
        let text = |field: &str| check[field].as_str().unwrap_or_default();
        assert!(!text("name").is_empty() && !text("finding").is_empty(), "{check}");
        let explained = !text("meaning").is_empty() && !text("mend").is_empty();
        assert_eq!(explained, matches!(text("verdict"), "disturbs" | "limits"), "{check}");
    }
    let printed = faasbench(&["doctor"]);
    for check in checks {
        assert!(printed.succeeds().contains(check["name"].as_str().unwrap()), "{check}");
    }
}

#[test]
fn a_run_stores_the_same_facts_and_what_disturbs_it() {
    let results = Results::new();
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    let recorded = results.recorded();
    let found = faasbench(&["doctor", "--json"]).json();
    for fact in ["model", "logical", "smt_active", "governors"] {
        assert_eq!(recorded.run.environment["cpu"][fact], found["environment"]["cpu"][fact], "{fact}");
    }
    assert_eq!(recorded.run.environment["tools"], found["environment"]["tools"]);
    // Tests run a debug build, which says so in every report.
    if cfg!(debug_assertions) {
        assert!(recorded.notes.iter().any(|note| note.contains("debug")), "{:?}", recorded.notes);
    }
}
