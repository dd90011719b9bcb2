//! Our generator in a process of its own, as the others are.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use load::{LoadPlan, Method, Pace, RequestTemplate, Shape, Stop, Target};

/// The argument that makes this program measure.
pub(crate) const CHILD: &str = "--be-our-generator";

/// `closed URL CONNECTIONS SECONDS`, `paced URL RATE SECONDS` or `many URL CONNECTIONS REQUESTS`; prints numbers in a line.
pub(crate) fn measure(arguments: &[String]) -> anyhow::Result<()> {
    let [kind, url, first, second] = arguments else { bail!("{CHILD} needs four arguments") };
    let number = |text: &String| text.parse::<u32>().with_context(|| format!("{text} is no number"));
    let (first, second) = (number(first)?, number(second)?);
    let target: Target = url.parse()?;
    let pace = match kind.as_str() {
        "paced" => Pace::Open(Shape::Constant { rate: f64::from(first) }),
        _ => Pace::Closed { clients: first, think: Duration::ZERO },
    };
    let length = if kind == "many" { 3_600 } else { second };
    // What wrk and oha send by themselves.
    let request = RequestTemplate { method: Method::GET, ..RequestTemplate::post_json("") };
    let plan = LoadPlan {
        threads: 1,
        most_requests: (kind == "many").then(|| u64::from(second)),
        ..LoadPlan::new(target, request, pace, Duration::from_secs(length.into()))
    };
    let result = load::run(plan, &Stop::new(), |_| ())?;
    ensure!(result.recording.failed() == 0, "{} requests failed", result.recording.failed());
    let late = |share| result.recording.lateness_ns.value_at_quantile(share) as f64 / 1e3;
    println!("{} {} {}", result.rate(), late(0.5), late(0.99));
    Ok(())
}
