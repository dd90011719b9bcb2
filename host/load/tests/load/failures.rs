//! Servers that fail are counted exactly, and every load ends.

use std::net::TcpListener;
use std::time::Duration;

use load::{Ended, Failure, LoadPlan, Pace, Shape, Stop, run};

use crate::server::{Reaction, Server, request};

fn plan(server: &Server, rate: f64, seconds: u64) -> LoadPlan {
    LoadPlan::new(server.target(), request(), Pace::Open(Shape::Constant { rate }), Duration::from_secs(seconds))
}

#[test]
fn with_a_fifth_failing_or_hanging_counts_are_exact_and_it_ends() {
    // Of twenty, two answer 500, one hangs, one breaks off.
    let server = Server::start(|number, _| match number % 20 {
        3 | 13 => Reaction::Answer(500, Duration::ZERO),
        7 => Reaction::Hang,
        17 => Reaction::Break,
        _ => Reaction::Answer(200, Duration::ZERO),
    });
    let mut plan = plan(&server, 200.0, 2);
    plan.timeout = Duration::from_millis(300);
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.requests(), 400);
    assert_eq!(result.recording.succeeded(), 320);
    let failures = &result.recording.failures;
    assert_eq!(failures.get(&Failure::Status(500)), Some(&40), "{failures:?}");
    assert_eq!(failures.get(&Failure::Timeout), Some(&20), "{failures:?}");
    assert_eq!(failures.get(&Failure::Broken), Some(&20), "{failures:?}");
    assert_eq!(result.ended, Ended::Complete);
}

#[test]
fn too_many_failures_stop_it() {
    let server = Server::start(|_, _| Reaction::Answer(503, Duration::ZERO));
    let mut plan = plan(&server, 500.0, 60);
    plan.stop_above_failures = Some(0.5);
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.ended, Ended::TooManyFailures);
    assert!(result.requests() >= 100 && result.elapsed < Duration::from_secs(20));
}

#[test]
fn a_server_that_is_not_there_is_a_result() {
    // Bound and given up again: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = format!("http://{address}/").parse().unwrap();
    let shape = Shape::Constant { rate: 50.0 };
    let result =
        run(LoadPlan::new(target, request(), Pace::Open(shape), Duration::from_secs(1)), &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.recording.failures.get(&Failure::Connect), Some(&50));
}

#[test]
fn what_finds_no_connection_and_no_place_to_wait_is_dropped_and_said() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::from_millis(200)));
    let mut plan = plan(&server, 100.0, 1);
    plan.connections = 2;
    plan.queue = 3;
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.requests() + result.dropped, 100);
    assert!(result.dropped >= 50, "{}", result.dropped);
    assert!(result.bottleneck().unwrap().contains("dropped"));
}
