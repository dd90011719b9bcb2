//! What a run says in a sentence, with its numbers.

use std::collections::BTreeSet;

use experiments::Finding;

use super::figure::{Answer, Figure, Ratio, State};
use super::format;

/// What is asked by each experiment.
const QUESTIONS: [(&str, &str); 4] = [
    ("time", "How long does it take, warm and cold, native and WASM?"),
    ("memory", "How much memory does it need?"),
    ("disk-io", "What does it read and write?"),
    ("papi", "What do the hardware counters say?"),
];

/// The figures that answer: experiment, state, measure, and what the sentence calls it.
const MAIN: [(&str, State, &str, &str); 8] = [
    ("time", State::Warm, "wall", "a warm invocation takes"),
    ("time", State::Cold, "cold-total", "a cold start, process and first call together, takes"),
    ("memory", State::Warm, "peak-rss", "the peak of resident memory is"),
    ("disk-io", State::Warm, "read", "a warm invocation reads"),
    ("disk-io", State::Warm, "written", "a warm invocation writes"),
    ("papi", State::Warm, "TOT_INS", "instructions of a warm invocation:"),
    ("papi", State::Warm, "TOT_CYC", "its cycles:"),
    ("papi", State::Warm, "instructions", "instructions of a warm invocation:"),
];

/// What the experiment `name` asks; its name where it isn't known here.
pub fn question(name: &str) -> &str {
    QUESTIONS.iter().find(|(experiment, _)| *experiment == name).map_or(name, |(_, question)| question)
}

/// Whether a measure is among those that answer an experiment's question.
pub(super) fn is_main(experiment: &str, state: State, measure: &str) -> bool {
    MAIN.iter().any(|(of, in_state, name, _)| *of == experiment && *in_state == state && *name == measure)
}

/// Where an experiment stands in a report: those that people ask for first in front.
pub(super) fn rank(experiment: &str) -> usize {
    QUESTIONS.iter().position(|(known, _)| *known == experiment).unwrap_or(QUESTIONS.len())
}

/// One answer for each experiment among the figures, in their order.
pub(super) fn answers(figures: &[Figure], ratios: &[Ratio], findings: &[Finding]) -> Vec<Answer> {
    let mut experiments: Vec<&str> = Vec::new();
    for figure in figures {
        let is_known = QUESTIONS.iter().any(|(name, _)| *name == figure.experiment);
        // Experiments on platforms answer for themselves.
        if is_known && !experiments.contains(&figure.experiment.as_str()) {
            experiments.push(&figure.experiment);
        }
    }
    experiments.sort_by_key(|name| rank(name));
    let own = findings.iter().map(|finding| Answer {
        experiment: finding.experiment.clone(),
        question: finding.question.clone(),
        sentence: capitalised(&finding.answer),
    });
    experiments
        .into_iter()
        .map(|experiment| Answer {
            experiment: experiment.to_owned(),
            question: question(experiment).to_owned(),
            sentence: sentence(experiment, figures, ratios),
        })
        .chain(own)
        .collect()
}

fn sentence(experiment: &str, figures: &[Figure], ratios: &[Ratio]) -> String {
    let mut clauses = Vec::new();
    for (_, state, name, text) in MAIN.iter().filter(|(of, ..)| *of == experiment) {
        let of_measure: Vec<&Figure> = figures
            .iter()
            .filter(|figure| {
                figure.experiment == experiment
                    && figure.state == *state
                    && figure.measure.name == *name
                    && figure.measure.file.is_none()
                    && figure.median.is_some()
            })
            .collect();
        let of_ratio: Vec<&Ratio> = ratios
            .iter()
            .filter(|ratio| ratio.experiment == experiment && ratio.state == *state && ratio.measure.name == *name)
            .collect();
        if let Some(clause) = clause(text, &of_measure, &of_ratio) {
            clauses.push(clause);
        }
    }
    if clauses.is_empty() {
        return nothing(experiment, figures);
    }
    clauses.iter().map(|clause| capitalised(clause) + ".").collect::<Vec<_>>().join(" ")
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `a warm invocation takes 26 us (monolith) to 7.4 ms (thumbnailer) in native code, and in WASM 1.01x to 1.69x of that`.
fn clause(text: &str, figures: &[&Figure], ratios: &[&Ratio]) -> Option<String> {
    let names: BTreeSet<&str> = figures.iter().map(|figure| figure.venue()).collect();
    let first = ["native", "wasm"].into_iter().filter(|name| names.contains(name));
    let engines: Vec<&str> =
        first.chain(names.iter().copied().filter(|name| !["native", "wasm"].contains(name))).collect();
    let compared = compared(ratios);
    if let Some(compared) = compared.filter(|_| engines == ["native", "wasm"]) {
        return Some(format!("{text} {}{compared}", span(figures, "native")?));
    }
    let spans: Vec<String> = engines.iter().filter_map(|engine| span(figures, engine)).collect();
    (!spans.is_empty()).then(|| format!("{text} {}", spans.join(", ")))
}

/// The smallest and the greatest median of an engine, with the workloads that have them.
fn span(figures: &[&Figure], engine: &str) -> Option<String> {
    let of_engine = || figures.iter().filter(|figure| figure.venue() == engine);
    let value = |figure: &Figure| figure.median.map_or(0.0, |median| median.value);
    let least = of_engine().min_by(|a, b| value(a).total_cmp(&value(b)))?;
    let most = of_engine().max_by(|a, b| value(a).total_cmp(&value(b)))?;
    let shown = |figure: &Figure| format::value(value(figure), &figure.measure.unit);
    let sizes: BTreeSet<&str> = figures.iter().map(|figure| figure.size.as_str()).collect();
    let workload = |figure: &Figure| match sizes.len() {
        1 => figure.function.clone(),
        _ => format!("{}/{}", figure.function, figure.size),
    };
    let name = engine_name(engine);
    Some(if of_engine().count() == 1 {
        let median = least.median?;
        format!("{} {name} (n = {})", format::estimate(&median, &least.measure.unit), median.samples)
    } else if value(most) == 0.0 {
        format!("nothing {name}")
    } else if value(least) == value(most) {
        format!("{} {name} on every workload", shown(least))
    } else if value(least) == 0.0 {
        format!("up to {} ({}) {name}", shown(most), workload(most))
    } else {
        format!("{} ({}) to {} ({}) {name}", shown(least), workload(least), shown(most), workload(most))
    })
}

fn engine_name(engine: &str) -> String {
    match engine {
        "native" => "in native code",
        "wasm" => "in WASM",
        other => return format!("on the platform {other}"),
    }
    .to_owned()
}

/// How WASM compares with native code over the workloads.
fn compared(ratios: &[&Ratio]) -> Option<String> {
    let least = ratios.iter().min_by(|a, b| a.ratio.value.total_cmp(&b.ratio.value))?;
    let most = ratios.iter().max_by(|a, b| a.ratio.value.total_cmp(&b.ratio.value))?;
    if least.ratio.value == 1.0 && most.ratio.value == 1.0 {
        return Some(", and the same in WASM".to_owned());
    }
    let undecided =
        ratios.iter().filter(|ratio| ratio.ratio.interval.is_none_or(|interval| interval.contains(1.0))).count();
    let mut text = if ratios.len() == 1 {
        format!(", and in WASM {} of that", format::ratio(&least.ratio))
    } else {
        format!(
            ", and in WASM from {} ({}) to {} ({}) of that",
            format::ratio(&least.ratio),
            least.function,
            format::ratio(&most.ratio),
            most.function
        )
    };
    match (undecided, ratios.len()) {
        (0, _) => {}
        (_, 1) => text.push_str(", which shows no difference"),
        (undecided, all) => text.push_str(&format!(", with no difference shown on {undecided} of {all} workloads")),
    }
    Some(text)
}

/// The answer of an experiment that read nothing that answers: why.
fn nothing(experiment: &str, figures: &[Figure]) -> String {
    let mut reasons: BTreeSet<&str> = BTreeSet::new();
    for figure in figures.iter().filter(|figure| figure.experiment == experiment) {
        reasons.extend(figure.absences.iter().map(|absence| absence.reason.as_str()));
    }
    let reasons: Vec<&str> = reasons.into_iter().take(3).collect();
    match (experiment, reasons.is_empty()) {
        ("papi", true) => {
            "No hardware counters could be read on this machine: the tables hold software events only.".to_owned()
        }
        (_, true) => "Nothing that answers this was measured.".to_owned(),
        (_, false) => format!("Nothing that answers this could be read: {}.", reasons.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Measure;
    use crate::stats::{Estimate, Interval, Method};

    fn estimate(value: f64, low: f64, high: f64) -> Estimate {
        let method = Method::HierarchicalBootstrap;
        let interval = Interval { low, high, confidence: 0.95, achieved_coverage: None, method };
        Estimate { value, interval: Some(interval), samples: 64, processes: Some(8) }
    }

    fn measure() -> Measure {
        Measure { name: "wall".into(), unit: "ns".into(), source: None, instances: None, file: None }
    }

    fn figure(function: &str, engine: &str, ms: f64) -> Figure {
        Figure {
            experiment: "time".into(),
            function: function.into(),
            size: "test".into(),
            engine: engine.into(),
            platform: "in-process".into(),
            state: State::Warm,
            measure: measure(),
            median: Some(estimate(ms * 1e6, ms * 0.9e6, ms * 1.1e6)),
            p95: None,
            p99: None,
            min: None,
            max: None,
            mad: None,
            outliers: None,
            multiplexed: 0,
            absences: Vec::new(),
        }
    }

    fn ratio(function: &str, value: f64, low: f64, high: f64) -> Ratio {
        Ratio {
            experiment: "time".into(),
            function: function.into(),
            size: "test".into(),
            state: State::Warm,
            measure: measure(),
            numerator: "wasm".into(),
            denominator: "native".into(),
            ratio: estimate(value, low, high),
        }
    }

    #[test]
    fn an_answer_spans_the_workloads_and_says_where_nothing_was_shown() {
        let figures = [
            figure("a", "native", 1.0),
            figure("b", "native", 5.0),
            figure("a", "wasm", 1.0),
            figure("b", "wasm", 8.0),
        ];
        let found = answers(&figures, &[ratio("a", 1.0, 0.9, 1.1), ratio("b", 1.6, 1.5, 1.7)], &[]);
        assert_eq!(
            found[0].sentence,
            "A warm invocation takes 1.00 ms (a) to 5.00 ms (b) in native code, and in WASM from 1.00x [0.90, 1.10] (a) to 1.60x \
             [1.50, 1.70] (b) of that, with no difference shown on 1 of 2 workloads."
        );
    }

    #[test]
    fn one_workload_has_its_interval_and_its_n() {
        let found = answers(&[figure("a", "native", 2.0)], &[], &[]);
        assert_eq!(found[0].sentence, "A warm invocation takes 2.00 ms [1.80, 2.20] in native code (n = 64).");
    }

    #[test]
    fn where_nothing_was_read_the_reason_is_the_answer() {
        let mut absent = figure("a", "native", 1.0);
        absent.experiment = "papi".into();
        absent.median = None;
        absent.absences = vec![crate::report::figure::Absence { reason: "not permitted".into(), n: 8 }];
        let found = answers(&[absent], &[], &[]);
        assert_eq!(found[0].sentence, "Nothing that answers this could be read: not permitted.");
    }
}
