//! What a plan will do, in words: `faasbench run … --dry-run`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use experiments::prices::{Architecture, PriceTable};
use experiments::{PlannedTarget, Runner};

use crate::platform_run::PlatformPlan;

/// What a plan will do, for `--dry-run`.
pub(super) fn described(plan: &PlatformPlan, runners: &[Runner<'_>]) -> String {
    let mut text = String::new();
    let targets: Vec<&str> = plan.targets.iter().map(|target| target.target.as_str()).collect();
    // A String takes all that is written to it.
    let _ =
        writeln!(text, "where: {}; functions: {}; seed {}", targets.join(", "), plan.functions.join(", "), plan.seed);
    let (mut seconds, mut invocations, mut billed) = (0.0, 0, BTreeMap::<&str, (f64, u64)>::new());
    for runner in runners {
        let estimates = runner.units().iter().map(|unit| unit.estimate);
        let (mut of_one, mut calls) = (0.0, 0);
        for estimate in estimates {
            of_one += estimate.seconds;
            calls += estimate.invocations;
        }
        let _ = writeln!(
            text,
            "{}: {} units, about {calls} invocations, about {}",
            runner.name(),
            runner.units().len(),
            length(of_one)
        );
        for (target, why) in runner.left_out() {
            let _ = writeln!(text, "  without {target}: {why}");
        }
        for unit in runner.units() {
            let of_target = billed.entry(unit.target.as_str()).or_default();
            of_target.0 += unit.estimate.gigabyte_seconds;
            of_target.1 += unit.estimate.invocations;
            let _ = writeln!(
                text,
                "  {} {}/{} on {}: {}{}{} invocations, {}",
                unit.round + 1,
                unit.function,
                unit.size,
                unit.target,
                unit.variant,
                if unit.variant.is_empty() { "" } else { ", " },
                unit.estimate.invocations,
                length(unit.estimate.seconds)
            );
        }
        seconds += of_one;
        invocations += calls;
    }
    let _ = writeln!(text, "in all about {invocations} invocations and {}", length(seconds));
    let prices = Prices::of(plan);
    for target in &plan.targets {
        if let Some((gigabyte_seconds, calls)) = billed.get(target.target.as_str()) {
            let cost = prices.cost(target, *gigabyte_seconds, *calls);
            let _ = writeln!(text, "on {}: about {gigabyte_seconds:.1} GB-s{cost}", target.target);
        }
    }
    let _ = writeln!(text, "`--dry-run --json` prints the plan for --plan");
    text
}

/// A length of time in words.
fn length(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// The prices that count: those that the plan's settings name, as `perf-cost` reads them.
struct Prices {
    table: Option<PriceTable>,
    region: String,
    plan: String,
    architecture: Option<Architecture>,
}

impl Prices {
    fn of(plan: &PlatformPlan) -> Prices {
        let setting = |name: &str| {
            let mut values = plan.experiments.iter().filter_map(|experiment| experiment.settings.get(name)?.as_str());
            values.find(|value| !value.is_empty())
        };
        let table = match setting("prices") {
            Some(path) => PriceTable::read(Path::new(path)),
            None => PriceTable::compiled_in(),
        };
        Prices {
            table: table.ok(),
            region: setting("region").unwrap_or_default().to_owned(),
            plan: setting("plan").unwrap_or_default().to_owned(),
            architecture: setting("architecture").and_then(|name| serde_json::from_value(name.into()).ok()),
        }
    }

    /// What so much would cost where it is sold, as words after a figure; nothing where nobody sells it.
    fn cost(&self, target: &PlannedTarget, gigabyte_seconds: f64, calls: u64) -> String {
        /// What experiments suppose of an instance that nothing is said of, bytes.
        const MEMORY_BYTES: u64 = 256 << 20;
        let region = match self.region.as_str() {
            "" => target.region.as_deref().unwrap_or_default(),
            region => region,
        };
        let price = self.table.as_ref().and_then(|table| {
            table.function(&target.platform, region, &self.plan, self.architecture).filter(|_| calls > 0)
        });
        let Some(price) = price else { return String::new() };
        let us_per_call = gigabyte_seconds / (MEMORY_BYTES as f64 / 1e9) / calls as f64 * 1e6;
        let bill = price.bill(us_per_call as u64, MEMORY_BYTES, None);
        let total = bill.cost * calls as f64;
        format!(
            ", about {total:.4} {} by the price of {} ({}); instances that are kept cost more",
            price.currency,
            price.plan,
            price.regions.join(", ")
        )
    }
}
