//! The order of a run: every process of every workload under every experiment, shuffled by the seed.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::plan::{Experiment, Plan};

/// One round of a workload under an experiment: a fresh worker process for each engine, their repetitions interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit {
    /// The experiment.
    pub experiment: Experiment,
    /// Index into the plan's workloads, after inputs were expanded.
    pub workload: usize,
    /// The round: 0 for the first process of each engine.
    pub process: u32,
    /// Warm repetitions in this round for each engine.
    pub repetitions: u32,
}

/// All units of a run in random order, so that a slow drift of the machine falls on all of them alike.
pub fn units(plan: &Plan, workloads: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    for planned in &plan.experiments {
        for workload in 0..workloads {
            for process in 0..plan.processes {
                let repetitions = plan.repetitions_in_process(planned.repetitions, process);
                if repetitions > 0 {
                    units.push(Unit { experiment: planned.experiment, workload, process, repetitions });
                }
            }
        }
    }
    units.shuffle(&mut generator(plan.seed, "units", 0));
    units
}

/// A generator for one purpose, so that a change in one part of a run leaves the order in the others as it was. ChaCha's
/// output is fixed by its specification, on every machine and in every version.
pub fn generator(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut key = blake3::Hasher::new();
    key.update(&seed.to_le_bytes());
    key.update(&index.to_le_bytes());
    key.update(purpose.as_bytes());
    ChaCha8Rng::from_seed(*key.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::experiment::plan::tests::plan;

    #[test]
    fn the_order_is_random_complete_and_repeatable() {
        let mut plan = plan();
        let order = units(&plan, 4);
        assert_eq!(order, units(&plan, 4));
        assert_eq!(order.len(), 12);
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 12);
        plan.seed = 2;
        assert_ne!(order, units(&plan, 4));
    }
}
