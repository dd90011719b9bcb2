//! Counting by simulation, where the processor's counters can't be had: valgrind's callgrind, and what it writes.
//!
//! The counts are of a simple model (two levels of cache, one branch predictor), deterministic up to what the program
//! itself does differently, and labelled *simulated* throughout. One function is counted: collection is switched on when
//! it is entered and off when it is left.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::counters::{CounterValue, PassValues, Source};

/// Why there is no simulated count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallgrindError {
    /// The program isn't installed, or can't be started.
    #[error("valgrind can't be started ({source}); install it (package `valgrind`) to count by simulation")]
    NoValgrind {
        /// What the system said.
        source: io::Error,
    },
    /// It was started and didn't tell its version.
    #[error("`valgrind --version` answered {answer:?}")]
    Version {
        /// Its answer.
        answer: String,
    },
    /// The output can't be read.
    #[error("{path} can't be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output isn't callgrind's.
    #[error("this is no output of callgrind: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The counted function was never entered.
    #[error("nothing was collected: the function that switches collection on was never called, or has another name")]
    NothingCollected,
}

/// An installed valgrind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Valgrind {
    /// How it is started.
    pub program: PathBuf,
    /// Such as `3.19.0`.
    pub version: String,
}

impl Valgrind {
    /// Looks for `valgrind` on the path.
    ///
    /// # Errors
    /// It isn't there, or doesn't answer as valgrind does.
    pub fn find() -> Result<Self, CallgrindError> {
        Self::at(Path::new("valgrind"))
    }

    /// The valgrind that `program` starts.
    ///
    /// # Errors
    /// As for [`Self::find`].
    pub fn at(program: &Path) -> Result<Self, CallgrindError> {
        let output =
            Command::new(program).arg("--version").output().map_err(|source| CallgrindError::NoValgrind { source })?;
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match answer.strip_prefix("valgrind-") {
            Some(version) if output.status.success() => {
                Ok(Self { program: program.to_owned(), version: version.to_owned() })
            }
            _ => Err(CallgrindError::Version { answer }),
        }
    }

    /// The command that runs `program` with `arguments` under callgrind.
    #[must_use]
    pub fn command(&self, options: &CallgrindOptions, program: &Path, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(options.arguments()).arg(program).args(arguments);
        command
    }
}

/// The caches that are simulated: size, ways, and length of a line, in bytes. Given explicitly, as what valgrind finds out
/// about the machine differs between machines and is often nonsense on virtual ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CacheModel {
    /// Level 1, instructions.
    pub instructions: (u32, u32, u32),
    /// Level 1, data.
    pub data: (u32, u32, u32),
    /// The last level.
    pub last: (u32, u32, u32),
}

impl Default for CacheModel {
    /// 32 KiB, 8 ways, twice, and 8 MiB with 16 ways: an ordinary core with its share of the last level.
    fn default() -> Self {
        Self { instructions: (32 << 10, 8, 64), data: (32 << 10, 8, 64), last: (8 << 20, 16, 64) }
    }
}

/// How callgrind is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallgrindOptions {
    /// The function that is counted, by its symbol (declare it `extern "C"`, `#[unsafe(no_mangle)]` and
    /// `#[inline(never)]`), with all that it calls; `None` counts the whole program.
    pub function: Option<String>,
    /// Where the counts are written.
    pub output: PathBuf,
    /// The simulated caches.
    pub caches: CacheModel,
}

impl CallgrindOptions {
    /// Counts `function` into the file `output`, with the default caches.
    #[must_use]
    pub fn new(function: Option<&str>, output: &Path) -> Self {
        Self { function: function.map(str::to_owned), output: output.to_owned(), caches: CacheModel::default() }
    }

    /// The command line after `valgrind` and before the program.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let cache = |name: &str, (size, ways, line): (u32, u32, u32)| format!("--{name}={size},{ways},{line}");
        let mut arguments: Vec<OsString> = vec![
            "--quiet".into(),
            "--tool=callgrind".into(),
            "--cache-sim=yes".into(),
            "--branch-sim=yes".into(),
            cache("I1", self.caches.instructions).into(),
            cache("D1", self.caches.data).into(),
            cache("LL", self.caches.last).into(),
        ];
        if let Some(function) = &self.function {
            arguments.push("--collect-atstart=no".into());
            arguments.push(format!("--toggle-collect={function}").into());
        }
        let mut output = OsString::from("--callgrind-out-file=");
        // In this option `%p` and the like stand for something; `%%` is the sign itself.
        match self.output.to_str() {
            Some(path) => output.push(path.replace('%', "%%")),
            None => output.push(&self.output),
        }
        arguments.push(output);
        arguments
    }
}

/// What callgrind counted in all, by its own names (`Ir`, `Dr`, `Dw`, `I1mr`, `D1mr`, `D1mw`, `ILmr`, `DLmr`, `DLmw`, `Bc`,
/// `Bcm`, `Bi`, `Bim`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallgrindTotals {
    /// Such as `callgrind-3.19.0`; absent when the file doesn't say.
    pub creator: Option<String>,
    /// Name and count, in the file's order.
    pub counts: Vec<(String, u64)>,
}

/// A preset's name, the events whose sum it is, and a note.
type SimulatedPreset = (&'static str, &'static [&'static str], Option<&'static str>);

/// Presets that callgrind's events are, to the word or nearly. All branches (`BR_INS`) aren't here: callgrind doesn't count
/// direct jumps and calls. Nor is level 2: the model has two levels, and its second is the last.
const SIMULATED_PRESETS: &[SimulatedPreset] = &[
    ("TOT_INS", &["Ir"], None),
    ("LD_INS", &["Dr"], Some("data reads")),
    ("SR_INS", &["Dw"], Some("data writes")),
    ("LST_INS", &["Dr", "Dw"], Some("data reads and writes")),
    ("L1_ICM", &["I1mr"], Some("a simulated cache without prefetching")),
    ("L1_DCM", &["D1mr", "D1mw"], Some("a simulated cache without prefetching")),
    ("L3_TCM", &["ILmr", "DLmr", "DLmw"], Some("the simulated last level, which is its second")),
    ("BR_CN", &["Bc"], None),
    ("BR_MSP", &["Bcm", "Bim"], Some("conditional and indirect branches in a simulated predictor")),
];

impl CallgrindTotals {
    /// Reads an output file.
    ///
    /// # Errors
    /// It can't be read, isn't callgrind's, or holds nothing because the function was never called.
    pub fn read(path: &Path) -> Result<Self, CallgrindError> {
        let text =
            std::fs::read(path).map_err(|source| CallgrindError::Unreadable { path: path.to_owned(), source })?;
        // Names of functions may be in any encoding; the lines that matter are in ASCII.
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// Reads an output file's text: its `events:` line and the sum of its `totals:` lines, or of its `summary:` lines where
    /// it has no totals (a file has several parts when it was told to combine them).
    ///
    /// # Errors
    /// It isn't callgrind's, or holds nothing because the function was never called.
    pub fn parse(text: &str) -> Result<Self, CallgrindError> {
        let malformed = |reason: &str| CallgrindError::Malformed { reason: reason.to_owned() };
        let rest_of = |prefix: &'static str| text.lines().filter_map(move |line| line.strip_prefix(prefix));
        let mut names: Option<Vec<&str>> = None;
        for line in rest_of("events:") {
            let these: Vec<&str> = line.split_ascii_whitespace().collect();
            match &names {
                Some(before) if *before != these => return Err(malformed("its parts have different events")),
                _ => names = Some(these),
            }
        }
        let names = names.filter(|names| !names.is_empty()).ok_or_else(|| malformed("it has no `events:` line"))?;
        let mut lines: Vec<&str> = rest_of("totals:").collect();
        if lines.is_empty() {
            lines = rest_of("summary:").collect();
        }
        if lines.is_empty() {
            return Err(malformed("it has neither a `totals:` nor a `summary:` line; was the program killed?"));
        }
        let mut counts = vec![0u64; names.len()];
        for line in lines {
            let numbers: Vec<&str> = line.split_ascii_whitespace().collect();
            if numbers.len() > names.len() {
                return Err(malformed("it has more totals than events"));
            }
            // Zeroes at the end of a line may be left out.
            for (count, number) in counts.iter_mut().zip(numbers) {
                let number: u64 = number.parse().map_err(|_| malformed("a total is no number"))?;
                *count = count.checked_add(number).ok_or_else(|| malformed("its totals are too large"))?;
            }
        }
        if counts.iter().all(|count| *count == 0) {
            return Err(CallgrindError::NothingCollected);
        }
        Ok(Self {
            creator: rest_of("creator:").next().map(|creator| creator.trim().to_owned()),
            counts: names.into_iter().map(str::to_owned).zip(counts).collect(),
        })
    }

    /// One count by callgrind's name.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.counts.iter().find(|(known, _)| known == name).map(|(_, count)| *count)
    }

    /// The counts as presets where a preset's meaning is met, followed by all of callgrind's own, each labelled simulated.
    /// The times are 0: nothing ran on a counter.
    #[must_use]
    pub fn values(&self) -> PassValues {
        let value = |name: &str, code: String, count: u64, note: Option<&str>| CounterValue {
            name: name.to_owned(),
            source: Source::Simulated,
            code,
            value: Some(count),
            unscaled: Some(count),
            absent_reason: None,
            time_enabled_ns: 0,
            time_running_ns: 0,
            multiplexed: false,
            pass: 0,
            note: note.map(str::to_owned),
        };
        let presets = SIMULATED_PRESETS.iter().filter_map(|(name, events, note)| {
            let sum = events.iter().try_fold(0u64, |sum, event| sum.checked_add(self.count(event)?))?;
            Some(value(name, format!("callgrind:{}", events.join("+")), sum, *note))
        });
        let own = self.counts.iter().map(|(name, count)| value(name, format!("callgrind:{name}"), *count, None));
        PassValues { pass: 0, instructions: self.count("Ir"), values: presets.chain(own).collect() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const OUTPUT: &str = "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 11544\ncmd:  ./t\npart: 1\n\n\
        positions: line\nevents: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw Bc Bcm Bi Bim\n\
        summary: 9 9 9\n\nfn=(1) faasbench_measured_call\n5 100\n\n\
        totals: 1100400 100091 100055 21 100009 3 18 8192 1 50065 31 5 5\n";

    #[test]
    fn totals_become_named_counts_and_presets() {
        let totals = CallgrindTotals::parse(OUTPUT).unwrap();
        assert_eq!(totals.creator.as_deref(), Some("callgrind-3.19.0"));
        assert_eq!((totals.count("Ir"), totals.count("Bim"), totals.count("Xx")), (Some(1_100_400), Some(5), None));
        let values = totals.values();
        assert_eq!(values.instructions, Some(1_100_400));
        assert_eq!(values.value("LST_INS"), Some(200_146));
        assert_eq!(values.value("L1_DCM"), Some(100_012));
        assert_eq!(values.value("L3_TCM"), Some(8211));
        assert_eq!(values.value("BR_MSP"), Some(36));
        assert_eq!(values.value("BR_INS"), None, "callgrind doesn't count direct jumps");
        assert!(values.values.iter().all(|value| value.source == Source::Simulated));
    }

    #[test]
    fn a_summary_stands_in_and_parts_are_added() {
        let totals = CallgrindTotals::parse("events: Ir Dr\nsummary: 7\nevents: Ir Dr\nsummary: 3 4\n").unwrap();
        assert_eq!(totals.counts, [("Ir".to_owned(), 10), ("Dr".to_owned(), 4)]);
        assert_eq!(totals.values().value("SR_INS"), None, "without its event a preset is absent");
    }

    #[test]
    fn what_is_not_callgrinds_says_why() {
        let error = |text: &str| CallgrindTotals::parse(text).unwrap_err().to_string();
        assert!(error("").contains("events:"));
        assert!(error("events:\ntotals: 1\n").contains("events:"));
        assert!(error("events: Ir\n").contains("killed"));
        assert!(error("events: Ir\ntotals: 1 2\n").contains("more totals"));
        assert!(error("events: Ir\ntotals: x\n").contains("no number"));
        assert!(error("events: Ir\ntotals: 18446744073709551615\ntotals: 1\n").contains("too large"));
        assert!(error("events: Ir\nevents: Dr\ntotals: 1\n").contains("different"));
        assert!(error("events: Ir Dr\ntotals: 0 0\n").contains("never called"));
        let missing = CallgrindTotals::read(Path::new("/no/such/file")).unwrap_err();
        assert!(matches!(missing, CallgrindError::Unreadable { .. }));
    }

    #[test]
    fn the_command_line_is_complete() {
        let options = CallgrindOptions::new(Some("measured"), Path::new("/tmp/100%/out"));
        let arguments: Vec<String> = options.arguments().iter().map(|a| a.to_string_lossy().into_owned()).collect();
        for expected in [
            "--tool=callgrind",
            "--cache-sim=yes",
            "--branch-sim=yes",
            "--D1=32768,8,64",
            "--collect-atstart=no",
            "--toggle-collect=measured",
            "--callgrind-out-file=/tmp/100%%/out",
        ] {
            assert!(arguments.iter().any(|argument| argument == expected), "{expected}");
        }
        let whole = CallgrindOptions::new(None, Path::new("out")).arguments();
        assert!(!whole.iter().any(|argument| argument.to_string_lossy().contains("collect-atstart")));
    }

    #[test]
    fn a_real_run_is_read() {
        let valgrind = match Valgrind::find() {
            Ok(valgrind) => valgrind,
            Err(error) => return eprintln!("skipped: {error}"),
        };
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let options = CallgrindOptions::new(None, &output);
        let status = valgrind.command(&options, Path::new("true"), &[]).status().unwrap();
        if !status.success() {
            return eprintln!("skipped: valgrind doesn't run programs here: {status}");
        }
        let totals = CallgrindTotals::read(&output).unwrap();
        assert!(totals.count("Ir").unwrap() > 1_000);
        assert_eq!(totals.counts.len(), 13);
        // A function that isn't there collects nothing, which is an error and not a zero.
        let options = CallgrindOptions::new(Some("no_such_function"), &output);
        valgrind.command(&options, Path::new("true"), &[]).status().unwrap();
        assert!(matches!(CallgrindTotals::read(&output), Err(CallgrindError::NothingCollected)));
    }

    #[test]
    fn no_valgrind_is_an_error_that_says_what_to_install() {
        let error = Valgrind::at(Path::new("/no/such/valgrind")).unwrap_err();
        assert!(error.to_string().contains("install"));
        assert!(matches!(Valgrind::at(Path::new("true")), Err(CallgrindError::Version { .. })));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "(events:|totals:|summary:|[ -~]|\n){0,80}") {
            let _ = CallgrindTotals::parse(&text);
        }

        #[test]
        fn what_was_written_is_read(counts in proptest::collection::vec(1u64..1 << 40, 1..14)) {
            let names: Vec<String> = (0..counts.len()).map(|index| format!("E{index}")).collect();
            let numbers: Vec<String> = counts.iter().map(u64::to_string).collect();
            let text = format!("events: {}\ntotals: {}\n", names.join(" "), numbers.join(" "));
            let totals = CallgrindTotals::parse(&text).unwrap();
            proptest::prop_assert_eq!(totals.counts.into_iter().map(|(_, count)| count).collect::<Vec<_>>(), counts);
        }
    }
}
