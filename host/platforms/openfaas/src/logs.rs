//! What instances wrote.

use std::time::Duration;

use jiff::Timestamp;
use platform::{LogLine, LogStream, PlatformError};
use serde::Deserialize;
use tokio::time::timeout;

use crate::gateway::Gateway;

/// How long the logs that go with an error may take to be read.
const SOON: Duration = Duration::from_secs(15);

/// A line as the gateway tells it.
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    instance: String,
    timestamp: Timestamp,
    #[serde(default)]
    text: String,
}

/// What a function's instances wrote from then on, in the order of time.
pub(crate) async fn read(gateway: &Gateway, name: &str, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
    let since = Timestamp::from_nanosecond(since_unix_ns.into())
        .map_err(|error| PlatformError::Invalid(format!("logs can't be read from then on: {error}")))?;
    let text = gateway.logs(name, &since.to_string()).await?;
    lines(&text, since_unix_ns).map_err(|error| PlatformError::Failed {
        platform: crate::gateway::PLATFORM.to_owned(),
        doing: format!("reading the logs of {name}"),
        reason: format!("a line is not what was expected: {error}"),
    })
}

/// The last lines from then on as text; nothing where they can't be read soon.
pub(crate) async fn last(gateway: &Gateway, name: &str, since_unix_ns: u64, count: usize) -> String {
    let reading = timeout(SOON, read(gateway, name, since_unix_ns)).await;
    let lines = reading.ok().and_then(Result::ok).unwrap_or_default();
    let shown = &lines[lines.len().saturating_sub(count)..];
    shown.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn lines(text: &str, since_unix_ns: u64) -> Result<Vec<LogLine>, serde_json::Error> {
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let Message { instance, timestamp, text } = serde_json::from_str(line)?;
        let unix_ns = u64::try_from(timestamp.as_nanosecond()).unwrap_or(0);
        // faasd asks its journal by whole seconds.
        if unix_ns >= since_unix_ns {
            // Both streams arrive as one.
            lines.push(LogLine { unix_ns, instance, stream: LogStream::Output, text: text.trim_end().to_owned() });
        }
    }
    lines.sort_by_key(|line| line.unix_ns);
    Ok(lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_order_of_time_and_none_is_older() {
        let text = concat!(
            r#"{"name":"f","namespace":"n","instance":"b","timestamp":"2026-11-28T10:00:02.5Z","text":"second\n"}"#,
            "\n",
            r#"{"name":"f","namespace":"n","instance":"a","timestamp":"2026-11-28T10:00:01.000000001Z","text":"first"}"#,
            "\n\n",
            r#"{"name":"f","namespace":"n","instance":"a","timestamp":"2026-11-28T10:00:00Z","text":"old"}"#,
        );
        let since: Timestamp = "2026-11-28T10:00:01Z".parse().unwrap();
        let since = u64::try_from(since.as_nanosecond()).unwrap();
        let read = lines(text, since).unwrap();
        let texts: Vec<_> = read.iter().map(|line| (line.unix_ns - since, line.text.as_str())).collect();
        assert_eq!(texts, [(1, "first"), (1_500_000_000, "second")]);
        assert!(lines("not json", 0).is_err());
        assert!(lines("", 0).unwrap().is_empty());
    }
}
