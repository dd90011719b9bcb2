//! Findings of outcomes that nobody measured.

use experiments::{Cell, Estimate, Finding, Outcome, Request, Unit, find};
use serde_json::{Value, json};

use crate::stage::number;

const BEGIN: u64 = 1_790_000_000_000_000_000;

fn finding(experiment: &str, measured: &[(&str, Value)]) -> Finding {
    let outcomes: Vec<Outcome> = measured
        .iter()
        .map(|(target, measured)| Outcome {
            unit: Unit {
                experiment: experiment.to_owned(),
                target: (*target).to_owned(),
                function: "function1".to_owned(),
                size: "none".to_owned(),
                variant: String::new(),
                round: 0,
                parameters: Value::Null,
                estimate: Estimate::default(),
            },
            measured: measured.clone(),
            cut: None,
        })
        .collect();
    let request =
        Request { seed: 1, quick: true, subjects: Vec::new(), targets: Vec::new(), settings: serde_json::Map::new() };
    find(experiment).unwrap().finding(&request, &outcomes)
}

/// A call of `total_us`, whose function begins after `out_us` by a clock that is 3 s ahead and takes `own_us`.
fn call(number: u64, total_us: u64, out_us: u64, own_us: u64, is_cold: bool) -> Value {
    let start = BEGIN + number * 2_000_000;
    json!({
        "start_unix_ns": start, "total_ns": total_us * 1000, "connect_ns": null, "first_byte_ns": null,
        "start_instance_ns": null, "is_cold": is_cold, "instance": "i", "failure": null,
        "there": [start + 3_000_000_000 + out_us * 1000, own_us * 1000],
    })
}

#[test]
fn nothing_measured_is_said_to_be_nothing() {
    for experiment in ["overhead", "ping", "chain", "monolith", "trace"] {
        let finding = finding(experiment, &[]);
        assert!(finding.answer.len() > 10 && finding.answer.ends_with('.'), "{experiment}: {}", finding.answer);
        let unread = self::finding(experiment, &[("one", json!({"rows": 7}))]);
        assert!(unread.notes.iter().any(|note| note.contains("left out")), "{experiment}: {:?}", unread.notes);
    }
}

#[test]
fn ways_are_told_apart_as_well_as_the_smallest_round_trip_allows() {
    let row = |mut call: Value, payload_bytes: u64| {
        call["payload_bytes"] = payload_bytes.into();
        call["clock_only"] = false.into();
        call
    };
    // A smallest round trip of 20 us; the others take 480 us there and 20 us back.
    let mut rows = vec![row(call(0, 120, 10, 100, false), 0)];
    rows.extend((1..12).map(|number| row(call(number, 600, 480, 100, false), 0)));
    rows.extend((12..24).map(|number| row(call(number, 1_624, 1_504, 100, false), 1 << 20)));
    let found = finding("overhead", &[("one", json!({"rows": rows, "code_bytes": 5, "no_cold": null}))]);
    let added = number(&found, 0, 0, "added");
    let (out, back) = (number(&found, 0, 0, "out"), number(&found, 0, 0, "back"));
    assert_eq!(added, 500_000.0);
    // 10 us, and what a clock may drift from the call that bounds it best.
    assert!((out - 480_000.0).abs() < 40_000.0 && (out + back - 500_000.0).abs() < 1.0, "{out} {back}");
    assert!((number(&found, 1, 0, "offset of the best known") - 3e9).abs() < 12_000.0);
    assert!(
        found.answer.contains("500 us") && found.answer.contains("1.00 us for each further KiB"),
        "{}",
        found.answer
    );
    assert!(found.answer.contains("n = 12"), "{}", found.answer);
}

#[test]
fn the_networks_part_is_a_tcp_connection_and_tls_is_what_a_new_connection_takes_beyond_it() {
    let trip = |connect: Option<u64>| json!({"connect_ns": connect, "first_byte_ns": 9_000_000, "total_ns": 10_000_000, "status": 403, "failure": "status 403"});
    let calls: Vec<Value> = (0..10).map(|number| call(number, 20_000, 10_000, 1_000, false)).collect();
    let measured = json!({
        "calls": calls,
        "address": {
            "authority": "host:443", "tls": true, "tcp_ns": vec![5_000_000; 10], "tcp_failed": 1,
            "kept": vec![trip(None); 10], "new": vec![trip(Some(16_000_000)); 10],
        },
        "no_address": null,
    });
    let found = finding("ping", &[("cloud", measured)]);
    for said in ["20.0 ms", "5.00 ms", "(25%)", "TLS is 11.0 ms", "1.00 ms of it the function's own"] {
        assert!(found.answer.contains(said), "{said}: {}", found.answer);
    }
    assert!(found.notes.iter().any(|note| note.contains("20 of 20 bare requests")), "{:?}", found.notes);
    let rows = format!("{:?}", found.tables[0].rows);
    assert!(rows.contains("1 no connection") && rows.contains("10 status 403"), "{rows}");
}

#[test]
fn one_call_and_a_chain_are_compared_by_their_medians() {
    let hop = |name: &str, caller: Option<usize>, own_us: u64| {
        json!({
            "identifier": name, "function": name, "caller": caller, "executed": {"start_unix_ns": BEGIN, "length_ns": own_us * 1000},
            "invoked": null, "instance": name, "is_cold": false, "iterations": 100, "error": null,
        })
    };
    let row = |way: &str, number: u64, total_us: u64, hops: Vec<Value>| json!({"way": way, "wants_cold": false, "call": call(number, total_us, 10, 50, false), "hops": hops});
    let mut rows = Vec::new();
    for number in 0..10 {
        rows.push(row("monolith", number, 1_000, vec![hop("m", None, 900)]));
        let hops = vec![hop("a", None, 1_700), hop("b", Some(0), 1_000), hop("c", Some(1), 450)];
        rows.push(row("chain", number, 2_000, hops));
    }
    // One of which a part is missing, and one that had a cold part.
    rows.push(row("chain", 11, 9_000, vec![hop("a", None, 1)]));
    let mut partly = vec![hop("a", None, 1), hop("b", Some(0), 1), hop("c", Some(1), 1)];
    partly[2]["is_cold"] = true.into();
    rows.push(row("chain", 12, 9_000, partly));
    let measured =
        json!({"rows": rows, "code_bytes": {"monolith": 3_000_000, "function1": 1_000_000}, "no_cold": "none"});
    let found = finding("monolith", &[("one", measured)]);
    assert!(found.answer.contains("2.00 times") && found.answer.contains("3.50 times"), "{}", found.answer);
    assert!(found.answer.contains("n = 10 and 10"), "{}", found.answer);
    assert!(format!("{:?}", found.tables[0].rows).contains("1 in part"), "{:?}", found.tables[0].rows);
    assert!(found.notes.iter().any(|note| note.contains("1 of 12 calls")), "{:?}", found.notes);
}

#[test]
fn what_is_added_to_a_traces_durations_is_told_with_what_was_not_answered() {
    let call = |due_ms: u64, response_ms: u64, failure: Option<&str>| {
        json!({
            "due_ns": due_ms * 1_000_000, "late_ns": 1_000, "response_ns": response_ms * 1_000_000, "wanted_ns": 100_000_000,
            "executed_ns": 100_000_000, "is_cold": due_ms == 0, "instance": "i", "failure": failure,
        })
    };
    let mut calls: Vec<Value> = (0..20).map(|number| call(number * 10, 130, None)).collect();
    calls.push(call(300, 500, Some("overloaded")));
    let distance = json!({"kolmogorov_smirnov": 0.1, "wasserstein_decades": 0.2});
    let measured = json!({
        "plan": {
            "source": "a test", "all_functions": 9, "calls_in_trace": 23, "factor": 1.0, "calls_distance": distance,
            "durations_distance": distance, "planned": 23, "cut": 3, "notes": ["line 7 is malformed"],
        },
        "functions": [{"name": "a/f", "planned": 23, "dropped": 2, "calls": calls}],
        "length_s": 1.0,
    });
    let found = finding("trace", &[("one", measured)]);
    assert!(found.answer.contains("answered 20 of 23 calls and added 30.0 ms"), "{}", found.answer);
    assert_eq!(number(&found, 0, 0, "slowdown, median"), 1.3);
    assert_eq!((number(&found, 0, 0, "dropped"), number(&found, 0, 0, "cold")), (2.0, 5.0));
    assert!(found.tables[0].rows[0].contains(&Cell::Text("1 overloaded".to_owned())));
    assert!(found.notes.iter().any(|note| note.contains("line 7")));
    assert!(found.notes.iter().any(|note| note.contains("3 of 23 durations were cut")));
    // As many are drawn as were made.
    let drawn: f64 = found.plots[0].series[0].points.iter().map(|point| point.y).sum();
    assert!(drawn > 0.0);
}
