//! `faasbench list`.

use std::fmt::Write as _;

use serde_json::json;

use super::arguments::{ListArguments, Listing};
use super::exit::{self, Failure};
use crate::experiment::Experiment;
use crate::platforms::CATALOGUE;
use crate::workload::{FUNCTIONS, Size};

pub(super) fn execute(arguments: &ListArguments) -> Result<(), Failure> {
    if arguments.what == Listing::Experiments && arguments.json {
        return exit::print_json(&experiments_with_settings());
    }
    let rows: Vec<(String, String)> = match arguments.what {
        Listing::Functions => {
            FUNCTIONS.iter().map(|function| (function.name.to_owned(), function.summary.to_owned())).collect()
        }
        Listing::Experiments => Experiment::ALL
            .iter()
            .map(|experiment| (experiment.name().to_owned(), crate::report::question(experiment.name()).to_owned()))
            .chain(
                experiments::CATALOGUE
                    .iter()
                    .map(|experiment| (experiment.name().to_owned(), experiment.question().to_owned())),
            )
            .collect(),
        Listing::Sizes => sizes(),
        Listing::Platforms => {
            CATALOGUE.iter().map(|platform| (platform.name.to_owned(), platform.summary.to_owned())).collect()
        }
    };
    if arguments.json {
        let rows: Vec<_> = rows.iter().map(|(name, text)| json!({ "name": name, "description": text })).collect();
        return exit::print_json(&rows);
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, description) in rows {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{name:width$}  {description}");
    }
    exit::print(&text)
}

/// The experiments, those on platforms with their settings.
fn experiments_with_settings() -> Vec<serde_json::Value> {
    let here = Experiment::ALL.iter().map(|experiment| {
        json!({ "name": experiment.name(), "description": crate::report::question(experiment.name()), "on": "this machine" })
    });
    let on_platforms = experiments::CATALOGUE.iter().map(|experiment| {
        json!({
            "name": experiment.name(),
            "description": experiment.question(),
            "on": "platforms",
            "settings": experiment.defaults(false),
            "quick_settings": experiment.defaults(true),
        })
    });
    here.chain(on_platforms).collect()
}

fn sizes() -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for size in Size::ALL {
        for function in &FUNCTIONS {
            if let Some(cost) = size.cost(function.name) {
                rows.push((format!("{size} {}", function.name), cost.to_owned()));
            }
        }
    }
    rows
}
