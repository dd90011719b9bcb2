//! What Azure tells of a site: logs of Application Insights, measurements of Azure Monitor.

use jiff::Timestamp;
use platform::{Deployment, LogLine, LogStream, PlatformError, ProviderMetric};
use remote_platform::{ApiRequest, Method};
use serde_json::{Value, json};

use crate::Plan;
use crate::arm::failed;
use crate::deploy::site_id;
use crate::platform::Azure;

/// The scope of tokens for Application Insights.
const SCOPE: &str = "https://api.applicationinsights.io/.default";
/// Lines at most in one answer, which is the most that Application Insights gives.
const LINES: usize = 10_000;

impl Azure {
    pub(crate) async fn log_of(
        &self,
        deployment: &Deployment,
        since_unix_ns: u64,
    ) -> Result<Vec<LogLine>, PlatformError> {
        let doing = "reading logs";
        let Some(application) = deployment.details["application-id"].as_str() else {
            return Err(PlatformError::Invalid(
                "the deployment has no Application Insights, which keeps logs; set `application-insights = true` and deploy again"
                    .to_owned(),
            ));
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !application.bytes().all(plain) {
            return Err(failed(doing, "the id of Application Insights is none"));
        }
        let since = Timestamp::from_nanosecond(since_unix_ns.into())
            .map_err(|error| PlatformError::Invalid(format!("{since_unix_ns} ns is no time: {error}")))?;
        // A site of its own has a component of its own: nothing else is in it.
        let query = format!(
            "union traces, exceptions | where timestamp >= datetime({since}) | extend text = iff(itemType == 'exception', \
             outerMessage, message) | project timestamp, text, severityLevel, cloud_RoleInstance, category = \
             tostring(customDimensions.Category) | order by timestamp asc | take {LINES}"
        );
        let mut request = ApiRequest::new(doing, Method::POST, format!("/v1/apps/{application}/query"))
            .json(json!({ "query": query }));
        request.repeatable = true;
        let authorization = self.arm.tokens.authorization(SCOPE).await?;
        let answer: Value = self.insights.with_authorization(authorization).ask(&request, &[]).await?.json()?;
        Ok(lines(&answer))
    }

    /// Azure Monitor's measurements of the last hour. They are some minutes late.
    pub(crate) async fn metrics_of(&self, deployment: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        let names = match self.options.plan {
            Plan::Flex => {
                "OnDemandFunctionExecutionCount,OnDemandFunctionExecutionUnits,AlwaysReadyFunctionExecutionCount,\
                 AlwaysReadyFunctionExecutionUnits"
            }
            Plan::Consumption => "FunctionExecutionCount,FunctionExecutionUnits",
        };
        let path = format!(
            "{}/providers/Microsoft.Insights/metrics?api-version={}&metricnames={names}&timespan=PT1H&interval=PT1H&aggregation=Total",
            site_id(deployment)?,
            self.options.api_versions.metrics
        );
        let answer: Value = self.arm.ask(&ApiRequest::new("reading metrics", Method::GET, path), &[]).await?.json()?;
        Ok(answer["value"].as_array().into_iter().flatten().filter_map(metric).collect())
    }
}

/// The sum of a metric; `None` where nothing was measured.
fn metric(metric: &Value) -> Option<ProviderMetric> {
    let name = metric["name"]["value"].as_str()?;
    let series = metric["timeseries"].as_array().into_iter().flatten();
    let points = series.flat_map(|one| one["data"].as_array().into_iter().flatten());
    let totals: Vec<f64> = points.filter_map(|point| point["total"].as_f64()).collect();
    // Execution units are megabytes times milliseconds, which Azure calls a count.
    let unit = if name.ends_with("Units") { "MB-ms" } else { "1" };
    let value = (!totals.is_empty()).then(|| totals.iter().sum())?;
    Some(ProviderMetric { name: name.to_owned(), value, unit: unit.to_owned() })
}

/// The rows of an answer as lines.
fn lines(answer: &Value) -> Vec<LogLine> {
    let table = &answer["tables"][0];
    let columns: Vec<&str> = table["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|column| column["name"].as_str().unwrap_or_default())
        .collect();
    let line = |row: &Value| {
        let cell = |name: &str| columns.iter().position(|column| *column == name).map(|index| &row[index]);
        let text = |name: &str| cell(name).and_then(Value::as_str);
        let time: Timestamp = text("timestamp")?.parse().ok()?;
        // The host writes down the standard error stream as errors, and the output as information.
        let is_hosts = text("category")
            .is_some_and(|category| category.starts_with("Host.") && category != "Host.Function.Console");
        let stream = match cell("severityLevel").and_then(Value::as_u64) {
            _ if is_hosts => LogStream::Platform,
            Some(level) if level >= 3 => LogStream::Error,
            _ => LogStream::Output,
        };
        Some(LogLine {
            unix_ns: u64::try_from(time.as_nanosecond()).ok()?,
            instance: text("cloud_RoleInstance").unwrap_or_default().to_owned(),
            stream,
            text: text("text").unwrap_or_default().trim_end().to_owned(),
        })
    };
    table["rows"].as_array().into_iter().flatten().filter_map(line).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let answer = json!({ "tables": [{ "name": "PrimaryResult",
            "columns": [{ "name": "text" }, { "name": "timestamp" }, { "name": "severityLevel" }, { "name": "category" }],
            "rows": [["one", "2026-11-28T10:00:00.1Z", 1, "Function.f"], ["two", "2026-11-28T10:00:00Z", 3, ""],
                ["Host started", "2026-11-28T10:00:00Z", 1, "Host.Startup"], ["odd", "soon", 1, ""]] }] });
        let found: Vec<_> = lines(&answer).into_iter().map(|line| (line.stream, line.text)).collect();
        let expected = [(LogStream::Output, "one"), (LogStream::Error, "two"), (LogStream::Platform, "Host started")];
        assert_eq!(found, expected.map(|(stream, text)| (stream, text.to_owned())));
        assert!(lines(&json!({ "error": {} })).is_empty());
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let measured = json!({ "name": { "value": "FunctionExecutionUnits" },
            "timeseries": [{ "data": [{ "total": 3.0 }, {}, { "total": 4.0 }] }] });
        let found = metric(&measured).unwrap();
        assert_eq!((found.value, found.unit.as_str()), (7.0, "MB-ms"));
        assert_eq!(metric(&json!({ "name": { "value": "FunctionExecutionCount" }, "timeseries": [] })), None);
    }
}
