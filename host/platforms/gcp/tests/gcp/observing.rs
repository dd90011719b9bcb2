use platform::{LogStream, MemoryLedger};
use serde_json::json;

use crate::deploying::plain;
use crate::emulator::Emulator;

#[tokio::test]
async fn logs_are_read_to_the_last_page_and_metrics_are_googles_own() {
    let emulator = Emulator::start().await;
    let platform = emulator.platform(json!({}));
    let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
    for index in 0..5 {
        let entry = json!({
            "logName": "projects/lab-1/logs/run.googleapis.com%2Fstdout", "timestamp": format!("2026-11-28T10:00:0{index}Z"),
            "textPayload": format!("line {index}\n"), "labels": { "instanceId": "00f" } });
        emulator.state.lock().unwrap().entries.push(entry);
    }
    let lines = platform.logs(&deployment, 1_000_000_000).await.unwrap();
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    assert_eq!((lines[0].stream, lines[0].instance.as_str()), (LogStream::Output, "00f"));

    let count = json!({ "points": [{ "value": { "int64Value": "12" } }] });
    let starts = json!({ "points": [{ "value": { "distributionValue": { "count": "2", "mean": 150.0 } } }] });
    for (metric, series) in
        [("run.googleapis.com/request_count", count), ("run.googleapis.com/container/startup_latencies", starts)]
    {
        emulator.state.lock().unwrap().series.insert(metric.to_owned(), series);
    }
    let metrics = platform.metrics(&deployment).await.unwrap();
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap().value;
    assert_eq!(metrics.len(), 3);
    assert_eq!(named("run.googleapis.com/request_count"), 12.0);
    assert_eq!(named("run.googleapis.com/container/startup_latencies (mean)"), 150.0);
}
