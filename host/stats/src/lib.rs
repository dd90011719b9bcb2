//! Statistics: pure functions over numbers, which know nothing of runs, functions or engines.
//!
//! - One side: a [`Sample`] is a checked, sorted set of numbers, [`Clusters`] are repetitions in their processes.
//!   [`summarise`] describes one, [`clustered_median`] gives its median with an interval, [`mean`] is for what is summed.
//! - Two sides: [`compare`] says what differs by how much, [`compare_many`] does so for a table whose verdicts hold
//!   together, and [`clustered_ratio_of_medians`] and [`ratio_of_medians`] give the ratio alone.
//! - Over time: [`trend`] and [`warm_up`] within a run, [`change_points`] over a series of runs.
//! - How much to measure: [`samples_for`] and [`processes_for`] from a pilot, [`StoppingRule`] while measuring,
//!   [`samples_needed`] for a percentile to have an interval at all.
//!
//! Nothing is ever dropped. Every formula names its source. What the intervals really cover and how often something is
//! called that isn't there was simulated; the tests `simulation` and `simulation_calls` hold those figures.

mod bootstrap;
mod change_point;
mod clustered;
mod clustered_ratio;
mod comparison;
mod drift;
mod interval;
mod mann_whitney;
mod mean;
mod multiplicity;
mod order;
mod outlier;
mod permutation;
mod ratio;
mod resamples;
mod sample;
mod sample_size;
mod stopping;
mod summary;
mod warm_up;

#[cfg(test)]
mod robustness;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod simulation_calls;

pub use bootstrap::Bootstrap;
pub use change_point::{ChangePoint, change_points};
pub use clustered::{Clusters, clustered_median};
pub use clustered_ratio::{Undecidable, clustered_ratio_of_medians};
pub use comparison::{Comparison, Verdict, compare, compare_many};
pub use drift::{Trend, trend};
pub use interval::{Confidence, Estimate, Interval, Method};
pub use mann_whitney::{MannWhitney, RankedUnit, mann_whitney};
pub use mean::{Mean, mean};
pub use multiplicity::{Correction, benjamini_hochberg, holm};
pub use order::{ranks, samples_needed};
pub use outlier::{MODIFIED_Z_THRESHOLD, Outliers};
pub use permutation::Permutations;
pub use ratio::ratio_of_medians;
pub use sample::{Sample, SampleError};
pub use sample_size::{SizeNeeded, SizeUnknown, processes_for, samples_for};
pub use stopping::StoppingRule;
pub use summary::{Percentile, Summary, summarise};
pub use warm_up::{WarmUp, warm_up};
