//! What Google Cloud tells of a service: its logs and its own measurements.

use jiff::{SignedDuration, Timestamp};
use platform::{Deployment, LogLine, LogStream, PlatformError, ProviderMetric};
use remote_platform::{Api, ApiRequest, Method};
use serde_json::{Value, json};

use crate::deploy::query_value;
use crate::operations::next_page;
use crate::platform::CloudRun;

/// Pages of a list at most.
const PAGES: usize = 50;
/// How far back the measurements go, s.
const WINDOW_SECONDS: i64 = 3600;

/// Metrics with their unit. Those of a distribution have a mean and a count.
const METRICS: [(&str, &str); 4] = [
    ("run.googleapis.com/request_count", "1"),
    ("run.googleapis.com/request_latencies", "ms"),
    ("run.googleapis.com/container/startup_latencies", "ms"),
    ("run.googleapis.com/container/billable_instance_time", "s"),
];

impl CloudRun {
    async fn read(&self, api: &Api, mut request: ApiRequest) -> Result<Value, PlatformError> {
        let (authorization, headers) = self.tokens.administration().await?;
        request.headers.extend(headers);
        // What only reads can be asked again.
        request.repeatable = true;
        api.with_authorization(authorization).ask(&request, &[]).await?.json()
    }

    pub(crate) async fn log_of(
        &self,
        deployment: &Deployment,
        since_unix_ns: u64,
    ) -> Result<Vec<LogLine>, PlatformError> {
        let since = Timestamp::from_nanosecond(since_unix_ns.into())
            .map_err(|error| PlatformError::Invalid(format!("{since_unix_ns} ns is no time: {error}")))?;
        // Names have been checked: nothing in them ends a text.
        let filter = format!(
            "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"{}\" AND resource.labels.location=\"{}\" \
             AND timestamp>=\"{since}\"",
            deployment.spec.name, self.region
        );
        let path = format!("/{}/entries:list", self.options.logging_version);
        let mut body = json!({
            "resourceNames": [format!("projects/{}", self.project)],
            "filter": filter,
            "orderBy": "timestamp asc",
            "pageSize": 1000,
        });
        let mut lines = Vec::new();
        for _ in 0..PAGES {
            let request = ApiRequest::new("reading logs", Method::POST, path.clone()).json(body.clone());
            let page = self.read(&self.logging, request).await?;
            lines.extend(page["entries"].as_array().into_iter().flatten().filter_map(log_line));
            match next_page(&page) {
                Some(token) => body["pageToken"] = json!(token),
                None => break,
            }
        }
        lines.sort_by_key(|line| line.unix_ns);
        Ok(lines)
    }

    /// The last of what was written, for an error; nothing where it can't be read.
    pub(crate) async fn last_lines(&self, deployment: &Deployment) -> String {
        let since = Timestamp::now() - SignedDuration::from_secs(600);
        let since_unix_ns = u64::try_from(since.as_nanosecond()).unwrap_or(0);
        let lines = self.log_of(deployment, since_unix_ns).await.unwrap_or_default();
        let last: Vec<&str> = lines.iter().rev().take(10).rev().map(|line| line.text.as_str()).collect();
        last.join("\n")
    }

    /// Google's own measurements of the last hour. They are some minutes late.
    pub(crate) async fn metrics_of(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        let end = Timestamp::now();
        let start = end - SignedDuration::from_secs(WINDOW_SECONDS);
        let mut found = Vec::new();
        for (metric, unit) in METRICS {
            let filter = format!(
                "metric.type=\"{metric}\" AND resource.labels.service_name=\"{}\" AND resource.labels.location=\"{}\"",
                deployment.spec.name, self.region
            );
            let mut sums = Sums::default();
            let mut token = String::new();
            for _ in 0..PAGES {
                let path = format!(
                    "/{}/projects/{}/timeSeries?filter={}&interval.startTime={}&interval.endTime={}&pageToken={}",
                    self.options.monitoring_version,
                    self.project,
                    query_value(&filter),
                    query_value(&start.to_string()),
                    query_value(&end.to_string()),
                    query_value(&token)
                );
                let page = self.read(&self.monitoring, ApiRequest::new("reading metrics", Method::GET, path)).await?;
                sums.add(&page);
                match next_page(&page) {
                    Some(next) => token = next.to_owned(),
                    None => break,
                }
            }
            found.extend(sums.metrics(metric, unit));
        }
        Ok(found)
    }
}

/// The points of a metric together.
#[derive(Default)]
struct Sums {
    /// Of single values; `None`: there was none.
    sum: Option<f64>,
    /// Of distributions.
    count: f64,
    weighted: f64,
}

impl Sums {
    fn add(&mut self, page: &Value) {
        let series = page["timeSeries"].as_array().into_iter().flatten();
        for point in series.flat_map(|one| one["points"].as_array().into_iter().flatten()) {
            let value = &point["value"];
            // Numbers of 64 bits are texts in Google's JSON.
            let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
            if let Some(single) = number(&value["int64Value"]).or_else(|| number(&value["doubleValue"])) {
                *self.sum.get_or_insert(0.0) += single;
            }
            let distribution = &value["distributionValue"];
            if let Some(count) = number(&distribution["count"]) {
                self.count += count;
                self.weighted += count * number(&distribution["mean"]).unwrap_or(0.0);
            }
        }
    }

    fn metrics(&self, name: &str, unit: &str) -> Vec<ProviderMetric> {
        let metric = |name: String, value: f64, unit: &str| ProviderMetric { name, value, unit: unit.to_owned() };
        let mut metrics: Vec<ProviderMetric> =
            self.sum.map(|sum| metric(name.to_owned(), sum, unit)).into_iter().collect();
        if self.count > 0.0 {
            metrics.push(metric(format!("{name} (mean)"), self.weighted / self.count, unit));
            metrics.push(metric(format!("{name} (count)"), self.count, "1"));
        }
        metrics
    }
}

/// A log's entry as a line; `None` for the log of requests.
fn log_line(entry: &Value) -> Option<LogLine> {
    let log = entry["logName"].as_str().unwrap_or_default();
    let stream = match log.rsplit(['/', 'F']).next().unwrap_or_default() {
        "stdout" => LogStream::Output,
        "stderr" => LogStream::Error,
        "requests" => return None,
        _ => LogStream::Platform,
    };
    let text = entry["textPayload"].as_str().map(str::to_owned).or_else(|| match &entry["jsonPayload"] {
        Value::Null => None,
        payload => Some(payload["message"].as_str().map_or_else(|| payload.to_string(), str::to_owned)),
    });
    let time: Timestamp = entry["timestamp"].as_str()?.parse().ok()?;
    Some(LogLine {
        unix_ns: u64::try_from(time.as_nanosecond()).ok()?,
        instance: entry["labels"]["instanceId"].as_str().unwrap_or_default().to_owned(),
        stream,
        text: text.unwrap_or_default().trim_end_matches('\n').to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn entries_are_lines_of_their_stream() {
        let entry = |log: &str, payload: Value| {
            json!({ "logName": format!("projects/p/logs/run.googleapis.com%2F{log}"),
                "timestamp": "2026-11-28T10:00:00.5Z", "labels": { "instanceId": "i" }, "jsonPayload": payload })
        };
        let line = log_line(&entry("stderr", json!({ "message": "told" }))).unwrap();
        assert_eq!(
            (line.stream, line.text.as_str(), line.unix_ns % 1_000_000_000),
            (LogStream::Error, "told", 500_000_000)
        );
        assert_eq!(log_line(&entry("stdout", json!({ "a": 1 }))).unwrap().text, r#"{"a":1}"#);
        assert_eq!(log_line(&entry("varlog%2Fsystem", json!({}))).unwrap().stream, LogStream::Platform);
        assert_eq!(log_line(&entry("requests", json!({}))), None);
        assert_eq!(log_line(&json!({})), None);
    }

    #[test]
    fn points_are_summed_and_distributions_weighted() {
        let mut sums = Sums::default();
        sums.add(&json!({ "timeSeries": [{ "points": [{ "value": { "int64Value": "3" } }, { "value": { "int64Value": "4" } }] }] }));
        assert_eq!(sums.metrics("m", "1")[0].value, 7.0);
        let mut sums = Sums::default();
        let point =
            |count: &str, mean: f64| json!({ "value": { "distributionValue": { "count": count, "mean": mean } } });
        sums.add(&json!({ "timeSeries": [{ "points": [point("1", 10.0), point("3", 2.0)] }] }));
        assert_eq!(sums.metrics("m", "ms")[0].value, 4.0);
        assert!(Sums::default().metrics("m", "ms").is_empty());
    }
}
