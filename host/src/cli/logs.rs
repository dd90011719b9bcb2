//! `faasbench logs`.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use platform::{Deployment, LogLine, LogStream, Platform};

use super::arguments::LogsArguments;
use super::exit::{self, Failure};
use super::{target, workloads};
use crate::platforms::Servers;

/// Between two looks at the logs.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

pub(super) async fn execute(arguments: &LogsArguments) -> Result<(), Failure> {
    let configuration = target::configuration(&arguments.configuration)?;
    if let Some(name) = &arguments.platform {
        configuration.target(name).map_err(Failure::users)?;
    }
    let servers = Servers::new(arguments.results.location.clone(), configuration, workloads::folders()?);
    let entry = target::find(&arguments.results.location, &arguments.name, arguments.platform.as_deref()).await?;
    let platform = servers.to(&entry.platform, &entry.target).await.map_err(target::failure)?;
    let since = arguments.since.map_or(0, |since| now_unix_ns().saturating_sub(nanoseconds(since)));
    show(&*platform, &entry.deployment(), since, arguments).await
}

async fn show(
    platform: &dyn Platform,
    deployment: &Deployment,
    mut since: u64,
    arguments: &LogsArguments,
) -> Result<(), Failure> {
    // Lines of the last nanosecond that was seen, so that what is read again is not shown again.
    let mut shown: HashSet<String> = HashSet::new();
    loop {
        let lines = platform.logs(deployment, since).await.map_err(target::failure)?;
        let mut text = String::new();
        for line in &lines {
            if shown.contains(&key(line)) {
                continue;
            }
            text.push_str(&written(line, arguments.json)?);
        }
        exit::print(&text)?;
        if let Some(last) = lines.last() {
            if last.unix_ns > since {
                since = last.unix_ns;
                shown.clear();
            }
            shown.extend(lines.iter().filter(|line| line.unix_ns == since).map(key));
        }
        if !arguments.follow {
            if lines.is_empty() {
                let name = &deployment.spec.name;
                eprintln!(
                    "{} has no lines of {name} since then; its page in docs/platforms says what it keeps",
                    platform.target()
                );
            }
            return Ok(());
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

fn key(line: &LogLine) -> String {
    format!("{} {} {:?} {}", line.unix_ns, line.instance, line.stream, line.text)
}

fn written(line: &LogLine, json: bool) -> Result<String, Failure> {
    if json {
        return Ok(format!("{}\n", serde_json::to_string(line).map_err(Failure::ours)?));
    }
    let time = Timestamp::from_nanosecond(i128::from(line.unix_ns))
        .map_or_else(|_| line.unix_ns.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
    let stream = match line.stream {
        LogStream::Output => "out",
        LogStream::Error => "err",
        LogStream::Platform => "---",
    };
    // What a function prints is not to move anybody's cursor.
    let text: String = line
        .text
        .chars()
        .map(|letter| if letter.is_control() && letter != '\t' { '\u{fffd}' } else { letter })
        .collect();
    Ok(format!("{time} {} {stream} {text}\n", line.instance))
}

fn now_unix_ns() -> u64 {
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
