//! Reading rows of columns whose names are known.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};

use super::TraceError;
use super::error::Malformed;

/// The rows of a CSV file.
pub(super) struct Rows {
    path: PathBuf,
    reader: csv::Reader<BufReader<File>>,
    header: Vec<String>,
    pub(super) malformed: Malformed,
}

impl Rows {
    /// Opens a file whose first line begins with these columns.
    ///
    /// # Errors
    /// When it can't be opened, or does not.
    pub(super) fn open(path: &Path, expected: &[&str]) -> Result<Rows, TraceError> {
        let unreadable = |reason| TraceError::Unreadable { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        // Rows of another length are malformed ones, not the end.
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(BufReader::with_capacity(1 << 20, file));
        let header = reader.byte_headers().map_err(|error| unreadable(error.into()))?;
        let header: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let begins =
            header.len() >= expected.len() && header.iter().zip(expected).all(|(found, expected)| found == expected);
        if !begins {
            let found: Vec<String> =
                header.iter().take(expected.len() + 1).map(|name| name.chars().take(40).collect()).collect();
            return Err(TraceError::Header {
                path: path.to_owned(),
                expected: expected.join(","),
                found: found.join(","),
            });
        }
        Ok(Rows { path: path.to_owned(), reader, header, malformed: Malformed::default() })
    }

    /// The names of all columns.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Gives each row to `read`; those that it refuses are left out and told by their lines.
    ///
    /// # Errors
    /// When the file can't be read on, or too many rows are malformed.
    pub(super) fn each(
        mut self,
        mut read: impl FnMut(&Row<'_>) -> Result<(), String>,
    ) -> Result<Malformed, TraceError> {
        let mut record = ByteRecord::new();
        loop {
            match self.reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    return Err(TraceError::Unreadable { path: self.path, reason: error.into() });
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            let row = Row { record: &record, header: &self.header };
            let came = if record.len() == self.header.len() {
                read(&row)
            } else {
                Err(format!("it has {} columns, not {}", record.len(), self.header.len()))
            };
            self.malformed.take(line, came);
        }
        self.malformed.check(&self.path)
    }
}

/// One row.
pub(super) struct Row<'a> {
    record: &'a ByteRecord,
    header: &'a [String],
}

impl Row<'_> {
    /// A column's text.
    pub(super) fn text(&self, column: usize) -> &str {
        std::str::from_utf8(self.record.get(column).unwrap_or_default()).unwrap_or_default().trim()
    }

    /// A column's text, which is an identifier.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn identifier(&self, column: usize) -> Result<&str, String> {
        let text = self.text(column);
        if text.is_empty() { Err(self.wrong(column, "an identifier")) } else { Ok(text) }
    }

    /// A column's whole number.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn count(&self, column: usize) -> Result<u32, String> {
        self.text(column).parse().map_err(|_| self.wrong(column, "a whole number, 0 or more"))
    }

    /// A column's number.
    ///
    /// # Errors
    /// When it is none, or below 0.
    pub(super) fn number(&self, column: usize) -> Result<f64, String> {
        let number = self.text(column).parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        number.ok_or_else(|| self.wrong(column, "a number, 0 or more"))
    }

    fn wrong(&self, column: usize, expected: &str) -> String {
        let found: String = self.text(column).chars().take(40).collect();
        let name = self.header.get(column).map_or("?", String::as_str);
        format!("column {} (`{name}`) is `{found}`, not {expected}", column + 1)
    }
}
