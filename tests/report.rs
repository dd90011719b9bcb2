//! The HTML report: one file that needs nothing else.

use std::fs;
use std::path::PathBuf;

use faasbench::results::{Location, NewRun, RunStatus, Store};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Results, rows_in};

/// The report of what is stored, and its file in a folder that lives as long.
fn report(results: &Results, words: &[&str]) -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let words: Vec<&str> = ["report", "-o", path.to_str().unwrap()].into_iter().chain(words.iter().copied()).collect();
    let ended = results.command(&words);
    assert!(ended.succeeds().contains("report.html"), "{ended:#?}");
    let page = fs::read_to_string(&path).unwrap();
    (folder, path, page)
}

/// Nothing in the page is fetched from elsewhere.
#[track_caller]
fn is_self_contained(page: &str) {
    for fetching in ["src=\"http", "href=\"http", "url(http", "@import", "<link", "src=\"//", "<iframe", "fetch("] {
        assert!(!page.contains(fetching), "{fetching}");
    }
    assert!(page.contains("Content-Security-Policy"));
}

/// Stores a run that holds nothing.
fn stored(results: &Results, label: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&Location::File(results.path())).await.unwrap();
        let new = NewRun {
            label: Some(label.to_owned()),
            command: vec!["faasbench".into(), "run".into()],
            plan: json!({}),
            environment: json!({}),
            ..NewRun::default()
        };
        store.create_run(new).await.unwrap().finish(RunStatus::Complete).await.unwrap();
        store.close().await;
    });
}

#[test]
fn a_report_answers_shows_and_repeats() {
    let results = Results::new();
    results.run("-f function1,monolith --repetitions 8 --processes 2 --label first").succeeds();
    let (_folder, _, page) = report(&results, &[]);
    is_self_contained(&page);
    let recorded = results.recorded();
    for part in [
        recorded.run.id.as_str(),
        "A warm invocation takes",
        "function1",
        "monolith",
        "<svg",
        "role=\"img\"",
        "--label first",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Every plot has its title, its description and its table.
    let plots = page.matches("role=\"img\"").count();
    assert!(plots >= 4, "{plots}");
    assert!(page.matches("<title").count() > plots);
}

#[test]
fn plots_are_written_as_svg_and_png() {
    let results = Results::new();
    results.run("time -f function1 --repetitions 8 --processes 2").succeeds();
    let plots = tempfile::tempdir().unwrap();
    let (_folder, _, _) = report(&results, &["--plots", plots.path().to_str().unwrap()]);
    let mut names: Vec<PathBuf> = fs::read_dir(plots.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let svg: Vec<&PathBuf> = names.iter().filter(|path| path.extension().is_some_and(|found| found == "svg")).collect();
    assert!(!svg.is_empty() && svg.len() * 2 == names.len(), "{names:?}");
    for path in svg {
        assert!(fs::read_to_string(path).unwrap().starts_with("<svg"), "{path:?}");
        let png = image::open(path.with_extension("png")).unwrap();
        assert!(png.width() >= 600 && png.height() >= 200, "{path:?}");
    }
}

#[test]
fn an_empty_run_and_a_run_of_one_sample_have_clear_pages() {
    let results = Results::new();
    stored(&results, "empty");
    let (_folder, _, page) = report(&results, &["empty"]);
    is_self_contained(&page);
    assert!(page.contains("Nothing was measured") || page.contains("nothing was measured"), "{page}");
    results.command(&["show", "empty"]).succeeds();
    results.command(&["export", "empty"]).succeeds();

    results.run("time -f function1 --engine native --repetitions 1 --processes 1 --label one").succeeds();
    let (_folder, _, page) = report(&results, &["one"]);
    is_self_contained(&page);
    assert!(page.contains("function1"));
    results.command(&["compare", "empty", "one"]).fails_with(2, &["no figure in common"]);
}

#[test]
fn text_of_users_stays_text() {
    let results = Results::new();
    let hostile = "</title><script>alert(1)</script>\" onload=\"alert(2)";
    stored(&results, hostile);
    let words = ["results", "note", "latest", "<img src=x onerror=alert(3)>"];
    results.command(&words).succeeds();
    let (_folder, _, page) = report(&results, &[]);
    assert!(!page.contains("<script>alert(1)") && !page.contains("<img src=x"), "{page}");
    assert!(!page.contains("\" onload=\""));
}

#[test]
fn several_runs_are_compared_in_one_report() {
    let results = Results::new();
    let run = "time -f monolith --engine native --repetitions 8 --processes 4";
    results.run(&format!("{run} --label before")).succeeds();
    results.run(&format!("{run} --label after")).succeeds();
    let (_folder, _, page) = report(&results, &["before", "after"]);
    is_self_contained(&page);
    assert!(page.contains("against run"), "the comparison");
    assert!(page.matches("A warm invocation takes").count() >= 2, "both runs");
}

#[test]
fn a_watched_report_of_a_finished_run_ends_at_once() {
    let results = Results::new();
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    let (_folder, _, page) = report(&results, &["--watch"]);
    assert!(!page.contains("http-equiv=\"refresh\""));
}

#[test]
fn a_watched_report_follows_its_run_to_the_end() {
    let results = Results::new();
    let mut running = results.start("time -f function1 --repetitions 900000");
    running.until(|_| rows_in(&results.path()).filter(|rows| *rows >= 20));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let mut watching = results.start_command(&["report", "--watch", "-o", path.to_str().unwrap()]);
    let page = watching.until(|_| fs::read_to_string(&path).ok());
    assert!(page.contains("http-equiv=\"refresh\"") && page.contains("still goes on"), "the first page");
    running.signal(Signal::INT);
    running.wait();
    assert_eq!(watching.wait().code, Some(0));
    let page = fs::read_to_string(&path).unwrap();
    assert!(!page.contains("http-equiv=\"refresh\"") && page.contains("was cut before"), "the last page");
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let results = Results::new();
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    results.command(&["report", "-o", "/no/such/folder/r.html"]).fails_with(2, &["/no/such/folder/r.html"]);
}
