//! The machine of a run, its command and its plan.

use maud::{Markup, html};
use serde_json::Value as Json;

use crate::report::plot::label::clean;
use crate::report::{RunReport, format, shell_words};

/// A fact's value as text; none where it isn't known.
fn known(fact: &Json) -> Option<String> {
    let value = if fact.is_object() { &fact["value"] } else { fact };
    match value {
        Json::Null => None,
        Json::String(text) if text.is_empty() => Some("none".to_owned()),
        Json::String(text) => Some(text.clone()),
        Json::Bool(true) => Some("yes".to_owned()),
        Json::Bool(false) => Some("no".to_owned()),
        Json::Array(values) => Some(values.iter().filter_map(known).collect::<Vec<_>>().join(", ")),
        Json::Object(fields) => {
            Some(fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", "))
        }
        Json::Number(number) => Some(number.to_string()),
    }
}

/// The machine in a few words.
pub(super) fn summary(report: &RunReport) -> String {
    let environment = &report.run.environment;
    let fact = |section: &str, name: &str| known(&environment[section][name]);
    let mut words: Vec<String> = Vec::new();
    words.extend(fact("cpu", "model"));
    words.extend(fact("cpu", "logical").map(|count| format!("{count} processors")));
    words.extend(fact("system", "kernel").map(|kernel| format!("Linux {kernel}")));
    words.extend(fact("virtualisation", "hypervisor").map(|name| format!("in {name}")));
    if words.is_empty() { "machine not known".to_owned() } else { words.join(", ") }
}

/// What identifies a field to people: `load_average` as `load average`, bytes as MiB.
fn row(name: &str, fact: &Json) -> (String, String, bool) {
    let value = known(fact);
    let label = name.replace('_', " ");
    match (value, name.strip_suffix("_bytes")) {
        (Some(bytes), Some(stem)) if bytes.parse::<u64>().is_ok() => {
            let mebibytes = bytes.parse::<u64>().unwrap_or(0) >> 20;
            (stem.replace('_', " "), format!("{mebibytes} MiB"), true)
        }
        (Some(value), _) => (label, value, true),
        (None, _) => {
            let reason = fact["absent_reason"].as_str().unwrap_or("no reason given");
            (label, format!("not known: {reason}"), false)
        }
    }
}

/// Size and digest of everything that was run.
fn code(report: &RunReport) -> Markup {
    let code = &report.run.code;
    let size = |bytes: Option<u64>| bytes.map_or("-".to_owned(), |bytes| format::value(bytes as f64, "bytes"));
    html! {
        @if !code.is_empty() {
            details {
                summary { "The code: sizes and digests" }
                div.scroll tabindex="0" role="region" aria-label="The code" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "function" }
                                th scope="col" { "where" }
                                th.number scope="col" { "code" }
                                th scope="col" { "digest" }
                                th.number scope="col" { "image" }
                                th scope="col" { "digest" }
                            }
                        }
                        tbody {
                            @for one in code {
                                tr {
                                    th scope="row" { (clean(&one.function)) }
                                    td { (clean(one.venue())) }
                                    td.number { (size(one.bytes)) }
                                    td { code { (clean(one.digest.as_deref().unwrap_or("not known"))) } }
                                    td.number { @if one.image_digest.is_some() { (size(one.image_bytes)) } }
                                    td { code { (clean(one.image_digest.as_deref().unwrap_or_default())) } }
                                }
                            }
                        }
                    }
                }
                p.remark { "In a worker of ours, native code is a part of faasbench itself: the size and digest are its." }
            }
        }
    }
}

/// Everything that is needed to repeat the run.
pub(super) fn section(prefix: &str, report: &RunReport) -> Markup {
    let run = &report.run;
    let sections: Vec<(&String, &serde_json::Map<String, Json>)> = run
        .environment
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, facts)| Some((name, facts.as_object()?)))
        .collect();
    html! {
        section.machine #(format!("{prefix}-machine")) {
            h2 { "Repeat it" }
            div.command {
                pre tabindex="0" { code { (clean(&shell_words(&run.command))) } }
                button.copy type="button" hidden { "Copy" }
            }
            p.facts { "Seed " (run.seed) ", faasbench " (clean(&run.version)) ". The plan below, in a file, is what `faasbench run --plan FILE` takes." }
            (code(report))
            details {
                summary { "The plan" }
                pre tabindex="0" { code { (clean_lines(&serde_json::to_string_pretty(&run.plan).unwrap_or_default())) } }
            }
            details {
                summary { "The machine" }
                @for (name, facts) in &sections {
                    h3 { (clean(&name.replace('_', " "))) }
                    div.scroll tabindex="0" role="region" aria-label=(clean(name)) {
                        table.machine {
                            tbody {
                                @for (name, fact) in facts.iter() {
                                    @let (label, value, is_known) = row(name, fact);
                                    tr {
                                        th scope="row" { (clean(&label)) }
                                        td.unknown[!is_known] { (clean(&value)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Cleaned line by line, so that the lines stay.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_are_read_as_people_say_them() {
        let fact = |value: Json| json!({"value": value, "absent_reason": null});
        assert_eq!(row("total_bytes", &fact(json!(2_097_152))), ("total".to_owned(), "2 MiB".to_owned(), true));
        assert_eq!(row("smt_active", &fact(json!(true))), ("smt active".to_owned(), "yes".to_owned(), true));
        let absent = json!({"value": null, "absent_reason": "no such file"});
        assert_eq!(row("boost", &absent), ("boost".to_owned(), "not known: no such file".to_owned(), false));
    }
}
