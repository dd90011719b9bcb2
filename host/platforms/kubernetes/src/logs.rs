//! What instances wrote.

use hyper::Method;
use jiff::Timestamp;
use platform::{DeploymentId, LogLine, LogStream, PlatformError};

use crate::cluster::{Ask, Cluster};
use crate::object::POD;

/// The most that is read of one pod, bytes.
const LIMIT_BYTES: u64 = 64 << 20;

impl Cluster {
    /// The lines of a deployment's pods from `since_unix_ns` on, in the order of time. Kubernetes does not tell which stream a
    /// line came by, and pods that are gone took theirs with them.
    pub(crate) async fn logs(&self, id: &DeploymentId, since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        let mut lines = Vec::new();
        for instance in self.instances(self.namespace(), id).await? {
            if !instance.is_running() && !instance.trouble.as_ref().is_some_and(|trouble| trouble.has_ended) {
                continue;
            }
            let text = self.log_of(&instance.name, &instance.container, Some(since_unix_ns), None).await?;
            lines.extend(text.lines().filter_map(|line| parse(&instance.name, line)));
        }
        // Seconds are the API's grain, so it tells a little more than was asked.
        lines.retain(|line: &LogLine| line.unix_ns >= since_unix_ns);
        lines.sort_by_key(|line| line.unix_ns);
        Ok(lines)
    }

    /// The last lines of a container; of the one before it when that ended. Empty when it can't be read.
    pub(crate) async fn last_words(&self, pod: &str, container: &str) -> String {
        let words = self.log_of(pod, container, None, Some(20)).await.unwrap_or_default();
        let texts: Vec<String> = words.lines().filter_map(|line| Some(parse(pod, line)?.text)).collect();
        texts.join("\n")
    }

    async fn log_of(
        &self,
        pod: &str,
        container: &str,
        since_unix_ns: Option<u64>,
        last: Option<u32>,
    ) -> Result<String, PlatformError> {
        let since =
            since_unix_ns.and_then(|since| Timestamp::from_second(i64::try_from(since / 1_000_000_000).ok()?).ok());
        let mut path = format!(
            "{}/log?container={container}&timestamps=true&limitBytes={LIMIT_BYTES}",
            POD.path(self.namespace(), pod)
        );
        if let Some(since) = since.filter(|since| since.as_second() > 0) {
            path.push_str(&format!("&sinceTime={since}"));
        }
        if let Some(last) = last {
            path.push_str(&format!("&tailLines={last}"));
        }
        let ask = Ask::new(format!("reading the log of the pod `{pod}`"), Method::GET, path).of(&POD);
        let reply = self.call(&ask).await?;
        // Gone meanwhile, or not started yet.
        if matches!(reply.status, 400 | 404) {
            return Ok(String::new());
        }
        if !reply.is_success() {
            return Err(self.refusal(&ask, &reply));
        }
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }
}

/// A line `2026-11-28T10:00:00.123456789Z text`.
fn parse(pod: &str, line: &str) -> Option<LogLine> {
    let (time, text) = line.split_once(' ').unwrap_or((line, ""));
    let time: Timestamp = time.parse().ok()?;
    Some(LogLine {
        unix_ns: u64::try_from(time.as_nanosecond()).ok()?,
        instance: pod.to_owned(),
        stream: LogStream::Output,
        text: text.to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_time() {
        let line = parse("f-1", "1970-01-01T00:00:01.000000002Z hello  world").unwrap();
        assert_eq!((line.unix_ns, line.text.as_str()), (1_000_000_002, "hello  world"));
        assert_eq!(parse("f-1", "1970-01-01T00:00:01Z").unwrap().text, "");
        assert_eq!(parse("f-1", "no time"), None);
    }
}
