//! What a terminal is told: its width, times, command lines.

use std::io::IsTerminal;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The terminal's columns; none where standard output is no terminal.
pub(super) fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// A table's text, without the spaces that fill its last column.
pub(super) fn table(table: &comfy_table::Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A time of day in the local time zone, such as `2026-11-21 10:35:11`.
pub(super) fn local_time(unix_ns: i64) -> String {
    match Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(time) => time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => format!("{unix_ns} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_a_time_or_itself() {
        assert!(local_time(1_795_000_000_000_000_000).starts_with("2026-"));
        assert!(local_time(i64::MIN).len() > 5);
    }
}
