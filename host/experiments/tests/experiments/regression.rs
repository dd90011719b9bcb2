//! A side that is slower is called so, one that is alike is not, and what can't be compared is refused.

use std::time::Duration;

use experiments::{Experiment, Outcome, Runner, Verdict, find, verdict};
use serde_json::{Value, json};

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Carried, Stage, carry_out, image, request};

fn regression() -> &'static dyn Experiment {
    find("regression").unwrap()
}

fn manner(name: &'static str, ms: u64) -> Manner {
    Manner { service: Duration::from_millis(ms), jitter: Duration::from_millis(2), ..Manner::named(name) }
}

/// What the units of a run came to, for the verdict.
async fn compared(stages: &[&Stage], set: &[(&str, Value)]) -> (Carried, Verdict) {
    let carried = carry_out(regression(), request(stages, &["function1"], set), stages).await;
    let found = carried.finding().tables[0].rows[0].iter().find_map(|cell| match cell {
        experiments::Cell::Text(text) => match text.as_str() {
            "slower" => Some(Verdict::Slower),
            "faster" => Some(Verdict::Faster),
            "unchanged" => Some(Verdict::Unchanged),
            "undecided" => Some(Verdict::Undecided),
            _ => None,
        },
        _ => None,
    });
    (carried, found.unwrap())
}

#[tokio::test(start_paused = true)]
async fn two_targets_of_which_one_is_slower() {
    let (old, new) = (Stage::new("old", manner("a", 40)), Stage::new("new", manner("a", 60)));
    let (carried, found) = compared(&[&old, &new], &[]).await;
    assert_eq!(found, Verdict::Slower);
    let answer = &carried.finding().answer;
    assert!(answer.contains("On new against old the new function1/test is slower"), "{answer}");
    // They took turns.
    let first: Vec<&String> = carried.kept.done.iter().take(2).collect();
    assert!(
        first.iter().any(|key| key.ends_with("/a/0")) && first.iter().any(|key| key.ends_with("/b/0")),
        "{first:?}"
    );
    let (_, found) = compared(&[&new, &old], &[]).await;
    assert_eq!(found, Verdict::Faster);
}

#[tokio::test(start_paused = true)]
async fn alike_is_unchanged_and_too_few_blocks_are_undecided() {
    let stage = Stage::new("one", manner("a", 40));
    let (_, found) = compared(&[&stage], &[("b", json!({"memory-mib": 512}))]).await;
    assert_eq!(found, Verdict::Unchanged);
    let wild = Stage::new("wild", Manner { jitter: Duration::from_secs(2), ..manner("a", 1) });
    let (carried, found) =
        compared(&[&wild], &[("b", json!({"memory-mib": 512})), ("blocks", json!(2)), ("calls", json!(5))]).await;
    assert_eq!(found, Verdict::Undecided);
    assert!(carried.finding().answer.contains("can't be said"), "{}", carried.finding().answer);
}

#[tokio::test(start_paused = true)]
async fn an_old_and_a_new_image_and_cold_calls() {
    let manner = Manner { cold_start_per_megabyte: Duration::from_millis(20), ..manner("a", 5) };
    let mut stage = Stage::new("one", manner);
    stage.site.images.insert("function1@new".to_owned(), image("function1-new", 6_000_000));
    let set = [("b", json!({"image": "function1@new"})), ("compare", json!("cold")), ("calls", json!(6))];
    let (carried, found) = compared(&[&stage], &set).await;
    assert_eq!(found, Verdict::Slower);
    assert!(
        carried.finding().notes.iter().any(|note| note.contains("sha256:function1-new")),
        "{:?}",
        carried.finding().notes
    );
    assert!(regression().functions(&request(&[&stage], &["function1"], &set)).contains("function1@new"));
    // The same images answer warm calls alike.
    let set = [set[0].clone(), ("threshold", json!(0.3))];
    let (_, found) = compared(&[&stage], &set).await;
    assert_eq!(found, Verdict::Unchanged);
}

#[tokio::test(start_paused = true)]
async fn images_that_were_built_before_are_named_by_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let manner = Manner { cold_start_per_megabyte: Duration::from_millis(20), ..manner("a", 5) };
    let stage = Stage::new("one", manner);
    let built = |name: &str, bytes: u64| {
        let mut image = image("function1", bytes);
        (image.path, image.digest) = (folder.path().to_owned(), format!("sha256:{name}"));
        let path = folder.path().join(name);
        std::fs::write(&path, json!([{ "image": image, "was_cached": false, "took_us": 1 }]).to_string()).unwrap();
        json!(path.to_str().unwrap())
    };
    let set = [
        ("a.image-file", built("old", 8_000_000)),
        ("b.image-file", built("new", 1_000_000)),
        ("compare", json!("cold")),
        ("calls", json!(6)),
    ];
    let (carried, found) = compared(&[&stage], &set).await;
    assert_eq!(found, Verdict::Faster);
    let notes = &carried.finding().notes;
    assert!(notes[0].contains("sha256:old") && notes[1].contains("sha256:new"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn with_a_fifth_of_the_calls_failing_or_hanging_counts_are_exact_and_it_ends() {
    let stage = Stage::new("one", Manner { trouble: every_fifth, ..manner("a", 40) });
    let (carried, _) = compared(&[&stage], &[("b", json!({"cpus": 0.5}))]).await;
    let table = &carried.finding().tables[0];
    let sum = |names: [&str; 2]| {
        let cells =
            names.map(|name| &table.rows[0][table.columns.iter().position(|column| column.name == name).unwrap()]);
        cells
            .map(|cell| if let experiments::Cell::Number(number) = cell { *number } else { panic!("{cell:?}") })
            .iter()
            .sum::<f64>()
    };
    assert_eq!(sum(["old, calls", "new, calls"]), stage.calls() as f64);
    assert_eq!(sum(["old, failed", "new, failed"]), stage.troubles() as f64);
}

#[tokio::test]
async fn what_can_not_be_compared_is_refused_and_nothing_is_undecided() {
    let stage = Stage::new("one", Manner::named("a"));
    let refused = |set: &[(&str, Value)]| {
        let Err(error) = Runner::new(regression(), request(&[&stage], &["function1"], set)) else { panic!("{set:?}") };
        error.to_string()
    };
    assert!(refused(&[]).contains("b.memory-mib"), "{}", refused(&[]));
    assert!(refused(&[("b", json!({"memory": 1}))]).contains("memory"));
    assert!(refused(&[("b.memory", json!(1))]).contains("memory"));
    assert!(refused(&[("b.image-file", json!("/nowhere/new.json"))]).contains("/nowhere/new.json"));
    assert!(refused(&[("b", json!({"target": "other"}))]).contains("both sides"));
    assert!(refused(&[("a", json!({"target": "one"})), ("b", json!({"target": "other"}))]).contains("`other`"));
    let none: [Outcome; 0] = [];
    assert_eq!(verdict(&none), Verdict::Undecided);
}
