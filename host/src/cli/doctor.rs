//! `faasbench doctor`.

use std::fmt::Write as _;

use super::arguments::DoctorArguments;
use super::environment;
use super::exit::{self, Failure};
use crate::environment::{Check, Diagnosis, Verdict};

pub(super) fn execute(arguments: &DoctorArguments) -> Result<(), Failure> {
    let environment = environment::collect();
    let checks = environment.checks();
    if arguments.json {
        return exit::print_json(&Diagnosis { checks, environment });
    }
    exit::print(&describe(&checks))
}

fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Disturbs => "disturbs",
        Verdict::Limits => "limits",
        Verdict::Unknown => "unknown",
    }
}

fn describe(checks: &[Check]) -> String {
    let mut text = String::new();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in checks {
        // A String takes all that is written to it.
        let _ = writeln!(text, "{:8}  {:width$}  {}", mark(check.verdict), check.name, check.finding);
        for line in
            [Some(&check.meaning).filter(|meaning| !meaning.is_empty()), check.mend.as_ref()].into_iter().flatten()
        {
            let _ = writeln!(text, "{:8}  {:width$}    {line}", "", "");
        }
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let _ = writeln!(
        text,
        "\n{} good, {} will disturb measurements, {} can't be used or measured here, {} unknown",
        count(Verdict::Good),
        count(Verdict::Disturbs),
        count(Verdict::Limits),
        count(Verdict::Unknown)
    );
    text
}
