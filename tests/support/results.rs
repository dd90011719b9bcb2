//! What a run left in its results file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use faasbench::results::row::{Counter, Invocation, Metric, Note, Outcome, Sample};
use faasbench::results::{Filter, Location, Run, Store, Table};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::{Ended, Running, faasbench};

/// A results file in a folder of its own.
pub(crate) struct Results {
    folder: TempDir,
}

/// All that one run recorded.
pub(crate) struct Recorded {
    pub(crate) run: Run,
    /// By id.
    pub(crate) invocations: BTreeMap<i64, Invocation>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) counters: Vec<Counter>,
    pub(crate) notes: Vec<String>,
}

impl Results {
    /// A file that is not there yet.
    pub(crate) fn new() -> Results {
        Results { folder: tempfile::tempdir().unwrap() }
    }

    /// The file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("results.db")
    }

    /// The file, as an argument.
    pub(crate) fn argument(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// `faasbench run` with these words, into this file, to its end.
    #[track_caller]
    pub(crate) fn run(&self, words: &str) -> Ended {
        faasbench(&self.words(words).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `faasbench` with these words, on this file, to its end.
    #[track_caller]
    pub(crate) fn command(&self, words: &[&str]) -> Ended {
        let argument = self.argument();
        let words: Vec<&str> = words.iter().copied().chain(["--results", &argument]).collect();
        faasbench(&words)
    }

    /// `faasbench` with these words, on this file, under way.
    pub(crate) fn start_command(&self, words: &[&str]) -> Running {
        let argument = self.argument();
        let words: Vec<String> = words.iter().copied().chain(["--results", &argument]).map(str::to_owned).collect();
        Running::start(&words)
    }

    /// `faasbench run` with these words, into this file, under way.
    pub(crate) fn start(&self, words: &str) -> Running {
        Running::start(&self.words(words))
    }

    fn words(&self, words: &str) -> Vec<String> {
        let words = ["run"].into_iter().chain(words.split_whitespace()).chain(["--results"]).map(str::to_owned);
        words.chain([self.argument()]).collect()
    }

    /// What the newest run recorded.
    pub(crate) fn recorded(&self) -> Recorded {
        blocking(async {
            let store = Store::open(&Location::File(self.path())).await.unwrap();
            let run = store.run("latest").await.unwrap();
            let everything = Filter::default();
            let invocations = store.rows::<Invocation>(run.number, &everything).await.unwrap();
            let recorded = Recorded {
                invocations: invocations.into_iter().map(|stored| (stored.id, stored.row)).collect(),
                metrics: all(&store, &run).await,
                samples: all(&store, &run).await,
                counters: all(&store, &run).await,
                notes: all::<Note>(&store, &run).await.into_iter().map(|note| note.text).collect(),
                run,
            };
            store.close().await;
            recorded
        })
    }

    /// What SQLite finds wrong with the file: `ok`, or what it is.
    pub(crate) fn integrity(&self) -> String {
        blocking(async {
            let mut connection = SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap();
            let found = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            found
        })
    }
}

async fn all<T: Table>(store: &Store, run: &Run) -> Vec<T> {
    store.rows::<T>(run.number, &Filter::default()).await.unwrap().into_iter().map(|stored| stored.row).collect()
}

impl Recorded {
    /// Its invocations on one engine.
    pub(crate) fn on<'a>(&'a self, engine: &'a str) -> impl Iterator<Item = &'a Invocation> + Clone {
        self.invocations.values().filter(move |invocation| invocation.engine == engine)
    }

    /// The values of a metric on one engine, absent ones left out.
    pub(crate) fn metric(&self, engine: &str, name: &str) -> Vec<f64> {
        let ours = |metric: &&Metric| {
            let of = metric.invocation.and_then(|id| self.invocations.get(&id.get()));
            metric.name == name && of.is_some_and(|invocation| invocation.engine == engine)
        };
        self.metrics.iter().filter(ours).filter_map(|metric| metric.value.value()).collect()
    }

    /// The errors of its invocations, class and text.
    pub(crate) fn errors(&self) -> Vec<(&str, &str)> {
        self.invocations
            .values()
            .filter_map(|invocation| match &invocation.outcome {
                Outcome::Error { kind, message } => Some((kind.as_str(), message.as_str())),
                Outcome::Ok { .. } => None,
            })
            .collect()
    }
}

/// How many invocations a results file holds; none while it can't be read, being made at this moment.
pub(crate) fn rows_in(path: &Path) -> Option<i64> {
    count(path, "SELECT count(*) FROM invocations")
}

/// How often units of experiments have saved what they measured.
pub(crate) fn saved_in(path: &Path) -> Option<i64> {
    count(path, "SELECT count(*) FROM documents WHERE kind = 'unit-so-far'")
}

fn count(path: &Path, sql: &'static str) -> Option<i64> {
    blocking(async {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut connection = options.connect().await.ok()?;
        let count = sqlx::query_scalar(sql).fetch_one(&mut connection).await.ok();
        // A connection that is not closed holds its file for a while longer.
        let _ = connection.close().await;
        count
    })
}

fn blocking<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
