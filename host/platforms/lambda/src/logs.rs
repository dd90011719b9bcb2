//! A deployment's log group, and what is read in it.

use std::collections::HashMap;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use platform::{Billing, DeploymentId, LogLine, LogStream, PlatformError, ProviderMetric};

use crate::clients::Clients;
use crate::failure::{code, failed, is_missing, taken};
use crate::plan::{DEPLOYMENT_TAG, Plan};
use crate::report::Report;

/// The most pages of a log that are read: each has up to 10,000 lines, or 1 MB.
const PAGES: usize = 50;
/// What Lambda writes by itself.
const OWN: [&str; 7] = [
    "START RequestId:",
    "END RequestId:",
    "REPORT RequestId:",
    "INIT_START ",
    "INIT_REPORT ",
    "XRAY TraceId:",
    "RESTORE_",
];

/// Makes the log group, or finds the one that was made before.
pub(crate) async fn ensure_group(
    clients: &Clients,
    plan: &Plan,
    days: i32,
    id: &DeploymentId,
) -> Result<(), PlatformError> {
    let group = &plan.log_group;
    match clients.logs.create_log_group().log_group_name(group).set_tags(Some(plan.tags.clone())).send().await {
        Ok(_) => {}
        Err(error) if code(&error) == Some("ResourceAlreadyExistsException") => {
            if deployment_of(clients, group).await?.as_deref() != Some(id.as_str()) {
                return Err(taken(group));
            }
        }
        Err(error) => return Err(failed(&format!("creating the log group {group}"), &error)),
    }
    let kept = clients.logs.put_retention_policy().log_group_name(group).retention_in_days(days).send().await;
    kept.map(|_| ()).map_err(|error| failed(&format!("saying how long the log group {group} is kept"), &error))
}

/// Which deployment a log group says that it belongs to; `None` where there is none, or it says nothing.
pub(crate) async fn deployment_of(clients: &Clients, group: &str) -> Result<Option<String>, PlatformError> {
    let arn = format!(
        "arn:{}:logs:{}:{}:log-group:{group}",
        clients.partition(),
        clients.region,
        clients.account().await?.number
    );
    match clients.logs.list_tags_for_resource().resource_arn(arn).send().await {
        Ok(answer) => Ok(answer.tags.and_then(|tags: HashMap<String, String>| tags.get(DEPLOYMENT_TAG).cloned())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed(&format!("reading the tags of the log group {group}"), &error)),
    }
}

/// Removes our log group; a success when there is none, or it is not ours.
pub(crate) async fn remove_group(clients: &Clients, group: &str, id: &DeploymentId) -> Result<(), PlatformError> {
    if deployment_of(clients, group).await?.as_deref() != Some(id.as_str()) {
        return Ok(());
    }
    match clients.logs.delete_log_group().log_group_name(group).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(failed(&format!("removing the log group {group}"), &error)),
    }
}

/// What the instances wrote since then, in the order of time.
pub(crate) async fn lines(clients: &Clients, group: &str, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
    let events = events(clients, group, since_unix_ns, None).await?;
    let mut lines: Vec<_> = events.iter().filter_map(line).filter(|line| line.unix_ns >= since_unix_ns).collect();
    lines.sort_by_key(|line| line.unix_ns);
    Ok(lines)
}

/// What an invocation is billed; `None` while its report is not there.
pub(crate) async fn billing(
    clients: &Clients,
    group: &str,
    request_id: &str,
) -> Result<Option<Billing>, PlatformError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if request_id.is_empty() || request_id.len() > 64 || !request_id.bytes().all(plain) {
        return Err(PlatformError::Invalid(format!(
            "{:?} is no name of a call on lambda",
            request_id.chars().take(80).collect::<String>()
        )));
    }
    let events = events(clients, group, 0, Some(&format!("\"REPORT RequestId: {request_id}\""))).await?;
    let reports = events.iter().filter_map(|event| Report::find(event.message()?, Some(request_id)));
    // An invocation that Lambda repeats, as it does with those without a waiting caller, has several reports and is billed for all.
    let mut total: Option<Billing> = None;
    for report in reports {
        let one = report.billing();
        total = Some(match total {
            None => one,
            Some(sum) => Billing {
                billed_us: sum.billed_us + one.billed_us,
                gigabyte_seconds: sum.gigabyte_seconds.zip(one.gigabyte_seconds).map(|(sum, one)| sum + one),
                peak_memory_bytes: sum.peak_memory_bytes.max(one.peak_memory_bytes),
                start_us: sum.start_us.or(one.start_us),
                ..sum
            },
        });
    }
    Ok(total)
}

/// What all reports that are kept say together.
pub(crate) async fn metrics(clients: &Clients, group: &str) -> Result<Vec<ProviderMetric>, PlatformError> {
    let events = events(clients, group, 0, Some("\"REPORT RequestId:\"")).await?;
    let reports: Vec<_> = events.iter().filter_map(|event| Report::parse(event.message()?)).collect();
    Ok(summary(&reports))
}

fn summary(reports: &[Report]) -> Vec<ProviderMetric> {
    let metric =
        |name: &str, value: f64, unit: &str| ProviderMetric { name: name.to_owned(), value, unit: unit.to_owned() };
    let mut metrics = vec![metric("invocations", reports.len() as f64, "count")];
    let starts: Vec<_> = reports.iter().filter_map(|report| report.init_us).collect();
    metrics.push(metric("starts", starts.len() as f64, "count"));
    if !starts.is_empty() {
        let total: u64 = starts.iter().sum();
        metrics.push(metric("init duration, mean", total as f64 / starts.len() as f64, "us"));
    }
    if !reports.is_empty() {
        let total: u64 = reports.iter().map(|report| report.duration_us).sum();
        metrics.push(metric("duration, mean", total as f64 / reports.len() as f64, "us"));
        let most = reports.iter().map(|report| report.duration_us).max().unwrap_or_default();
        metrics.push(metric("duration, most", most as f64, "us"));
        let billed: u64 = reports.iter().map(|report| report.billed_us).sum();
        metrics.push(metric("billed duration, sum", billed as f64, "us"));
        let memory = reports.iter().map(|report| report.peak_memory_bytes).max().unwrap_or_default();
        metrics.push(metric("memory used, most", memory as f64, "bytes"));
    }
    metrics
}

async fn events(
    clients: &Clients,
    group: &str,
    since_unix_ns: u64,
    pattern: Option<&str>,
) -> Result<Vec<FilteredLogEvent>, PlatformError> {
    let doing = format!("reading the log group {group}");
    let since = i64::try_from(since_unix_ns / 1_000_000).unwrap_or(i64::MAX);
    let mut events = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let request = clients.logs.filter_log_events().log_group_name(group).start_time(since);
        let request = request.set_filter_pattern(pattern.map(str::to_owned)).set_next_token(token.take());
        let answer = request.send().await.map_err(|error| failed(&doing, &error))?;
        events.extend(answer.events.unwrap_or_default());
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(events)
}

fn line(event: &FilteredLogEvent) -> Option<LogLine> {
    let text = event.message()?.trim_end_matches(['\n', '\r']).to_owned();
    let own = OWN.iter().any(|begin| text.starts_with(begin));
    Some(LogLine {
        unix_ns: u64::try_from(event.timestamp()?).ok()?.saturating_mul(1_000_000),
        instance: event.log_stream_name().unwrap_or_default().to_owned(),
        // Both streams of a function end up in one.
        stream: if own { LogStream::Platform } else { LogStream::Output },
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_summed_up() {
        let report = |duration_us, init_us| Report {
            request_id: "a".to_owned(),
            duration_us,
            billed_us: 1000,
            memory_bytes: 128 << 20,
            peak_memory_bytes: duration_us * 10,
            init_us,
        };
        let metrics = summary(&[report(100, Some(50)), report(300, None)]);
        let value = |name: &str| metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value);
        assert_eq!((value("invocations"), value("starts")), (Some(2.0), Some(1.0)));
        assert_eq!((value("duration, mean"), value("duration, most")), (Some(200.0), Some(300.0)));
        assert_eq!((value("init duration, mean"), value("billed duration, sum")), (Some(50.0), Some(2000.0)));
        assert_eq!(value("memory used, most"), Some(3000.0));
        assert_eq!(summary(&[]).len(), 2);
    }
}
