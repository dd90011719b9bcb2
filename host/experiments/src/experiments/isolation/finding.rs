//! The answer.

use std::collections::BTreeMap;

use stats::{Bootstrap, Clusters, Comparison, Correction, Verdict, compare_many};

use super::super::figures::{
    absent, axis, column, count, digits, estimate, in_words, median_of_groups, point, quantile, text, time, words,
};
use super::super::plan;
use super::super::tally::Tally;
use super::experiment::{Isolation, Measured, Served};
use super::kind::Kind;
use crate::{Cell, Finding, Mark, Outcome, Plot, Request, Series, Table};

/// All rounds of one function beside one kind of neighbours.
#[derive(Default)]
struct Group {
    alone: Vec<Vec<Served>>,
    beside: Vec<Vec<Served>>,
    neighbours: u32,
    tally: Tally,
    worked: Tally,
}

impl Group {
    fn add(&mut self, measured: Measured) {
        self.alone.extend(measured.alone);
        self.beside.extend(measured.beside);
        self.neighbours = measured.neighbours;
        self.tally.add(&measured.tally);
        measured.worked.iter().for_each(|worked| self.worked.add(&worked.tally));
    }
}

fn times(blocks: &[Vec<Served>]) -> Vec<Vec<f64>> {
    blocks.iter().map(|block| block.iter().map(|call| call.total_ns as f64).collect()).collect()
}

fn speeds(blocks: &[Vec<Served>]) -> Vec<Vec<f64>> {
    blocks.iter().map(|block| block.iter().filter_map(|call| call.speed).collect()).collect()
}

type Groups = BTreeMap<(String, String, Kind), Group>;

/// The finding of all outcomes.
pub(super) fn finding(experiment: &Isolation, request: &Request, outcomes: &[Outcome]) -> Finding {
    let mut finding = plan::finding(experiment);
    let mut groups = Groups::new();
    for (unit, measured) in plan::measured::<Measured>(outcomes, &mut finding.notes) {
        let function = format!("{}/{}", unit.function, unit.size);
        groups.entry((unit.target.clone(), function, measured.kind)).or_default().add(measured);
    }
    let compared = compare(&groups);
    let judged: Vec<_> = groups.iter().zip(&compared).collect();
    finding.answer =
        judged.iter().map(|(group, comparison)| sentence(group, comparison.as_ref())).collect::<Vec<_>>().join(" ");
    finding.tables = vec![table(&judged)];
    finding.plots = vec![plot(&judged)];
    if Kind::Disk.function(request).is_none() {
        finding.notes.push(
            "Neighbours of the disk were left out: they are the function compression, which was not among the functions."
                .to_owned(),
        );
    }
    for ((target, function, kind), group) in &groups {
        if group.tally.failed() + group.worked.failed() > 0 {
            finding.notes.push(format!(
                "On {target}, {function} beside {} neighbours: {}; of the neighbours {}.",
                kind.name(),
                group.tally.in_words(),
                group.worked.in_words()
            ));
        }
    }
    finding.notes.push(
        "Blocks of calls alone and beside neighbours follow each other by turns, and are groups in the intervals; calls that \
         started an instance are not used. Verdicts hold together for all rows (Holm)."
            .to_owned(),
    );
    finding
}

/// The comparison of each group, where both sides were measured.
fn compare(groups: &Groups) -> Vec<Option<Comparison>> {
    let sides: Vec<Option<(Clusters, Clusters)>> = groups
        .values()
        .map(|group| Clusters::new(times(&group.alone)).ok().zip(Clusters::new(times(&group.beside)).ok()))
        .collect();
    let pairs: Vec<(&Clusters, &Clusters)> = sides.iter().flatten().map(|(alone, beside)| (alone, beside)).collect();
    let mut compared = compare_many(&pairs, Correction::FamilyWise, &Bootstrap::default()).into_iter();
    sides.iter().map(|sides| sides.as_ref().and_then(|_| compared.next())).collect()
}

type Judged<'a> = ((&'a (String, String, Kind), &'a Group), &'a Option<Comparison>);

fn sentence(
    ((target, function, kind), group): &(&(String, String, Kind), &Group),
    found: Option<&Comparison>,
) -> String {
    let neighbours = format!("{} {} neighbours", group.neighbours, kind.name());
    let Some(comparison) = found else {
        return format!(
            "On {target} {function} beside {neighbours} could not be measured: {}.",
            group.tally.in_words()
        );
    };
    let alone = in_words(&median_of_groups(&times(&group.alone)), time);
    let beside = in_words(&median_of_groups(&times(&group.beside)), time);
    let verdict = match comparison.verdict {
        Verdict::Increase { low, high } => format!("is {} to {} times as slow", digits(low), digits(high)),
        Verdict::Decrease { low, high } => format!("takes {} to {} of its time", digits(low), digits(high)),
        // Twice as slow would have gone unseen: nothing was shown either way.
        Verdict::NoDifference { could_have_missed } if could_have_missed > 1.0 => {
            "was measured in too few blocks to tell whether it is disturbed".to_owned()
        }
        Verdict::NoDifference { could_have_missed } => {
            format!("is not seen to be disturbed (up to {}% could have been missed)", digits(100.0 * could_have_missed))
        }
        Verdict::Undecidable { .. } => "has too few blocks for a verdict".to_owned(),
    };
    format!("On {target} {function} {verdict} beside {neighbours}: {alone} alone, {beside} beside them.")
}

fn in_a_word(comparison: &Comparison) -> &'static str {
    match comparison.verdict {
        Verdict::Increase { .. } => "slower",
        Verdict::Decrease { .. } => "faster",
        Verdict::NoDifference { .. } => "no difference found",
        Verdict::Undecidable { .. } => "too few blocks",
    }
}

fn table(judged: &[Judged<'_>]) -> Table {
    let row = |(((target, function, kind), group), comparison): &Judged<'_>| {
        let none = || absent("one side was not measured");
        let speed = |blocks: &[Vec<Served>]| match speeds(blocks) {
            speeds if speeds.concat().is_empty() => absent("it does not compute for a time"),
            speeds => median_of_groups(&speeds),
        };
        vec![
            text(target),
            text(function),
            text(kind.name()),
            count(u64::from(group.neighbours)),
            median_of_groups(&times(&group.alone)),
            median_of_groups(&times(&group.beside)),
            comparison.and_then(|comparison| comparison.effect).as_ref().map_or_else(none, estimate),
            comparison.as_ref().map_or_else(none, |comparison| text(in_a_word(comparison))),
            quantile(&times(&group.alone).concat(), 0.95),
            quantile(&times(&group.beside).concat(), 0.95),
            speed(&group.alone),
            speed(&group.beside),
            count(group.worked.calls - group.worked.failed()),
            count(group.tally.failed()),
            count(group.tally.calls),
        ]
    };
    Table {
        title: "A victim alone and beside neighbours".to_owned(),
        columns: vec![
            words("target"),
            words("victim"),
            words("neighbours take"),
            column("neighbours", "1"),
            column("alone, median", "ns"),
            column("beside, median", "ns"),
            column("beside / alone", "1"),
            words("verdict"),
            column("alone, p95", "ns"),
            column("beside, p95", "ns"),
            column("speed alone", "1/s"),
            column("speed beside", "1/s"),
            column("neighbours' answers", "1"),
            column("failed", "1"),
            column("calls", "1"),
        ],
        rows: judged.iter().map(row).collect(),
    }
}

fn plot(judged: &[Judged<'_>]) -> Plot {
    let mut series: BTreeMap<Kind, Series> = BTreeMap::new();
    let mut rows: Vec<String> = Vec::new();
    for (((target, function, kind), _), comparison) in judged {
        let label = format!("{target} {function}");
        let row = rows.iter().position(|row| *row == label).unwrap_or_else(|| {
            rows.push(label.clone());
            rows.len() - 1
        });
        let effect: Option<Cell> = comparison.and_then(|comparison| comparison.effect).as_ref().map(estimate);
        let Some(point) = effect.and_then(|effect| point(row as f64, &effect)) else { continue };
        let one = series.entry(*kind).or_insert_with(|| Series {
            name: format!("beside {} neighbours", kind.name()),
            mark: Mark::Bar,
            points: Vec::new(),
            labels: Vec::new(),
        });
        one.points.push(point);
        one.labels.push(label);
    }
    Plot {
        title: "How many times as long as alone".to_owned(),
        x: axis("target and victim", "1"),
        y: axis("beside / alone", "1"),
        series: series.into_values().collect(),
    }
}
