//! Refusing scripts that can't be carried out, before anything is deployed.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::{DEEPEST, LONGEST_S, MOST_AT_ONCE, MOST_CALLS, MOST_COMBINATIONS, MOST_ROUNDS};
use super::format::{DeploymentRule, Most, ScriptFile};
use super::metric;
use super::place::Place;
use super::play::shape;
use super::step::{Step, Until, Vary};
use super::value::{Number, Scalar};
use super::variables::{Variables, combinations};

/// What is wrong, and where.
type Wrong = (Place, String);

pub(super) fn check(file: &ScriptFile) -> Result<(), Wrong> {
    let root = Place::default();
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 63
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !is_name(&file.name) {
        return Err((root.key("name"), format!("`{}` is not 1 to 63 letters, digits, - and _", file.name)));
    }
    rounds(&root.key("rounds"), file.rounds)?;
    most(&root.key("most"), file.most)?;
    variables(&root.key("variables"), &file.variables)?;
    if let Some(quick) = &file.quick {
        let place = root.key("quick");
        rounds(&place.key("rounds"), quick.rounds)?;
        most(&place.key("most"), quick.most.unwrap_or(file.most))?;
        variables(&place.key("variables"), &quick.variables)?;
        if let Some(name) = quick.variables.keys().find(|name| !file.variables.contains_key(*name)) {
            let known = file.variables.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err((
                place.key("variables").key(name),
                format!("there is no variable of this name; there are {known}"),
            ));
        }
    }
    deployments(&root.key("deployment"), file)?;
    if file.steps.is_empty() {
        return Err((root.key("step"), "there is no step".to_owned()));
    }
    // Every value is tried, so that none fails half way.
    let quick = file.quick.as_ref().map(|quick| &quick.variables);
    for set in [Some(&file.variables), quick].into_iter().flatten() {
        let mut all = file.variables.clone();
        all.extend(set.clone());
        for values in combinations(&all) {
            let place = root.key("deployment");
            for (number, rule) in file.deployments.iter().enumerate() {
                deployment(&place.index(number), rule, &values)?;
            }
            steps(&root.key("step"), &file.steps, &values, &Names::of(file), 0)?;
        }
    }
    records(&root.key("record"), file)?;
    shown(&root, file)
}

fn rounds(place: &Place, rounds: Option<u32>) -> Result<(), Wrong> {
    match rounds {
        Some(rounds) if !(1..=MOST_ROUNDS).contains(&rounds) => {
            Err((place.clone(), format!("{rounds} is not 1 to {MOST_ROUNDS}")))
        }
        _ => Ok(()),
    }
}

fn most(place: &Place, most: Most) -> Result<(), Wrong> {
    if !(most.seconds > 0.0 && most.seconds <= LONGEST_S) {
        return Err((place.key("seconds"), format!("{} is not more than 0 and at most {LONGEST_S}", most.seconds)));
    }
    if !(1..=MOST_CALLS).contains(&most.calls) {
        return Err((place.key("calls"), format!("{} is not 1 to {MOST_CALLS}", most.calls)));
    }
    Ok(())
}

fn variables(place: &Place, variables: &BTreeMap<String, Vec<Scalar>>) -> Result<(), Wrong> {
    let mut product: usize = 1;
    for (name, values) in variables {
        if values.is_empty() {
            return Err((place.key(name), "it has no value".to_owned()));
        }
        if ["label", "deployment", "target", "function", "time", "repetition", "percentile", "rounds"]
            .contains(&name.as_str())
        {
            return Err((place.key(name), format!("`{name}` means something else in tables and plots")));
        }
        product = product.saturating_mul(values.len());
    }
    if product > MOST_COMBINATIONS {
        return Err((
            place.clone(),
            format!("there are {product} combinations of values, more than {MOST_COMBINATIONS}"),
        ));
    }
    Ok(())
}

fn deployments(place: &Place, file: &ScriptFile) -> Result<(), Wrong> {
    let mut names = BTreeSet::new();
    for (number, rule) in file.deployments.iter().enumerate() {
        let place = place.index(number);
        if rule.name.is_empty() || !names.insert(&rule.name) {
            return Err((
                place.key("name"),
                format!("`{}` is empty, or the name of another deployment too", rule.name),
            ));
        }
        if rule.function.as_ref().is_some_and(String::is_empty) {
            return Err((place.key("function"), "it is empty; leave it out for the run's function".to_owned()));
        }
    }
    Ok(())
}

fn deployment(place: &Place, rule: &DeploymentRule, values: &Variables) -> Result<(), Wrong> {
    let within = |key: &str, number: &Option<Number>, least: f64, most: f64| match number {
        None => Ok(()),
        Some(number) => match values.number(number) {
            Ok(value) if (least..=most).contains(&value) => Ok(()),
            Ok(value) => Err((place.key(key), format!("{value} is not {least} to {most}"))),
            Err(reason) => Err((place.key(key), reason)),
        },
    };
    within("memory-mib", &rule.memory_mib, 1.0, 1_048_576.0)?;
    within("cpus", &rule.cpus, 0.001, 1_024.0)?;
    within("time-s", &rule.time_s, 0.001, 86_400.0)?;
    within("minimum-instances", &rule.minimum_instances, 0.0, 1e6)?;
    within("maximum-instances", &rule.maximum_instances, 1.0, 1e6)?;
    within("concurrency", &rule.concurrency, 1.0, 1e6)?;
    within("keep-alive-s", &rule.keep_alive_s, 0.0, 31_536_000.0)?;
    within("queue", &rule.queue, 0.0, 1e6)
}

/// What steps may name.
struct Names<'a> {
    deployments: Vec<&'a str>,
    metrics: Vec<&'a str>,
    most_calls: u32,
}

impl<'a> Names<'a> {
    fn of(file: &'a ScriptFile) -> Names<'a> {
        let mut deployments: Vec<&str> = file.deployments.iter().map(|rule| rule.name.as_str()).collect();
        if deployments.is_empty() {
            deployments.push("function");
        }
        Names { deployments, metrics: metrics(file), most_calls: file.most.calls }
    }
}

fn metrics(file: &ScriptFile) -> Vec<&str> {
    let mut names: Vec<&str> = metric::built_in().collect();
    names.extend(file.records.iter().map(|record| record.name.as_str()));
    names
}

fn steps(place: &Place, steps: &[Step], values: &Variables, names: &Names<'_>, depth: usize) -> Result<(), Wrong> {
    if depth > DEEPEST {
        return Err((place.clone(), format!("steps are nested deeper than {DEEPEST}")));
    }
    for (number, one) in steps.iter().enumerate() {
        step(&place.index(number).key(one.key()), one, values, names, depth)?;
    }
    Ok(())
}

fn step(place: &Place, step: &Step, values: &Variables, names: &Names<'_>, depth: usize) -> Result<(), Wrong> {
    let at = |key: &str| {
        let place = place.key(key);
        move |reason: String| (place, reason)
    };
    if let Some(name) = step.deployment().filter(|name| !names.deployments.contains(name)) {
        let known = names.deployments.join(", ");
        return Err((place.key("deployment"), format!("there is no deployment `{name}`; there are {known}")));
    }
    if step.label().is_some_and(str::is_empty) {
        return Err((place.key("label"), "it is empty".to_owned()));
    }
    match step {
        Step::Invoke(invoke) => {
            calls(values.count(&invoke.times), names.most_calls).map_err(at("times"))?;
            values.seconds(&invoke.pause_s).map_err(at("pause-s")).map(|_| ())
        }
        Step::Burst(burst) => {
            calls(values.count(&burst.size), names.most_calls.min(MOST_AT_ONCE)).map_err(at("size")).map(|_| ())
        }
        Step::Ramp(_) | Step::Load(_) => {
            let (shape, length) = shape(step, values).map_err(|(key, reason)| (place.key(key), reason))?;
            let expected = load::Arrivals::expected(&shape, length);
            if expected > f64::from(names.most_calls) {
                let most = names.most_calls;
                return Err((
                    place.clone(),
                    format!("it makes {expected:.0} calls, more than the {most} of most.calls"),
                ));
            }
            Ok(())
        }
        Step::Wait(wait) => values.seconds(&wait.seconds).map_err(at("seconds")).map(|_| ()),
        Step::ForceCold(_) => Ok(()),
        Step::Scale(scale) => {
            for (key, number) in [("minimum", &scale.minimum), ("maximum", &scale.maximum)] {
                if let Some(number) = number {
                    values.count(number).map_err(at(key))?;
                }
            }
            Ok(())
        }
        Step::Repeat(repeat) => {
            calls(values.count(&repeat.times), MOST_CALLS).map_err(at("times"))?;
            let inner = varied(place, repeat.vary.as_ref(), values)?;
            steps(&place.key("steps"), &repeat.steps, &inner, names, depth + 1)
        }
        Step::RepeatUntil(repeat) => {
            calls(values.count(&repeat.most_times), MOST_CALLS).map_err(at("most-times"))?;
            until(&place.key("until"), &repeat.until, values, names)?;
            let inner = varied(place, repeat.vary.as_ref(), values)?;
            steps(&place.key("steps"), &repeat.steps, &inner, names, depth + 1)
        }
    }
}

fn calls(number: Result<u32, String>, most: u32) -> Result<u32, String> {
    match number? {
        number if (1..=most).contains(&number) => Ok(number),
        number => Err(format!("{number} is not 1 to {most}")),
    }
}

fn until(place: &Place, until: &Until, values: &Variables, names: &Names<'_>) -> Result<(), Wrong> {
    match until {
        Until::IdentityChanges => Ok(()),
        Until::Seconds(number) => values.seconds(number).map_err(|reason| (place.key("seconds"), reason)).map(|_| ()),
        Until::IntervalWithin(within) => {
            let place = place.key("interval-within");
            match values.number(&within.share) {
                Ok(share) if share > 0.0 && share <= 10.0 => {}
                Ok(share) => return Err((place.key("share"), format!("{share} is not more than 0 and at most 10"))),
                Err(reason) => return Err((place.key("share"), reason)),
            }
            calls(values.count(&within.least), MOST_CALLS).map_err(|reason| (place.key("least"), reason))?;
            if !names.metrics.contains(&within.metric.as_str()) {
                return Err((place.key("metric"), unknown_metric(&within.metric, &names.metrics)));
            }
            Ok(())
        }
    }
}

fn unknown_metric(name: &str, known: &[&str]) -> String {
    format!("there is no metric `{name}`; there are {}", known.join(", "))
}

/// The values within a repetition: with what changes, at its first.
fn varied(place: &Place, vary: Option<&Vary>, values: &Variables) -> Result<Variables, Wrong> {
    let Some(vary) = vary else { return Ok(values.clone()) };
    let place = place.key("vary");
    let number = |key: &str, number: &Number| values.number(number).map_err(|reason| (place.key(key), reason));
    let (from, factor, add) = (number("from", &vary.from)?, number("factor", &vary.factor)?, number("add", &vary.add)?);
    if factor == 1.0 && add == 0.0 {
        return Err((place.clone(), format!("`{}` never changes; give it a factor or something to add", vary.name)));
    }
    if values.0.contains_key(&vary.name) || vary.name.is_empty() {
        return Err((place.key("name"), format!("`{}` is empty, or a variable already", vary.name)));
    }
    let mut inner = values.clone();
    inner.0.insert(vary.name.clone(), serde_json::json!(from));
    Ok(inner)
}

fn records(place: &Place, file: &ScriptFile) -> Result<(), Wrong> {
    let mut names: BTreeSet<&str> = metric::built_in().collect();
    for (number, record) in file.records.iter().enumerate() {
        let place = place.index(number);
        if record.name.is_empty() || !names.insert(&record.name) {
            return Err((place.key("name"), format!("`{}` is empty, or the name of another metric", record.name)));
        }
        if !record.pointer.starts_with('/') {
            return Err((place.key("pointer"), format!("`{}` does not begin with /, as in /result", record.pointer)));
        }
    }
    Ok(())
}

/// Names of all that changes: of the sweep and within repetitions.
fn groups(file: &ScriptFile) -> BTreeSet<&str> {
    fn inner<'a>(steps: &'a [Step], names: &mut BTreeSet<&'a str>) {
        for step in steps {
            let vary = match step {
                Step::Repeat(repeat) => repeat.vary.as_ref(),
                Step::RepeatUntil(repeat) => repeat.vary.as_ref(),
                _ => None,
            };
            names.extend(vary.map(|vary| vary.name.as_str()));
            inner(step.inner(), names);
        }
    }
    let mut names: BTreeSet<&str> = file.variables.keys().map(String::as_str).collect();
    inner(&file.steps, &mut names);
    names
}

fn shown(root: &Place, file: &ScriptFile) -> Result<(), Wrong> {
    let (known, variables) = (metrics(file), groups(file));
    let group = |place: &Place, group: &[String]| {
        for (number, name) in group.iter().enumerate() {
            if !["label", "deployment"].contains(&name.as_str()) && !variables.contains(name.as_str()) {
                let others: String = variables.iter().map(|name| format!(", {name}")).collect();
                let reason = format!("`{name}` makes no groups; these do: label, deployment{others}");
                return Err((place.key("group").index(number), reason));
            }
        }
        Ok(())
    };
    for (number, table) in file.tables.iter().enumerate() {
        let place = root.key("table").index(number);
        if !known.contains(&table.metric.as_str()) {
            return Err((place.key("metric"), unknown_metric(&table.metric, &known)));
        }
        group(&place, &table.group)?;
    }
    for (number, plot) in file.plots.iter().enumerate() {
        let place = root.key("plot").index(number);
        if !known.contains(&plot.metric.as_str()) {
            return Err((place.key("metric"), unknown_metric(&plot.metric, &known)));
        }
        if !["time", "repetition", "percentile"].contains(&plot.x.as_str()) && !variables.contains(plot.x.as_str()) {
            let others: String = variables.iter().map(|name| format!(", {name}")).collect();
            return Err((
                place.key("x"),
                format!("`{}` is no x; these are: time, repetition, percentile{others}", plot.x),
            ));
        }
        group(&place, &plot.group)?;
    }
    Ok(())
}
