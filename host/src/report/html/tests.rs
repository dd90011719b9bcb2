//! Pages of odd runs.

use serde_json::json;

use super::{ComparisonRow, ComparisonSection, PageOptions, PageRun, RowClass, render};
use crate::report::{
    Absence, Answer, Distribution, Failure, Figure, Measure, ReportedRun, RunDetail, RunReport, SCHEMA, State,
};
use crate::results::RunStatus;
use crate::stats::Estimate;

fn report(figures: Vec<Figure>) -> RunReport {
    RunReport {
        schema: SCHEMA.to_owned(),
        run: ReportedRun {
            id: "1ng2wybb6e8".into(),
            created_unix_ns: 1_795_000_000_000_000_000,
            finished_unix_ns: None,
            status: RunStatus::Complete,
            label: None,
            command: vec!["faasbench".into(), "run".into()],
            plan: json!({}),
            environment: json!({}),
            seed: 42,
            version: "0.1.0".into(),
            code: Vec::new(),
        },
        answers: Vec::new(),
        findings: Vec::new(),
        figures,
        ratios: Vec::new(),
        failures: Vec::new(),
        observations: Vec::new(),
        notes: Vec::new(),
    }
}

fn figure(function: &str, values: &[f64]) -> (Figure, Distribution) {
    let measure = Measure { name: "wall".into(), unit: "ns".into(), source: None, instances: None, file: None };
    let middle = values.get(values.len() / 2).copied();
    let figure = Figure {
        experiment: "time".into(),
        function: function.into(),
        size: "test".into(),
        engine: "native".into(),
        platform: "in-process".into(),
        state: State::Warm,
        measure: measure.clone(),
        median: middle.map(|value| Estimate { value, interval: None, samples: values.len(), processes: Some(1) }),
        p95: None,
        p99: None,
        min: values.first().copied(),
        max: values.last().copied(),
        mad: None,
        outliers: None,
        multiplexed: 0,
        absences: Vec::new(),
    };
    let distribution = Distribution {
        experiment: "time".into(),
        function: function.into(),
        size: "test".into(),
        engine: "native".into(),
        platform: "in-process".into(),
        state: State::Warm,
        measure,
        sorted: values.to_vec(),
        in_order: values.to_vec(),
        n: values.len(),
    };
    (figure, distribution)
}

fn page(report: &RunReport, detail: &RunDetail) -> String {
    let options = PageOptions { refresh_seconds: None, generated_unix_ns: 0, program_version: "0.1.0".into() };
    render(&[PageRun { report, detail }], &[], &options).unwrap()
}

fn page_of(functions: &[(&str, &[f64])]) -> String {
    let (figures, distributions) = functions.iter().map(|(function, values)| figure(function, values)).unzip();
    page(&report(figures), &RunDetail { distributions, series: Vec::new() })
}

#[test]
fn an_empty_run_says_that_nothing_was_measured() {
    let page = page(&report(Vec::new()), &RunDetail::default());
    assert!(page.contains("Nothing was measured in this run."));
    assert!(!page.contains("<svg") && !page.contains("NaN"));
}

#[test]
fn one_value_equal_values_and_zeros_are_drawn_without_a_broken_number() {
    for values in [&[5e6][..], &[7e6; 64], &[0.0; 8], &[0.0, 1e9], &[1e-3, 1e18]] {
        let page = page_of(&[("function1", values)]);
        assert!(page.contains("<svg") || page.contains("0 ns"), "{values:?}");
        for broken in ["NaN", "inf", "Infinity", "-0\""] {
            assert!(!page.contains(broken), "{values:?}: {broken}");
        }
    }
}

#[test]
fn ten_thousand_series_are_a_page_that_says_what_it_leaves_out() {
    let names: Vec<String> = (0..10_000).map(|index| format!("function-{index:05}")).collect();
    let values: Vec<f64> = (1..=8).map(|step| f64::from(step) * 1e6).collect();
    let functions: Vec<(&str, &[f64])> = names.iter().map(|name| (name.as_str(), values.as_slice())).collect();
    let page = page_of(&functions);
    assert!(page.len() < 6 << 20, "{} bytes", page.len());
    assert!(page.matches("<svg").count() < 100);
    assert!(page.contains("2000 of 10000 rows are shown"));
    assert!(page.contains("The tables have the other"), "what the plots leave out is said");
}

#[test]
fn text_of_others_stays_text_wherever_it_stands() {
    let hostile = "</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'\u{0}\u{202e}";
    let (mut one, mut spread) = figure(hostile, &[1e6, 2e6]);
    one.size = hostile.into();
    spread.size = hostile.into();
    one.absences = vec![Absence { reason: hostile.into(), n: 1 }];
    let mut report = report(vec![one]);
    report.run.label = Some(hostile.into());
    report.run.command = vec![hostile.into()];
    report.run.plan = json!({ hostile: hostile });
    report.run.environment = json!({ hostile: { hostile: { "value": hostile, "absent_reason": null } } });
    report.answers = vec![Answer { experiment: "time".into(), question: hostile.into(), sentence: hostile.into() }];
    report.notes = vec![hostile.into()];
    report.failures = vec![Failure {
        experiment: "time".into(),
        function: hostile.into(),
        size: hostile.into(),
        engine: hostile.into(),
        platform: "in-process".into(),
        kind: hostile.into(),
        message: hostile.into(),
        n: 1,
    }];
    let comparison = ComparisonSection {
        title: hostile.into(),
        warnings: vec![hostile.into()],
        rows: vec![ComparisonRow {
            what: hostile.into(),
            baseline: hostile.into(),
            candidate: hostile.into(),
            effect: hostile.into(),
            verdict: hostile.into(),
            class: RowClass::Worse,
        }],
    };
    let options = PageOptions { refresh_seconds: Some(3), generated_unix_ns: 0, program_version: hostile.into() };
    let detail = RunDetail { distributions: vec![spread], series: Vec::new() };
    let page = render(&[PageRun { report: &report, detail: &detail }], &[comparison], &options).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "markup came through");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{0}'), "a control character came through");
    assert_eq!(page.matches("</script>").count(), 1);
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(page.matches("</title>").count() - page.matches("<svg").count(), 1);
}

#[test]
fn a_run_that_goes_on_or_was_cut_says_so_first() {
    for (status, part) in [
        (RunStatus::Running, "still goes on"),
        (RunStatus::Interrupted, "was cut before"),
        (RunStatus::Failed, "gave up before"),
    ] {
        let mut report = report(Vec::new());
        report.run.status = status;
        assert!(page(&report, &RunDetail::default()).contains(part));
    }
}

#[test]
fn only_a_watched_page_loads_itself_again() {
    let report = report(Vec::new());
    let detail = RunDetail::default();
    let runs = [PageRun { report: &report, detail: &detail }];
    for (refresh_seconds, expected) in [(None, false), (Some(3), true)] {
        let options = PageOptions { refresh_seconds, generated_unix_ns: 0, program_version: "0.1.0".into() };
        assert_eq!(render(&runs, &[], &options).unwrap().contains("http-equiv=\"refresh\""), expected);
    }
}
