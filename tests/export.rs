//! A stored run in the formats of other tools.

use std::collections::BTreeSet;
use std::fs::File;

use faasbench::results::export::RunDocument;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

use crate::support::Results;

/// A run whose nested calls and series fill most tables.
fn results() -> Results {
    let results = Results::new();
    results.run("time memory -f function1,function2 --repetitions 3 --processes 1 --label exported").succeeds();
    results
}

#[test]
fn json_holds_everything_and_reads_back() {
    let results = results();
    let ended = results.command(&["export", "--format", "json"]);
    let document: RunDocument = serde_json::from_str(ended.succeeds()).unwrap();
    let recorded = results.recorded();
    assert_eq!(document.schema, "faasbench.run/1");
    assert_eq!(document.run, recorded.run);
    assert_eq!(document.invocations.len(), recorded.invocations.len());
    for stored in &document.invocations {
        assert_eq!(stored.row, recorded.invocations[&stored.id]);
    }
    assert_eq!(document.metrics.len(), recorded.metrics.len());
    assert_eq!(document.samples.len(), recorded.samples.len());
    assert!(!document.samples.is_empty() && !document.notes.is_empty());
}

#[test]
fn csv_has_a_line_for_every_row_and_an_empty_field_for_what_is_absent() {
    let results = results();
    let ended = results.command(&["export", "--format", "csv", "--experiment", "time", "--engine", "wasm"]);
    let mut reader = csv::Reader::from_reader(ended.succeeds().as_bytes());
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let recorded = results.recorded();
    let expected: Vec<_> = recorded.on("wasm").filter(|row| row.experiment == "time").collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(row[column("wall_ns")], expected.wall_ns.unwrap().to_string());
        assert_eq!(&row[column("deployment")], "");
        assert_eq!(&row[column("engine")], "wasm");
    }
}

#[test]
fn parquet_reads_back_with_types_and_nulls() {
    let results = results();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables");
    results.command(&["export", "--format", "parquet", "--table", "all", "-o", path.to_str().unwrap()]).succeeds();
    let reader = SerializedFileReader::new(File::open(path.join("invocations.parquet")).unwrap()).unwrap();
    let recorded = results.recorded();
    assert_eq!(reader.metadata().file_metadata().num_rows() as usize, recorded.invocations.len());
    let columns: Vec<String> =
        reader.metadata().file_metadata().schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let expected = &recorded.invocations[&row.get_long(column("id")).unwrap()];
        assert_eq!(row.get_string(column("function")).unwrap(), &expected.function);
        assert_eq!(row.get_bool(column("is_cold")).unwrap(), expected.is_cold);
        let wall = row.get_long(column("wall_ns")).ok().map(|wall| wall as u64);
        assert_eq!(wall, expected.wall_ns);
    }
    let reader = SerializedFileReader::new(File::open(path.join("samples.parquet")).unwrap()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows() as usize, recorded.samples.len());
    // No hardware counters were asked for: there is no such table.
    assert!(!path.join("counters.parquet").exists());
}

#[test]
fn sebs_columns_hold_microseconds() {
    let results = results();
    let ended = results.command(&["export", "--format", "sebs", "--function", "function1"]);
    let mut reader = csv::Reader::from_reader(ended.succeeds().as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        headers[..8],
        ["memory", "type", "is_cold", "exec_time", "connection_time", "client_time", "provider_time", "mem_used"]
    );
    let recorded = results.recorded();
    let walls: BTreeSet<String> = recorded
        .invocations
        .values()
        .filter_map(|row| row.wall_ns.filter(|_| row.function == "function1"))
        .map(|ns| format!("{}.{:03}", ns / 1_000, ns % 1_000))
        .collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() >= 8, "{rows:?}");
    for row in &rows {
        assert!(walls.contains(&row[3]), "{row:?}");
        assert_eq!(&row[0], "1024");
        assert_eq!((&row[1] == "cold", &row[2] == "True"), (&row[2] == "True", &row[1] == "cold"));
    }
    let kinds: BTreeSet<&str> = rows.iter().map(|row| &row[1]).collect();
    assert_eq!(kinds, BTreeSet::from(["cold", "sequential"]));
}

#[test]
fn what_does_not_go_together_is_said() {
    let results = Results::new();
    results.command(&["export"]).fails_with(2, &["results.db", "there are no results"]);
    results.run("time -f function1 --engine native --repetitions 1 --processes 1").succeeds();
    results.command(&["export", "nosuch"]).fails_with(2, &["nosuch"]);
    results.command(&["export", "--table", "notes"]).fails_with(2, &["--format csv"]);
    results.command(&["export", "--format", "csv", "--table", "all"]).fails_with(2, &["--output DIR"]);
    results.command(&["export", "-o", "/no/such/folder/run.json"]).fails_with(2, &["/no/such/folder/run.json"]);
}
