//! Our generator in a process of its own, as the others are.

use std::time::Duration;

use load::{LoadPlan, Method, Pace, RequestTemplate, Shape, Stop, Target};

/// The argument that makes this program measure.
pub(crate) const CHILD: &str = "--be-our-generator";

/// `closed URL CONNECTIONS SECONDS`, `paced URL RATE SECONDS` or `many URL CONNECTIONS REQUESTS`; prints numbers in a line.
pub(crate) fn measure(arguments: &[String]) {
    let [kind, url, first, second] = arguments else { panic!("{CHILD} needs four arguments") };
    let number = |text: &String| text.parse::<u32>().expect("a number");
    let target: Target = url.parse().expect("an address");
    let pace = match kind.as_str() {
        "paced" => Pace::Open(Shape::Constant { rate: f64::from(number(first)) }),
        _ => Pace::Closed { clients: number(first), think: Duration::ZERO },
    };
    let length = if kind == "many" { 3_600 } else { number(second) };
    // What wrk and oha send by themselves.
    let request = RequestTemplate { method: Method::GET, ..RequestTemplate::post_json("") };
    let plan = LoadPlan {
        threads: 1,
        most_requests: (kind == "many").then(|| u64::from(number(second))),
        ..LoadPlan::new(target, request, pace, Duration::from_secs(length.into()))
    };
    let result = load::run(plan, &Stop::new(), |_| ()).expect("a load");
    assert_eq!(result.recording.failed(), 0, "requests failed");
    let late = |share| result.recording.lateness_ns.value_at_quantile(share) as f64 / 1e3;
    println!("{} {} {}", result.rate(), late(0.5), late(0.99));
}
