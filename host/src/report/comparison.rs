//! Two runs, or two parts of a run, compared figure by figure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::answer::{is_main, rank};
use super::difference::{Difference, differences};
use super::figure::{Measure, State};
use super::format;
use super::gather::{Gathered, Key, gather};
use super::selection::{Dimension, Selection, SelectionError};
use crate::results::{IN_PROCESS, Run, Store, StoreError};
use crate::stats::{Bootstrap, Clusters, Comparison, Correction, Verdict, compare_many};

/// Name and version of this format; another version has another number.
pub const COMPARISON_SCHEMA: &str = "faasbench.comparison/1";

/// Why there is no comparison.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A run could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A side selects nothing.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Both sides are the same.
    #[error("`{0}` would be compared with itself; name two runs, or two parts of one such as {0}:native {0}:wasm")]
    Same(String),
    /// Nothing is in both.
    #[error("run {baseline} and run {candidate} have no figure in common: {hint}")]
    NothingInCommon {
        /// The baseline's id.
        baseline: String,
        /// The candidate's id.
        candidate: String,
        /// What each of them has.
        hint: String,
    },
}

/// Which measures are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measures {
    /// Those that answer the experiments' questions.
    Main,
    /// Those of these names.
    Named(Vec<String>),
    /// Every one that both sides have.
    All,
}

impl Measures {
    fn contain(&self, key: &Key) -> bool {
        match self {
            Self::Main => is_main(&key.experiment, key.state, &key.measure.name) && key.measure.file.is_none(),
            Self::Named(names) => names.contains(&key.measure.name),
            Self::All => true,
        }
    }
}

/// The comparison of two sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparisonReport {
    /// `faasbench.comparison/1`.
    pub schema: String,
    /// What is compared with.
    pub baseline: ComparedSide,
    /// What may have changed.
    pub candidate: ComparedSide,
    /// How the verdicts are made to hold together.
    pub correction: Correction,
    /// One entry for each figure that both have, in the order of reports.
    pub rows: Vec<ComparedFigure>,
    /// How many figures only one side has.
    pub unmatched: usize,
    /// What differs between machines, versions and choices, as far as it shifts figures.
    pub differences: Vec<Difference>,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedSide {
    /// As it was asked for.
    pub selection: String,
    /// The run's id.
    pub run: String,
    /// The run's label.
    pub label: Option<String>,
    /// When the run began, Unix time, ns.
    pub created_unix_ns: i64,
    /// Version of faasbench.
    pub version: String,
}

/// One figure on both sides. What both sides were chosen by differently is empty: it is what is compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFigure {
    /// The experiment's name.
    pub experiment: String,
    /// The function's name.
    pub function: String,
    /// The workload's size.
    pub size: String,
    /// `native` or `wasm`.
    pub engine: String,
    /// Where it ran: `in-process` for a worker of ours, or the platform's name.
    #[serde(default = "super::figure::in_process")]
    pub platform: String,
    /// Warm or cold.
    pub state: State,
    /// What was measured.
    pub measure: Measure,
    /// The baseline's median, in the measure's unit.
    pub baseline_median: f64,
    /// How many values it rests on.
    pub baseline_n: usize,
    /// The candidate's median, in the measure's unit.
    pub candidate_median: f64,
    /// How many values it rests on.
    pub candidate_n: usize,
    /// Candidate against baseline.
    pub comparison: Comparison,
    /// The verdict in words: `1.32x to 1.37x slower`.
    pub verdict: String,
}

impl ComparedFigure {
    /// What it is about, in one line.
    pub fn name(&self) -> String {
        let state = match self.state {
            State::Warm => "warm",
            State::Cold => "cold",
            State::ColdCompiled => "cold, compiled",
        };
        let workload = [&self.function, &self.size].into_iter().filter(|part| !part.is_empty());
        let workload = workload.map(String::as_str).collect::<Vec<_>>().join("/");
        let venue = match self.platform.as_str() {
            "" | IN_PROCESS => &*self.engine,
            platform => platform,
        };
        let words = [&*self.experiment, &workload, venue, state, &self.measure.name];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    /// Whether it certainly rose, and its best estimate by more than `share` of the baseline.
    pub fn rose_by_more_than(&self, share: f64) -> bool {
        let effect = self.comparison.effect.map_or(f64::INFINITY, |effect| effect.value);
        matches!(self.comparison.verdict, Verdict::Increase { .. }) && effect > 1.0 + share
    }
}

/// Compares two sides.
///
/// # Errors
/// When a run can't be read, a side selects nothing, or nothing is in both.
pub async fn compare(
    store: &Store,
    baseline: (&Run, &Selection),
    candidate: (&Run, &Selection),
    measures: &Measures,
) -> Result<ComparisonReport, CompareError> {
    let same_run = baseline.0.id == candidate.0.id;
    let below = gather(store, baseline.0).await?;
    let above = if same_run { None } else { Some(gather(store, candidate.0).await?) };
    let above = above.as_ref().unwrap_or(&below);
    let conditions = [
        baseline.1.resolve(&baseline.0.id, below.values.keys())?,
        candidate.1.resolve(&candidate.0.id, above.values.keys())?,
    ];
    let chosen = Chosen::of(conditions);
    if same_run && chosen.compared.is_empty() {
        return Err(CompareError::Same(baseline.0.id.clone()));
    }
    let below = clusters(&below, 0, &chosen, measures);
    let above = clusters(above, 1, &chosen, measures);
    let unmatched = below.keys().filter(|key| !above.contains_key(*key)).count()
        + above.keys().filter(|key| !below.contains_key(*key)).count();
    let pairs: Vec<(&Key, &Clusters, &Clusters)> =
        below.iter().filter_map(|(key, below)| Some((key, below, above.get(key)?))).collect();
    if pairs.is_empty() {
        return Err(CompareError::NothingInCommon {
            baseline: baseline.0.id.clone(),
            candidate: candidate.0.id.clone(),
            hint: format!("the first has {} of what is asked for, the second {}", below.len(), above.len()),
        });
    }
    let correction = Correction::default();
    let sides: Vec<(&Clusters, &Clusters)> = pairs.iter().map(|(_, below, above)| (*below, *above)).collect();
    let compared = compare_many(&sides, correction, &Bootstrap::default());
    let rows = pairs.into_iter().zip(compared);
    let mut rows: Vec<ComparedFigure> =
        rows.map(|((key, below, above), comparison)| row(key, below, above, comparison)).collect();
    rows.sort_by_key(|row| rank(&row.experiment));
    Ok(ComparisonReport {
        schema: COMPARISON_SCHEMA.to_owned(),
        baseline: side(baseline),
        candidate: side(candidate),
        correction,
        rows,
        unmatched,
        differences: differences(baseline.0, candidate.0),
    })
}

fn side((run, selection): (&Run, &Selection)) -> ComparedSide {
    ComparedSide {
        selection: selection.to_string(),
        run: run.id.clone(),
        label: run.label.clone(),
        created_unix_ns: run.created_unix_ns,
        version: run.version.clone(),
    }
}

/// By what the sides are chosen.
struct Chosen {
    /// Conditions of the baseline and of the candidate; one side's hold for both where the other has none.
    conditions: [BTreeMap<Dimension, String>; 2],
    /// Chosen differently: what is compared.
    compared: Vec<Dimension>,
}

impl Chosen {
    fn of(conditions: [Vec<(Dimension, String)>; 2]) -> Chosen {
        let mut conditions = conditions.map(|conditions| conditions.into_iter().collect::<BTreeMap<_, _>>());
        let [baseline, candidate] = &mut conditions;
        for (dimension, value) in baseline.clone() {
            candidate.entry(dimension).or_insert(value);
        }
        for (dimension, value) in candidate.clone() {
            baseline.entry(dimension).or_insert(value);
        }
        let compared = baseline.iter().filter(|(dimension, value)| candidate.get(dimension) != Some(value));
        let compared = compared.map(|(dimension, _)| *dimension).collect();
        Chosen { conditions, compared }
    }

    fn take(&self, side: usize, key: &Key) -> bool {
        self.conditions[side].iter().all(|(dimension, value)| dimension.of(key) == value)
    }

    /// The key without what is compared.
    fn common(&self, key: &Key) -> Key {
        let mut key = key.clone();
        for dimension in &self.compared {
            match dimension {
                Dimension::Experiment => key.experiment.clear(),
                Dimension::Function => key.function.clear(),
                Dimension::Size => key.size.clear(),
                Dimension::Venue => {
                    key.engine.clear();
                    key.platform.clear();
                }
                Dimension::Engine => key.engine.clear(),
                Dimension::Platform => key.platform.clear(),
            }
        }
        key
    }
}

fn clusters(gathered: &Gathered, side: usize, chosen: &Chosen, measures: &Measures) -> BTreeMap<Key, Clusters> {
    let wanted = gathered.values.iter().filter(|(key, _)| measures.contain(key) && chosen.take(side, key));
    wanted.filter_map(|(key, values)| Some((chosen.common(key), values.clusters()?))).collect()
}

fn row(key: &Key, below: &Clusters, above: &Clusters, comparison: Comparison) -> ComparedFigure {
    let verdict = verdict(&comparison.verdict, &key.measure, below.pooled().median(), above.pooled().median());
    ComparedFigure {
        experiment: key.experiment.clone(),
        function: key.function.clone(),
        size: key.size.clone(),
        engine: key.engine.clone(),
        platform: key.platform.clone(),
        state: key.state,
        measure: key.measure.clone(),
        baseline_median: below.pooled().median(),
        baseline_n: below.pooled().len(),
        candidate_median: above.pooled().median(),
        candidate_n: above.pooled().len(),
        comparison,
        verdict,
    }
}

/// A verdict in words.
fn verdict(verdict: &Verdict, measure: &Measure, baseline: f64, candidate: f64) -> String {
    let [more, less] = if measure.unit == "ns" { ["slower", "faster"] } else { ["more", "less"] };
    match verdict {
        Verdict::Increase { low, high } => format!("{} {more}", span(*low, *high)),
        Verdict::Decrease { low, high } => format!("{} {less}", span(1.0 / high, 1.0 / low)),
        Verdict::NoDifference { could_have_missed } if *could_have_missed == 0.0 => "the same".to_owned(),
        Verdict::NoDifference { could_have_missed } => {
            format!("no difference larger than {} could have been missed", share(*could_have_missed))
        }
        Verdict::Undecidable { reason } => {
            let values = [baseline, candidate].map(|value| format::value(value, &measure.unit));
            format!("not decided ({reason}); medians {} and {}", values[0], values[1])
        }
    }
}

fn span(low: f64, high: f64) -> String {
    let digits = |value: f64| if value >= 100.0 { format!("{value:.0}x") } else { format!("{value:.2}x") };
    let (low, high) = (digits(low), digits(high));
    if low == high { high } else { format!("{low} to {high}") }
}

fn share(share: f64) -> String {
    match share * 100.0 {
        percent if percent < 0.1 => "0.1%".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1}%"),
        percent => format!("{percent:.0}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(found: Verdict, unit: &str) -> String {
        let measure = Measure { name: "m".into(), unit: unit.into(), source: None, instances: None, file: None };
        verdict(&found, &measure, 1e6, 2e6)
    }

    #[test]
    fn verdicts_read_as_people_say_them() {
        assert_eq!(words(Verdict::Increase { low: 1.321, high: 1.369 }, "ns"), "1.32x to 1.37x slower");
        assert_eq!(words(Verdict::Decrease { low: 0.5, high: 0.8 }, "ns"), "1.25x to 2.00x faster");
        assert_eq!(words(Verdict::Decrease { low: 0.5, high: 0.5 }, "bytes"), "2.00x less");
        assert_eq!(
            words(Verdict::NoDifference { could_have_missed: 0.0149 }, "ns"),
            "no difference larger than 1.5% could have been missed"
        );
        assert_eq!(words(Verdict::NoDifference { could_have_missed: 0.0 }, "1"), "the same");
    }

    #[test]
    fn a_choice_on_one_side_holds_for_both_and_different_ones_are_compared() {
        let engine = |value: &str| (Dimension::Engine, value.to_owned());
        let size = (Dimension::Size, "small".to_owned());
        let chosen = Chosen::of([vec![engine("native"), size], vec![engine("wasm")]]);
        assert_eq!(chosen.compared, [Dimension::Engine]);
        assert_eq!(chosen.conditions[1].get(&Dimension::Size).map(String::as_str), Some("small"));
    }
}
