//! What the programs write.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use platform::{LogLine, LogStream};

/// How much of a log is read, bytes: its end.
const READ_BYTES: u64 = 4 << 20;
/// How much of it is told with an error, bytes.
const LAST_BYTES: u64 = 2000;

/// The log from `begin` on, or the end of it.
fn end_of(path: &Path, begin: u64, most: u64) -> io::Result<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let begin = begin.min(length).max(length.saturating_sub(most));
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The end of it, for errors.
pub(super) fn last(path: &Path, begin: u64) -> String {
    match end_of(path, begin, LAST_BYTES) {
        Ok(text) => text.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect(),
        Err(error) => format!("(its log can't be read: {error})"),
    }
}

/// The port of "Serving HTTP on http://127.0.0.1:8080/", or Spin's "Serving http://127.0.0.1:3000", in the log from `begin`
/// on.
pub(super) fn serving_port(path: &Path, begin: u64) -> io::Result<Option<u16>> {
    Ok(end_of(path, begin, READ_BYTES)?.lines().find_map(port_of))
}

fn port_of(line: &str) -> Option<u16> {
    let address = line.trim().strip_prefix("Serving ")?.trim_start_matches("HTTP on ");
    let port = address.strip_prefix("http://127.0.0.1:")?;
    port.trim_end_matches('/').parse().ok()
}

/// The lines of the end of the log. The programs write no times, so each has that of the log's last change; there are none
/// when it has not changed since `since_unix_ns`.
pub(super) fn lines(path: &Path, since_unix_ns: u64) -> io::Result<Vec<LogLine>> {
    let changed = match std::fs::metadata(path) {
        Ok(found) => found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let unix_ns = u64::try_from(changed).unwrap_or(u64::MAX);
    if unix_ns < since_unix_ns {
        return Ok(Vec::new());
    }
    let text = end_of(path, 0, READ_BYTES)?;
    Ok(text.lines().map(|line| log_line(line, unix_ns)).collect())
}

/// `stdout [INSTANCE] :: TEXT` of wasmtime; anything else is the program's own.
fn log_line(line: &str, unix_ns: u64) -> LogLine {
    let written = [("stdout [", LogStream::Output), ("stderr [", LogStream::Error)];
    let of_instance = written.iter().find_map(|(begin, stream)| {
        let (instance, text) = line.strip_prefix(begin)?.split_once("] :: ")?;
        Some((instance.to_owned(), *stream, text.to_owned()))
    });
    let (instance, stream, text) = of_instance.unwrap_or_else(|| (String::new(), LogStream::Platform, line.to_owned()));
    LogLine { unix_ns, instance, stream, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_program_serves_is_read_from_its_own_line() {
        assert_eq!(port_of("Serving HTTP on http://127.0.0.1:32987/"), Some(32987));
        assert_eq!(port_of("Serving http://127.0.0.1:3000"), Some(3000));
        for other in
            ["stdout [0] :: Serving HTTP on http://127.0.0.1:1/", "Serving HTTP on http://10.0.0.1:1/", "Serving"]
        {
            assert_eq!(port_of(other), None, "{other}");
        }
    }

    #[test]
    fn lines_of_instances_are_told_from_the_programs() {
        let line = log_line("stderr [12] :: a ] :: b", 7);
        assert_eq!((line.instance.as_str(), line.stream, line.text.as_str()), ("12", LogStream::Error, "a ] :: b"));
        assert_eq!(log_line("worker failed: guest timed out", 7).stream, LogStream::Platform);
    }
}
