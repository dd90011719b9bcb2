//! One table as Parquet, which data frames read at once.

use std::io::Write;
use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::Type;

use super::rows::{ExportError, RunTable};
use crate::results::{Filter, Run, Store, Value};

/// Rows of one group: what is held in memory.
const ROWS_PER_GROUP: usize = 65_536;

/// Writes the rows of a table that pass the filter. Returns how many; where that is 0 nothing was written, since only
/// rows tell the types of columns.
///
/// # Errors
/// When the run can't be read or the output can't be written.
pub async fn write_parquet(
    store: &Store,
    run: &Run,
    table: RunTable,
    filter: &Filter,
    output: impl Write + Send,
) -> Result<u64, ExportError> {
    let mut output = Some(output);
    let mut writer: Option<SerializedFileWriter<_>> = None;
    let mut columns: Vec<Column> = Vec::new();
    let mut rows = 0;
    table
        .for_each(store, run, filter, |values| {
            if let Some(output) = output.take() {
                columns = values.iter().map(Column::like).collect();
                let schema = schema(table, &columns)?;
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                writer = Some(SerializedFileWriter::new(output, schema, Arc::new(properties))?);
            }
            rows += 1;
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
            if rows % ROWS_PER_GROUP as u64 == 0
                && let Some(writer) = &mut writer
            {
                write_group(writer, &mut columns)?;
            }
            Ok(())
        })
        .await?;
    if let Some(mut writer) = writer {
        write_group(&mut writer, &mut columns)?;
        writer.close()?;
    }
    Ok(rows)
}

/// The values of one column that wait, and for every row whether it has one (a definition level of 1).
#[derive(Debug)]
struct Column {
    values: Values,
    present: Vec<i16>,
}

#[derive(Debug)]
enum Values {
    Integer(Vec<i64>),
    Boolean(Vec<bool>),
    Real(Vec<f64>),
    Text(Vec<ByteArray>),
}

impl Column {
    fn like(value: &Value<'_>) -> Column {
        let values = match value {
            Value::Integer(_) => Values::Integer(Vec::new()),
            Value::Boolean(_) => Values::Boolean(Vec::new()),
            Value::Real(_) => Values::Real(Vec::new()),
            Value::Text(_) => Values::Text(Vec::new()),
        };
        Column { values, present: Vec::new() }
    }

    fn push(&mut self, value: &Value<'_>) {
        let present = match (&mut self.values, value) {
            (Values::Integer(values), Value::Integer(Some(value))) => {
                values.push(*value);
                true
            }
            (Values::Boolean(values), Value::Boolean(Some(value))) => {
                values.push(*value);
                true
            }
            (Values::Real(values), Value::Real(Some(value))) => {
                values.push(*value);
                true
            }
            (Values::Text(values), Value::Text(Some(value))) => {
                values.push(ByteArray::from(value.as_bytes().to_vec()));
                true
            }
            _ => false,
        };
        self.present.push(i16::from(present));
    }

    fn clear(&mut self) {
        match &mut self.values {
            Values::Integer(values) => values.clear(),
            Values::Boolean(values) => values.clear(),
            Values::Real(values) => values.clear(),
            Values::Text(values) => values.clear(),
        }
        self.present.clear();
    }

    fn field(&self, name: &str) -> Result<Type, ParquetError> {
        let (physical, logical) = match self.values {
            Values::Integer(_) => (PhysicalType::INT64, None),
            Values::Boolean(_) => (PhysicalType::BOOLEAN, None),
            Values::Real(_) => (PhysicalType::DOUBLE, None),
            Values::Text(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
    }
}

fn schema(table: RunTable, columns: &[Column]) -> Result<Arc<Type>, ParquetError> {
    let fields: Result<Vec<Arc<Type>>, ParquetError> =
        table.columns().iter().zip(columns).map(|(name, column)| Ok(Arc::new(column.field(name)?))).collect();
    Ok(Arc::new(Type::group_type_builder(table.name()).with_fields(fields?).build()?))
}

fn write_group(
    writer: &mut SerializedFileWriter<impl Write + Send>,
    columns: &mut [Column],
) -> Result<(), ParquetError> {
    if columns.first().is_none_or(|column| column.present.is_empty()) {
        return Ok(());
    }
    let mut group = writer.next_row_group()?;
    for column in columns {
        let Some(mut to) = group.next_column()? else { break };
        let present = Some(column.present.as_slice());
        match (to.untyped(), &column.values) {
            (ColumnWriter::Int64ColumnWriter(to), Values::Integer(values)) => to.write_batch(values, present, None)?,
            (ColumnWriter::BoolColumnWriter(to), Values::Boolean(values)) => to.write_batch(values, present, None)?,
            (ColumnWriter::DoubleColumnWriter(to), Values::Real(values)) => to.write_batch(values, present, None)?,
            (ColumnWriter::ByteArrayColumnWriter(to), Values::Text(values)) => to.write_batch(values, present, None)?,
            _ => return Err(ParquetError::General("a column changed its type".to_owned())),
        };
        to.close()?;
        column.clear();
    }
    group.close()?;
    Ok(())
}
