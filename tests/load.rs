//! `faasbench load`: on what is deployed, over both versions of HTTP, in open and closed loops.

use crate::support::{Installation, faasbench};

#[test]
fn a_deployed_function_is_loaded_by_its_name() {
    let installation = Installation::new();
    installation.run(&["deploy", "function1", "--platform", "wasm", "--max", "2"]).succeeds();
    let load = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        let ended = installation.run(&[&["load", "function1", "--json"], words.as_slice()].concat());
        ended.succeeds();
        ended.json()
    };
    let open = load("--rate 40/s --for 1s --shape poisson");
    assert_eq!(open["failures"], serde_json::json!({}), "{open}");
    assert!(open["succeeded"].as_u64().unwrap() > 10, "{open}");
    assert!((1..=2).contains(&open["instances"].as_u64().unwrap()), "{open}");
    assert_eq!(open["lateness"]["n"], open["requests"], "{open}");
    // Only quantiles that so few requests carry.
    let told: Vec<f64> = open["response"]["quantiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|quantile| quantile["probability"].as_f64().unwrap())
        .collect();
    assert!(told.contains(&0.5) && !told.contains(&0.999), "{told:?}");

    let bounded = load("--clients 2 --requests 20 --for 60s");
    assert_eq!((&bounded["requests"], &bounded["ended"]), (&20.into(), &"bound".into()), "{bounded}");

    let kept = load("--clients 2 --requests 20 --for 60s --store");
    assert_eq!(kept["succeeded"], 20, "{kept}");
    let rows = installation.run(&["export", "latest", "--format", "csv"]);
    let (header, lines) = rows.succeeds().split_once('\n').unwrap();
    let column = |name: &str| header.split(',').position(|column| column == name).unwrap();
    for line in lines.lines() {
        let value = |name: &str| line.split(',').nth(column(name)).unwrap();
        assert_eq!([value("function"), value("platform"), value("engine")], ["function1", "wasm", "wasm"], "{line}");
    }
    assert_eq!(lines.lines().count(), 20);

    let log = installation.work().join("latencies.hlog");
    let shown =
        installation.run(&["load", "function1", "--rate", "30", "--for", "1s", "--hdr-log", log.to_str().unwrap()]);
    let table = shown.succeeds();
    for part in ["30 requests", "response, since due", "service, since sent", "lateness of the generator", "p99"] {
        assert!(table.contains(part), "{part:?} is missing: {table}");
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("#[StartTime") && log.contains("Tag=response"), "{log}");
}

#[test]
fn what_can_not_be_loaded_is_said() {
    let installation = Installation::new();
    installation.run(&["load", "function1"]).fails_with(2, &["faasbench deploy"]);
    for (words, said) in [
        ("load ftp://127.0.0.1/", "neither http nor https"),
        ("load http://127.0.0.1:1/ --rate 0", "above 0"),
        ("load http://127.0.0.1:1/ --rate 5 --steps 3", "--steps"),
        ("load http://127.0.0.1:1/ --rate 700 --shape burst", "milliseconds"),
        ("load http://127.0.0.1:1/ --clients 8 --connections 2", "HTTP/1.1"),
        ("load http://127.0.0.1:1/ --timeout 1e19", "30 days"),
        ("load http://127.0.0.1:1/ --header secret-without-a-colon", "Name: value"),
    ] {
        let words: Vec<&str> = words.split_whitespace().collect();
        let ended = faasbench(&words);
        ended.fails_with(2, &[said]);
        assert!(!ended.stderr.contains("secret-without"), "{ended:?}");
    }
    // Nobody listens there: that is a result, and no success.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = faasbench(&["load", &format!("http://{address}/"), "--rate", "20", "--for", "1s", "--json"]);
    ended.fails_with(1, &["no request succeeded"]);
    assert_eq!(ended.json()["failures"]["no connection"], 20);
}
