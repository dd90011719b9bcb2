//! One run of a page: its answers, and for each experiment its plots and tables.

use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

use super::subject::PageRun;
use super::{environment, finding, table};
use crate::report::plot::label::clean;
use crate::report::plot::{self, Group, Plot, PlotError};
use crate::report::shown::{self, ShownTable};
use crate::report::{RunReport, answer};
use crate::results::RunStatus;

/// A run's part of a page.
pub(super) struct Section {
    /// Anchors and their texts.
    pub(super) contents: Vec<(String, String)>,
    pub(super) body: Markup,
}

/// What people call a run.
pub(super) fn name(report: &RunReport) -> String {
    match &report.run.label {
        Some(label) => format!("{label} (run {})", report.run.id),
        None => format!("Run {}", report.run.id),
    }
}

/// A time as `2026-11-21 10:35:11 UTC`.
pub(super) fn utc(unix_ns: i64) -> String {
    match Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{unix_ns} ns"),
    }
}

/// A run. `one_of_several` where the page has others.
pub(super) fn section(index: usize, run: PageRun<'_>, one_of_several: bool) -> Result<Section, PlotError> {
    let report = run.report;
    let prefix = format!("run{}", index + 1);
    let groups = plot::plots(report, run.detail);
    let tables = shown::tables(report);
    let mut experiments: Vec<&str> = report.answers.iter().map(|answer| answer.experiment.as_str()).collect();
    for group in &groups {
        if !experiments.contains(&group.experiment.as_str()) {
            experiments.push(&group.experiment);
        }
    }
    let mut contents = Vec::new();
    if one_of_several {
        contents.push((prefix.clone(), name(report)));
    }
    let mut parts = Vec::new();
    for experiment in experiments {
        let anchor = format!("{prefix}-{}", slug(experiment));
        if !one_of_several {
            contents.push((anchor.clone(), experiment.to_owned()));
        }
        parts.push(experiment_section(&prefix, &anchor, experiment, report, &groups, &tables)?);
    }
    if !one_of_several {
        contents.push((format!("{prefix}-machine"), "machine".to_owned()));
    }
    let body = html! {
        section.run #(prefix) {
            (heading(report))
            @for part in &parts { (part) }
            (environment::section(&prefix, report))
        }
    };
    Ok(Section { contents, body })
}

fn heading(report: &RunReport) -> Markup {
    let run = &report.run;
    html! {
        h1 { (clean(&name(report))) }
        p.facts { (utc(run.created_unix_ns)) " · " (clean(&environment::summary(report))) " · faasbench " (clean(&run.version)) }
        @if let Some(banner) = banner(report) {
            p.warning role="alert" { (banner) }
        }
        @if report.answers.is_empty() && report.failures.is_empty() {
            p.answer { "Nothing was measured in this run." }
        }
        @for answer in &report.answers {
            div.answered {
                h2.question { (clean(&answer.question)) }
                p.answer { (clean(&answer.sentence)) }
            }
        }
        (failures(report))
        (notes(report))
    }
}

fn banner(report: &RunReport) -> Option<&'static str> {
    match report.run.status {
        RunStatus::Complete => None,
        RunStatus::Running => Some("This run still goes on: the figures are those of what was measured so far."),
        RunStatus::Failed => {
            Some("This run gave up before its plan was done: the figures are those of what was measured until then.")
        }
        RunStatus::Interrupted => Some(
            "This run was cut before its plan was done: the figures are those of what was measured until then. \
             `faasbench run --resume` goes on with it.",
        ),
    }
}

fn failures(report: &RunReport) -> Markup {
    html! {
        @if !report.failures.is_empty() {
            div.warning {
                p { "What failed; it is in no figure:" }
                ul {
                    @for failure in &report.failures {
                        li {
                            (failure.n) " of " (clean(&failure.experiment)) " " (clean(&failure.function)) "/"
                            (clean(&failure.size)) " on " (clean(failure.venue())) ": " (clean(&failure.kind)) ": "
                            (clean(&failure.message))
                        }
                    }
                }
            }
        }
    }
}

fn notes(report: &RunReport) -> Markup {
    let notes: Vec<&String> = report.observations.iter().chain(&report.notes).collect();
    html! {
        @if !notes.is_empty() {
            details.notes open[notes.len() <= 6] {
                summary { (notes.len()) " notes about this run: what may have touched the numbers" }
                ul {
                    @for note in notes { li { (clean(note)) } }
                }
            }
        }
    }
}

fn experiment_section(
    prefix: &str,
    anchor: &str,
    experiment: &str,
    report: &RunReport,
    groups: &[Group],
    tables: &[ShownTable<'_>],
) -> Result<Markup, PlotError> {
    let mut drawn = Vec::new();
    for group in groups.iter().filter(|group| group.experiment == experiment) {
        drawn.push(plot_group(prefix, group)?);
    }
    let found = report.findings.iter().find(|finding| finding.experiment == experiment);
    let question = found.map_or_else(|| answer::question(experiment), |finding| finding.question.as_str());
    let tables: Vec<&ShownTable<'_>> = tables.iter().filter(|table| table.experiment == experiment).collect();
    Ok(html! {
        section.experiment #(anchor) {
            h2 { (clean(experiment)) }
            p.question { (clean(question)) }
            @for group in &drawn { (group) }
            @for (index, table) in tables.iter().enumerate() {
                // The first one is what most came for; the plots above show what the others hold.
                @if index == 0 {
                    h3 { (table.title) }
                    (table::figures(table))
                } @else {
                    details.table {
                        summary { (table.title) }
                        (table::figures(table))
                    }
                }
            }
            @if let Some(found) = found { (finding::section(found)) }
            (table::files(report, experiment))
            (table::absences(report, experiment))
        }
    })
}

fn plot_group(prefix: &str, group: &Group) -> Result<Markup, PlotError> {
    let plots: Vec<Markup> = group.plots.iter().map(|plot| figure(prefix, plot)).collect::<Result<_, _>>()?;
    Ok(html! {
        h3 { (clean(&group.heading)) }
        @for remark in &group.remarks { p.remark { (clean(remark)) } }
        @if !plots.is_empty() {
            div.plots { @for plot in &plots { (plot) } }
        }
    })
}

fn figure(prefix: &str, plot: &Plot) -> Result<Markup, PlotError> {
    let id = format!("{prefix}-{}", plot.name());
    let svg = plot.inline_svg(&id)?;
    Ok(html! {
        figure #(id) {
            figcaption { (clean(plot.title())) }
            (PreEscaped(svg))
            details {
                summary { "Data" }
                (table::data(plot))
            }
        }
    })
}

/// As a part of an anchor.
fn slug(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}
