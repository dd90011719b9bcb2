//! One table as CSV (RFC 4180): the columns of the database, an absent value as an empty field.

use std::io::Write;

use super::rows::{ExportError, RunTable};
use crate::results::{Filter, Run, Store, Value};

/// Writes the rows of a table that pass the filter. Returns how many.
///
/// # Errors
/// When the run can't be read or the output can't be written.
pub async fn write_csv(
    store: &Store,
    run: &Run,
    table: RunTable,
    filter: &Filter,
    output: impl Write,
) -> Result<u64, ExportError> {
    let mut writer = ::csv::Writer::from_writer(output);
    writer.write_record(table.columns())?;
    let mut rows = 0;
    table
        .for_each(store, run, filter, |values| {
            rows += 1;
            for value in values {
                writer.write_field(field(value))?;
            }
            Ok(writer.write_record(None::<&[u8]>)?)
        })
        .await?;
    writer.flush()?;
    Ok(rows)
}

fn field(value: &Value<'_>) -> String {
    match value {
        Value::Integer(value) => value.map(|value| value.to_string()).unwrap_or_default(),
        Value::Boolean(value) => value.map(|value| value.to_string()).unwrap_or_default(),
        Value::Real(value) => value.map(|value| value.to_string()).unwrap_or_default(),
        Value::Text(value) => value.as_deref().unwrap_or_default().to_owned(),
    }
}
