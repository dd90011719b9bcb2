//! What containers write.

use bollard::container::LogOutput;
use jiff::Timestamp;
use platform::{LogLine, LogStream};

/// The lines of a container. The daemon writes each one's time before it; what has none is the rest of the line before it, of
/// the same stream.
pub(crate) fn lines_of(container: &str, written: Vec<LogOutput>) -> Vec<LogLine> {
    let instance = container.get(..12).unwrap_or(container);
    let mut lines: Vec<LogLine> = Vec::new();
    for output in written {
        let (stream, message) = match output {
            LogOutput::StdErr { message } => (LogStream::Error, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => (LogStream::Output, message),
            LogOutput::StdIn { .. } => continue,
        };
        for text in String::from_utf8_lossy(&message).lines() {
            match timed(text) {
                Some((unix_ns, text)) => {
                    lines.push(LogLine { unix_ns, instance: instance.to_owned(), stream, text: text.to_owned() });
                }
                None => {
                    if let Some(last) = lines.iter_mut().rev().find(|line| line.stream == stream) {
                        last.text.push_str(text);
                    }
                }
            }
        }
    }
    lines
}

fn timed(line: &str) -> Option<(u64, &str)> {
    let (time, text) = line.split_once(' ').unwrap_or((line, ""));
    let time: Timestamp = time.parse().ok()?;
    Some((u64::try_from(time.as_nanosecond()).ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_time_and_its_stream() {
        let of = |text: &str| text.as_bytes().to_vec().into();
        let written = vec![
            LogOutput::StdOut { message: of("2026-11-29T00:20:19.000000005Z one two\n") },
            LogOutput::StdErr { message: of("2026-11-29T00:20:20Z \n") },
            LogOutput::StdOut { message: of(" and the rest") },
        ];
        let lines = lines_of("0123456789abcdef", written);
        let first = &lines[0];
        assert_eq!((first.unix_ns % 10, first.text.as_str()), (5, "one two and the rest"));
        assert_eq!((first.instance.as_str(), lines[1].stream), ("0123456789ab", LogStream::Error));
        assert_eq!((lines.len(), lines[1].text.as_str()), (2, ""));
    }
}
