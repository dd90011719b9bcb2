//! What is reported is what the server did.

use std::sync::atomic::Ordering;
use std::time::Duration;

use load::{Ended, LoadPlan, Pace, Shape, Stop, run};

use crate::server::{Reaction, Server, request};

const MS: u64 = 1_000_000;

fn open(server: &Server, rate: f64, seconds: u64) -> LoadPlan {
    LoadPlan::new(server.target(), request(), Pace::Open(Shape::Constant { rate }), Duration::from_secs(seconds))
}

#[test]
fn a_constant_service_time_is_found() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::from_millis(20)));
    let result = run(open(&server, 100.0, 2), &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.requests(), 200);
    assert_eq!(result.recording.failed(), 0);
    assert_eq!(server.requests.load(Ordering::Relaxed), 200);
    // The server's own timer is late by a millisecond or so, never early.
    assert!(result.recording.service_ns.min() >= 20 * MS - MS / 10);
    let median = result.recording.service_ns.value_at_quantile(0.5);
    assert!((19 * MS..40 * MS).contains(&median), "{median}");
}

#[test]
fn both_modes_of_a_bimodal_service_time_are_found() {
    // Three quarters take 5 ms, one quarter 100 ms.
    let server =
        Server::start(|number, _| Reaction::Answer(200, Duration::from_millis(if number % 4 == 3 { 100 } else { 5 })));
    let result = run(open(&server, 100.0, 2), &Stop::new(), |_| {}).unwrap();
    let service = &result.recording.service_ns;
    assert!(service.value_at_quantile(0.7) < 60 * MS, "{}", service.value_at_quantile(0.7));
    assert!(service.value_at_quantile(0.8) >= 99 * MS, "{}", service.value_at_quantile(0.8));
    // A value is known within a thousandth: three digits.
    assert_eq!(service.count_between(60 * MS, u64::MAX), 50);
}

#[test]
fn a_stall_is_seen_in_full_by_an_open_load_and_hardly_by_a_closed_one() {
    // From 0.5 s to 1.5 s nothing is answered.
    let stalling = |_, elapsed: Duration| {
        let end = Duration::from_millis(1_500);
        let is_stalled = elapsed >= Duration::from_millis(500) && elapsed < end;
        Reaction::Answer(200, if is_stalled { end - elapsed } else { Duration::ZERO })
    };
    let server = Server::start(stalling);
    let mut plan = open(&server, 200.0, 3);
    // Fewer than the requests of the stall: most wait for a connection, and that counts as waiting.
    plan.connections = 4;
    plan.threads = 1;
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.requests(), 600);
    let response = &result.recording.response_ns;
    // 200 requests were due in the second of the stall: those due in its first half waited for more than half a second.
    let waited = response.count_between(500 * MS, u64::MAX);
    assert!((90..=125).contains(&waited), "{waited}");
    assert!(response.max() >= 950 * MS, "{}", response.max());
    // As if it had been sent only when there was a connection.
    let sent = result.recording.service_ns.count_between(500 * MS, u64::MAX);
    assert!(sent <= 6, "{sent}");

    let server = Server::start(stalling);
    let mut plan = open(&server, 200.0, 3);
    plan.pace = Pace::Closed { clients: 1, think: Duration::from_millis(5) };
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    // One request alone waited.
    assert_eq!(result.recording.response_ns.count_between(500 * MS, u64::MAX), 1);
}

#[test]
fn requests_are_taken_up_when_they_are_due() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::ZERO));
    let result = run(open(&server, 500.0, 1), &Stop::new(), |_| {}).unwrap();
    let lateness = &result.recording.lateness_ns;
    assert_eq!(lateness.len(), 500);
    // On a machine that others use too. The benchmarks show how exact it is.
    assert!(lateness.value_at_quantile(0.5) < 5 * MS, "{}", lateness.value_at_quantile(0.5));
}

#[test]
fn a_burst_is_sent_at_once_and_kept_connections_are_used_again() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::from_millis(30)));
    let burst = Pace::Open(Shape::Burst { size: 20, every_ms: 500 });
    let mut plan = LoadPlan::new(server.target(), request(), burst, Duration::from_millis(1_400));
    let result = run(plan.clone(), &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.requests(), 60);
    assert_eq!(server.connections.load(Ordering::Relaxed), 20);
    assert_eq!(result.recording.connect_ns.len(), 20);
    // Together: not one after the other.
    assert!(result.recording.response_ns.max() < 400 * MS, "{}", result.recording.response_ns.max());

    let before = server.connections.load(Ordering::Relaxed);
    plan.keep_connections = false;
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!(result.recording.connect_ns.len(), 60);
    assert_eq!(server.connections.load(Ordering::Relaxed) - before, 60);
}

#[test]
fn a_closed_loop_never_has_more_under_way_than_clients() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::from_millis(20)));
    let pace = Pace::Closed { clients: 5, think: Duration::ZERO };
    let mut most = 0;
    let plan = LoadPlan::new(server.target(), request(), pace, Duration::from_secs(1));
    let result = run(plan, &Stop::new(), |progress| most = most.max(progress.in_flight)).unwrap();
    assert!(most <= 5);
    // 5 clients, 20 ms and a late timer each: 250 at most.
    assert!((80..=255).contains(&result.requests()), "{}", result.requests());
    assert_eq!(server.connections.load(Ordering::Relaxed), 5);
    assert_eq!(result.instances, 3);
}

#[test]
fn a_bound_and_a_stop_end_it() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::ZERO));
    let mut plan = open(&server, 1_000.0, 60);
    plan.most_requests = Some(37);
    let result = run(plan, &Stop::new(), |_| {}).unwrap();
    assert_eq!((result.requests(), result.ended), (37, Ended::Bound));

    let stop = Stop::new();
    let result = run(open(&server, 100.0, 60), &stop, |_| stop.stop()).unwrap();
    assert_eq!(result.ended, Ended::Stopped);
    assert!(result.elapsed < Duration::from_secs(20));
}

#[test]
fn records_say_of_each_request_what_the_histograms_say_of_all() {
    let server = Server::start(|_, _| Reaction::Answer(200, Duration::ZERO));
    let mut plan = open(&server, 200.0, 1);
    plan.keep_records = true;
    plan.keep_bodies = true;
    let mut records = Vec::new();
    let result = run(plan, &Stop::new(), |progress| records.extend_from_slice(progress.records)).unwrap();
    assert_eq!(records.len() as u64, result.requests());
    records.sort_by_key(|record| record.index);
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.index, index as u64);
        assert_eq!(record.intended_ns, index as u64 * 5 * MS);
        assert!(record.intended_ns <= record.sent_ns && record.sent_ns <= record.first_byte_ns.unwrap());
        assert!(record.first_byte_ns.unwrap() <= record.end_ns);
        assert_eq!(record.body.as_deref(), Some(&b"{}"[..]));
    }
    assert_eq!(records.iter().filter(|record| record.instance.as_ref().unwrap().1).count(), 1);
}
