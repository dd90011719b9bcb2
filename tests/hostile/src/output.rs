//! Printing and answering too much.

use std::io::{Write, stderr, stdout};

use lab::Error;
use serde_json::{Value, json};

/// Prints lines without end, or that many bytes.
pub(crate) fn print(to_stderr: bool, bytes: Option<u64>, line_bytes: u64) -> Result<Value, Error> {
    let mut line = vec![b'x'; usize::try_from(line_bytes.max(1)).unwrap_or(usize::MAX) - 1];
    line.push(b'\n');
    let mut stream: Box<dyn Write> = if to_stderr { Box::new(stderr()) } else { Box::new(stdout()) };
    let mut printed = 0;
    while bytes.is_none_or(|bytes| printed < bytes) {
        let left = bytes.map_or(line.len() as u64, |bytes| (line.len() as u64).min(bytes - printed));
        stream.write_all(&line[line.len() - left as usize..])?;
        printed += left;
    }
    stream.flush()?;
    Ok(json!({ "bytes": printed }))
}

/// A JSON text of that many bytes.
pub(crate) fn big_answer(bytes: u64) -> String {
    let filling = usize::try_from(bytes.saturating_sub(2)).unwrap_or(usize::MAX);
    format!("\"{}\"", "a".repeat(filling))
}
