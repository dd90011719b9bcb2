//! What the order of the values shows: drift over a run, and warming up within a process.

use std::collections::BTreeMap;

use super::answer::is_main;
use super::figure::State;
use super::gather::{Key, Values};
use crate::stats::{Confidence, Permutations, Sample, Trend, holm, trend, warm_up};

/// Drifts below this share are not worth a sentence, however certain.
const LEAST_DRIFT: f64 = 0.01;

/// One sentence for each thing that a reader should know. That of drift holds for all figures together.
pub(super) fn observations(values: &BTreeMap<Key, Values>) -> Vec<String> {
    let watched: Vec<(&Key, &Values)> = values
        .iter()
        .filter(|(key, _)| key.state == State::Warm && is_main(&key.experiment, key.state, &key.measure.name))
        .collect();
    let mut sentences = drifts(&watched);
    sentences.extend(watched.iter().filter_map(|(key, values)| warming_up(key, values)));
    sentences
}

fn name(key: &Key) -> String {
    format!("{} of {}/{} on {}", key.measure.name, key.function, key.size, key.venue())
}

/// Whether the medians of the processes, in the order in which they ran, rise or fall.
fn drifts(watched: &[(&Key, &Values)]) -> Vec<String> {
    let trends: Vec<(&Key, Trend)> = watched
        .iter()
        .filter_map(|(key, values)| {
            let medians: Vec<f64> = values
                .by_process()
                .into_values()
                .filter_map(|values| Some(Sample::new(values).ok()?.median()))
                .collect();
            Some((*key, trend(&medians, Confidence::NINETY_FIVE).ok()?))
        })
        .collect();
    let p_values: Vec<f64> = trends.iter().map(|(_, trend)| trend.p_value).collect();
    let adjusted = holm(&p_values);
    trends
        .iter()
        .zip(adjusted)
        .filter_map(|((key, trend), p_value)| {
            let change = trend.relative_change.filter(|change| change.abs() >= LEAST_DRIFT)?;
            if p_value >= 1.0 - Confidence::NINETY_FIVE.get() {
                return None;
            }
            let direction = if change > 0.0 { "rose" } else { "fell" };
            Some(format!(
                "drift: {} {direction} by {:.1}% from the first of {} processes to the last; the machine changed meanwhile",
                name(key),
                change.abs() * 100.0,
                trend.n
            ))
        })
        .collect()
}

/// Whether the first repetitions of a process differ from its later ones: by the medians of each place in the order.
fn warming_up(key: &Key, values: &Values) -> Option<String> {
    let processes: Vec<Vec<f64>> = values.by_process().into_values().collect();
    let length = processes.iter().map(Vec::len).min()?;
    let places: Vec<f64> = (0..length)
        .filter_map(|place| Some(Sample::new(processes.iter().map(|values| values[place]).collect()).ok()?.median()))
        .collect();
    let found = warm_up(&places, &Permutations::default()).ok()??;
    let difference = found.relative_difference.filter(|difference| difference.abs() >= LEAST_DRIFT)?;
    let direction = if difference > 0.0 { "greater" } else { "less" };
    let settles = if found.settles { "" } else { ", and there are too few to tell when it settles" };
    Some(format!(
        "warming up: {}: the first {} repetitions of a process are {:.0}% {direction} than its later ones{settles}; they are \
         in every figure",
        name(key),
        found.values,
        difference.abs() * 100.0
    ))
}
