//! The page around its runs: head, contents, comparisons, how to read it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::run;
use super::subject::{ComparisonSection, PageOptions, PageRun, RowClass};
use crate::report::plot::PlotError;
use crate::report::plot::label::clean;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Nothing is fetched, sent, framed or run but what stands in the file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; \
    base-uri 'none'; form-action 'none'";

/// The page.
///
/// # Errors
/// When a plot can't be drawn.
pub fn render(
    runs: &[PageRun<'_>],
    comparisons: &[ComparisonSection],
    options: &PageOptions,
) -> Result<String, PlotError> {
    let sections: Vec<run::Section> = runs
        .iter()
        .enumerate()
        .map(|(index, run)| run::section(index, *run, runs.len() > 1))
        .collect::<Result<_, _>>()?;
    let title = match runs {
        [only] => run::name(only.report),
        several => format!("{} runs", several.len()),
    };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(clean(&format!("faasbench {}", options.program_version)));
                @if let Some(seconds) = options.refresh_seconds {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (clean(&title)) " · faasbench" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the answers" }
                div.bar {
                    span.brand { "faasbench" }
                    (contents(&sections, !comparisons.is_empty()))
                    button #theme type="button" hidden { "Dark" }
                }
                main #main {
                    @if comparisons.is_empty() && sections.is_empty() {
                        p { "This report is about no run." }
                    }
                    @if !comparisons.is_empty() {
                        section #comparison {
                            h1 { "What changed" }
                            @for comparison in comparisons {
                                (comparison_section(comparison))
                            }
                        }
                    }
                    @for section in &sections {
                        (section.body)
                    }
                    (reading())
                }
                footer {
                    p {
                        "Made by faasbench " (clean(&options.program_version)) " on " (run::utc(options.generated_unix_ns))
                        ". One file, complete in itself: it can be kept, sent and printed."
                    }
                }
                div #tip role="status" hidden {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

fn contents(sections: &[run::Section], compared: bool) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @if compared {
                    li { a href="#comparison" { "What changed" } }
                }
                @for section in sections {
                    @for (anchor, text) in &section.contents {
                        li { a href=(format!("#{anchor}")) { (clean(text)) } }
                    }
                }
                li { a href="#reading" { "How to read it" } }
            }
        }
    }
}

fn comparison_section(section: &ComparisonSection) -> Markup {
    let count = |class| section.rows.iter().filter(|row| row.class == class).count();
    html! {
        h2 { (clean(&section.title)) }
        p.answer {
            (format!(
                "{} rose, {} fell, {} show no difference{}.",
                count(RowClass::Worse),
                count(RowClass::Better),
                count(RowClass::Same),
                match count(RowClass::Unknown) {
                    0 => String::new(),
                    n => format!(", {n} can't be decided"),
                }
            ))
            " All verdicts together hold with 95% confidence."
        }
        @if !section.warnings.is_empty() {
            div.warning {
                p { "The circumstances differ, and may be what the figures show:" }
                ul {
                    @for warning in &section.warnings {
                        li { (clean(warning)) }
                    }
                }
            }
        }
        div.scroll tabindex="0" role="region" aria-label=(clean(&section.title)) {
            table {
                thead {
                    tr {
                        th scope="col" { "figure" }
                        th.number scope="col" { "baseline" }
                        th.number scope="col" { "candidate" }
                        th.number scope="col" { "ratio" }
                        th scope="col" { "verdict" }
                    }
                }
                tbody {
                    @for row in &section.rows {
                        tr {
                            th scope="row" { (clean(&row.what)) }
                            td.number { (clean(&row.baseline)) }
                            td.number { (clean(&row.candidate)) }
                            td.number { (clean(&row.effect)) }
                            td class=(verdict_class(row.class)) { (clean(&row.verdict)) }
                        }
                    }
                }
            }
        }
    }
}

fn verdict_class(class: RowClass) -> &'static str {
    match class {
        RowClass::Better => "better",
        RowClass::Worse => "worse",
        RowClass::Same => "same",
        RowClass::Unknown => "unknown",
    }
}

fn reading() -> Markup {
    html! {
        section #reading {
            h2 { "How to read it" }
            dl {
                dt { "4.91 ms [4.85, 4.97]" }
                dd {
                    "The median, and the interval that holds the true one with 95% confidence. Repetitions are divided among fresh \
                     processes, and the interval accounts for what differs between these. Without an interval there were too few \
                     values for one."
                }
                dt { "n" }
                dd { "How many values a figure rests on. No value is ever dropped: outliers count too." }
                dt { "p95" }
                dd { "The value that 95 of 100 invocations stay below; shown where there are enough values to carry it." }
                dt { "warm, cold" }
                dd {
                    "Cold is the first invocation of an instance, with the start of its process; warm are the ones that follow. Neither \
                     is thrown away."
                }
                dt { "WASM / native" }
                dd {
                    "The ratio of the two medians with its interval. Where that contains 1.00x, no difference was shown. Both ran in the \
                     same kind of process, in turn, in random order."
                }
                dt { "–" }
                dd { "Could not be read, for the reason given. Never a zero." }
                dt { "~" }
                dd { "Estimated: a counter had to share the processor's counters and counted for a part of the time." }
            }
        }
    }
}
