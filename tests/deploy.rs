//! `deploy`, `status`, `invoke`, `logs`, `undeploy`: what is deployed serves, is known, and goes without a trace.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Installation, platforms_here};

#[test]
fn what_is_deployed_serves_until_it_is_removed() {
    for platform in platforms_here() {
        let installation = Installation::new();
        let ended = installation.run(&["deploy", "function1", "--platform", platform, "--json"]);
        ended.succeeds();
        let deployed = ended.json()[0].clone();
        assert_eq!((&deployed["was_update"], &deployed["error"]), (&Value::Bool(false), &Value::Null), "{deployed}");

        let status = installation.status();
        assert_eq!(status.len(), 1);
        assert_eq!(status[0]["entry"]["status"], "deployed");
        assert_eq!(status[0]["status"]["readiness"], "ready", "{status:?}");
        assert!(installation.run(&["status"]).succeeds().contains("ready"));
        assert_eq!(status[0]["metrics"], Value::Null);

        let invoke = |event: &str| {
            let ended =
                installation.run(&["invoke", "function1", "--platform", platform, "--payload", event, "--json"]);
            ended.succeeds();
            ended.json()
        };
        let first = invoke(r#"{"sleep": 0.01}"#);
        let records = first["response"]["records"].as_object().unwrap();
        assert_eq!(records.values().next().unwrap()["platform"], platform, "{first}");
        assert!(first["timings"]["total_ns"].as_u64().unwrap() > 10_000_000, "{first}");
        let measured = installation.run(&["status", "function1", "--metrics"]);
        assert!(measured.succeeds().contains("measured by the platform"), "{measured:?}");
        let second = invoke("{}");
        assert_eq!(second["instance"]["id"], first["instance"]["id"], "{first} {second}");
        assert_eq!(second["is_cold"], false, "{second}");

        let later = installation.run(&[
            "invoke",
            "function1",
            "--platform",
            platform,
            "--async",
            "--payload",
            r#"{"sleep": 0.05}"#,
        ]);
        assert!(later.succeeds().contains("function1") && later.stderr.contains("taken as call"), "{later:?}");
        let refused =
            installation.run(&["invoke", "function1", "--platform", platform, "--payload", r#"{"sleep": "soon"}"#]);
        refused.fails_with(2, &["bad-request", "`sleep`"]);

        let logs = installation.run(&["logs", "function1"]);
        assert!(!logs.succeeds().is_empty(), "the platform itself tells of starts");
        let lines = installation.run(&["logs", "function1", "--json"]);
        for line in lines.succeeds().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["unix_ns"].as_u64().unwrap() > 0);
        }

        let again = installation.run(&["deploy", "function1", "--platform", platform, "--timeout", "9s", "--json"]);
        again.succeeds();
        assert_eq!(again.json()[0]["was_update"], true);
        assert_eq!(again.json()[0]["deployment"]["spec"]["id"], deployed["deployment"]["spec"]["id"]);
        assert_eq!(again.json()[0]["deployment"]["spec"]["limits"]["time"]["secs"], 9);
        invoke("{}");

        let removed = installation.run(&["undeploy", "function1"]);
        assert!(removed.succeeds().contains("removed function1"), "{removed:?}");
        assert_eq!(installation.status().len(), 0);
        installation.nothing_is_left();
        installation.run(&["invoke", "function1", "--platform", platform]).fails_with(2, &["function1", "deploy"]);
    }
}

#[test]
fn a_workload_is_invoked_with_its_objects() {
    for platform in ["wasm", "process"] {
        let installation = Installation::new();
        installation.run(&["deploy", "thumbnailer", "--platform", platform, "--name", "small-pictures"]).succeeds();
        let ended = installation.run(&["invoke", "small-pictures", "--platform", platform, "--size", "test"]);
        assert!(ended.succeeds().contains("sha256:"), "{ended:?}");
        assert!(ended.stderr.contains("status 200") && ended.stderr.contains("cold"), "{ended:?}");
        installation.run(&["undeploy", "--all"]).succeeds();
        installation.nothing_is_left();
    }
}

#[test]
fn deployments_at_once_lose_nothing() {
    for platform in ["wasm", "process"] {
        let installation = Installation::new();
        let functions = ["function1", "function2", "function3"];
        let deploying = functions.map(|name| installation.start(&["deploy", name, "--platform", platform]));
        for one in deploying {
            one.wait().succeeds();
        }
        let mut names: Vec<String> =
            installation.status().iter().map(|one| one["entry"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, functions);
        for name in functions {
            installation.run(&["invoke", name, "--platform", platform]).succeeds();
        }
        // The same name twice at once is one deployment.
        let deploying = [(); 2].map(|()| installation.start(&["deploy", "function1", "--platform", platform]));
        for one in deploying {
            one.wait().succeeds();
        }
        assert_eq!(installation.status().len(), 3);
        let removed = installation.run(&["undeploy", "--all", "--json"]);
        removed.succeeds();
        assert_eq!(removed.json()["left"].as_array().unwrap().len(), 0);
        installation.nothing_is_left();
    }
}

/// Numbers that look random and are the same at every run.
fn pseudo_random(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[test]
fn a_deploy_that_is_killed_leaves_nothing_that_can_not_be_removed() {
    for platform in platforms_here() {
        // How long one takes that is not killed, with everything built.
        let installation = Installation::new();
        let arguments = ["deploy", "function1", "function2", "--platform", platform, "--min", "1"];
        installation.run(&arguments).succeeds();
        installation.run(&["undeploy", "--all"]).succeeds();
        let begin = Instant::now();
        installation.run(&arguments).succeeds();
        let whole = begin.elapsed();
        installation.run(&["undeploy", "--all"]).succeeds();
        installation.nothing_is_left();
        for seed in 0..6 {
            let installation = Installation::new();
            let deploying = installation.start(&arguments);
            std::thread::sleep(whole.mul_f64((pseudo_random(seed) % 1000) as f64 / 1000.0));
            deploying.signal(Signal::KILL);
            deploying.wait();
            let removed = installation.run(&["undeploy", "--all"]);
            assert_eq!(removed.code, Some(0), "{platform}, seed {seed}: {removed:?}");
            assert_eq!(installation.status().len(), 0);
            installation.nothing_is_left();
        }
    }
}

#[test]
fn a_server_that_is_killed_is_noticed_and_can_be_removed() {
    for platform in platforms_here() {
        let installation = Installation::new();
        installation.run(&["deploy", "function1", "--platform", platform, "--min", "1"]).succeeds();
        installation.run(&["invoke", "function1", "--platform", platform]).succeeds();
        let servers: Vec<u32> = installation
            .processes()
            .into_iter()
            .filter(|(_, command)| command.contains("--background"))
            .map(|(process, _)| process)
            .collect();
        assert_eq!(servers.len(), 1, "{:?}", installation.processes());
        let server = rustix::process::Pid::from_raw(i32::try_from(servers[0]).unwrap()).unwrap();
        rustix::process::kill_process(server, Signal::KILL).unwrap();
        let begin = Instant::now();
        while crate::support::is_alive(server) {
            assert!(begin.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = installation.status();
        assert_eq!(status[0]["status"]["readiness"], "missing", "{status:?}");
        installation
            .run(&["invoke", "function1", "--platform", platform])
            .fails_with(1, &["does not run any more", "deploy"]);
        // Either is possible: deploying again, and removing.
        installation.run(&["deploy", "function1", "--platform", platform]).succeeds();
        installation.run(&["invoke", "function1", "--platform", platform]).succeeds();
        installation.run(&["undeploy", "--all"]).succeeds();
        installation.nothing_is_left();
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_made() {
    let installation = Installation::new();
    let many: &[(&[&str], &[&str])] = &[
        (&["deploy"], &["--platform"]),
        (&["deploy", "--platform", "mainframe"], &["mainframe", "wasm, process, container"]),
        (&["deploy", "function9", "--platform", "wasm"], &["function9", "thumbnailer"]),
        (&["deploy", "--platform", "wasm", "--name", "x"], &["--name", "6 functions"]),
        (&["deploy", "function1", "--platform", "wasm", "--name", "../x"], &["../x", "letters"]),
        (&["deploy", "function1", "--platform", "wasm", "--memory", "much"], &["much", "256MiB"]),
        (&["deploy", "function1", "--platform", "wasm", "--memory", "10B"], &["memory", "1MiB"]),
        (&["deploy", "function1", "--platform", "wasm", "--cpu", "0"], &["cpu", "0.5"]),
        (&["deploy", "function1", "--platform", "wasm", "--min", "3", "--max", "2"], &["min is 3"]),
        (&["deploy", "function1", "--platform", "wasm", "--timeout", "soon"], &["soon", "500ms"]),
        (&["deploy", "function1", "--platform", "wasm", "--env", "A-B=1"], &["A-B"]),
        (&["deploy", "function1", "--platform", "wasm", "--env", "FAASBENCH_STORAGE=/"], &["FAASBENCH_STORAGE"]),
        (&["invoke", "function1", "--async"], &["--platform"]),
        (&["invoke", "function1", "--platform", "wasm", "--engine", "native"], &["--engine"]),
        (&["verify", "--platform", "mainframe"], &["mainframe"]),
        (&["serve", "--platform", "mainframe"], &["mainframe"]),
    ];
    for (arguments, parts) in many {
        installation.run(arguments).fails_with(2, parts);
    }
    assert!(!installation.results().exists());
    assert_eq!(installation.processes(), []);
}

#[test]
fn a_payload_over_the_limit_is_a_clear_answer() {
    let installation = Installation::new();
    installation.run(&["deploy", "function1", "--platform", "wasm"]).succeeds();
    let folder = installation.work();
    std::fs::write(folder.join("large.json"), format!("{{\"x\": \"{}\"}}", "a".repeat(7 << 20))).unwrap();
    let command =
        format!("{} invoke function1 --platform wasm --payload - < large.json", env!("CARGO_BIN_EXE_faasbench"));
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .env("FAASBENCH_CACHE", crate::support::cache().root())
        .env("FAASBENCH_STATE", installation.state())
        .env("FAASBENCH_RESULTS", installation.results())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
    assert!(said.contains("bytes") && said.contains("storage"), "{said}");
    installation.run(&["invoke", "function1", "--platform", "wasm"]).succeeds();
    installation.run(&["undeploy", "--all"]).succeeds();
    installation.nothing_is_left();
}
