//! `faasbench export`.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, anyhow};

use super::arguments::{ExportArguments, ExportFormat, ExportTable};
use super::exit::Failure;
use super::replacement::Replacement;
use super::store;
use crate::results::export::{ExportError, RunTable, write_csv, write_json, write_parquet, write_sebs};
use crate::results::{Filter, Run, Store};

pub(super) async fn execute(arguments: &ExportArguments) -> Result<(), Failure> {
    let tabular = matches!(arguments.format, ExportFormat::Csv | ExportFormat::Parquet);
    if !tabular && arguments.table != ExportTable::Invocations {
        return Err(Failure::Users(anyhow!("--table goes with --format csv and parquet; json holds every table")));
    }
    store::existing(&arguments.results.location, async |results| export(arguments, results).await).await
}

async fn export(arguments: &ExportArguments, results: &Store) -> Result<(), Failure> {
    let run = store::run(results, &arguments.run).await?;
    let filter = Filter {
        experiment: arguments.experiment.clone(),
        function: arguments.function.clone(),
        size: arguments.size.clone(),
        engine: arguments.engine.clone(),
        ..Filter::default()
    };
    let export = Export { store: results, run: &run, filter: &filter, format: arguments.format };
    match (table(arguments.table), &arguments.output) {
        (None, None) => Err(Failure::Users(anyhow!("--table all needs a folder to write to: give --output DIR"))),
        (None, Some(folder)) => export.all(folder).await,
        (Some(table), Some(path)) => export.to_file(table, path).await.map(|_| ()),
        (Some(table), None) => export.to_standard_output(table).await,
    }
}

fn table(asked: ExportTable) -> Option<RunTable> {
    match asked {
        ExportTable::Invocations => Some(RunTable::Invocations),
        ExportTable::Records => Some(RunTable::Records),
        ExportTable::Samples => Some(RunTable::Samples),
        ExportTable::Counters => Some(RunTable::Counters),
        ExportTable::Metrics => Some(RunTable::Metrics),
        ExportTable::Documents => Some(RunTable::Documents),
        ExportTable::Notes => Some(RunTable::Notes),
        ExportTable::All => None,
    }
}

struct Export<'a> {
    store: &'a Store,
    run: &'a Run,
    filter: &'a Filter,
    format: ExportFormat,
}

impl Export<'_> {
    async fn all(&self, folder: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make the folder {}", folder.display()))
            .map_err(Failure::users)?;
        let extension = if self.format == ExportFormat::Parquet { "parquet" } else { "csv" };
        for table in RunTable::ALL {
            self.to_file(table, &folder.join(format!("{table}.{extension}"))).await?;
        }
        Ok(())
    }

    async fn to_file(&self, table: RunTable, path: &Path) -> Result<(), Failure> {
        let file = Replacement::of(path)?;
        let rows = self.write(table, BufWriter::new(file.writer()?)).await?;
        if rows == Some(0) && self.format == ExportFormat::Parquet {
            eprintln!("run {} has no {table}: {} was not written", self.run.id, path.display());
            return Ok(());
        }
        file.put()
    }

    async fn to_standard_output(&self, table: RunTable) -> Result<(), Failure> {
        if self.format == ExportFormat::Parquet && io::stdout().is_terminal() {
            return Err(Failure::Users(anyhow!("Parquet is not for a terminal: give --output FILE, or pipe it")));
        }
        self.write(table, BufWriter::new(io::stdout())).await?;
        Ok(())
    }

    /// How many rows were written, for formats that have rows.
    async fn write(&self, table: RunTable, output: impl Write + Send) -> Result<Option<u64>, Failure> {
        let Export { store, run, filter, format } = self;
        let written = match format {
            ExportFormat::Json => write_json(store, run, filter, output).await.map(|()| None),
            ExportFormat::Csv => write_csv(store, run, table, filter, output).await.map(Some),
            ExportFormat::Parquet => write_parquet(store, run, table, filter, output).await.map(Some),
            ExportFormat::Sebs => write_sebs(store, run, filter, output).await.map(Some),
        };
        match written {
            // A reader that has had enough (`| head`) is no error.
            Err(error) if is_broken_pipe(&error) => Ok(None),
            other => other.map_err(Failure::ours),
        }
    }
}

fn is_broken_pipe(error: &ExportError) -> bool {
    let kind = match error {
        ExportError::Write(error) => Some(error.kind()),
        ExportError::Json(error) => error.io_error_kind(),
        ExportError::Csv(error) => match error.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        },
        _ => None,
    };
    kind == Some(io::ErrorKind::BrokenPipe)
}
