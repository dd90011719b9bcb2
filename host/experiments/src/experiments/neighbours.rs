//! Other instances that work while something is measured.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use platform::Deployment;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::tally::Tally;
use crate::{Bench, ExperimentError};

/// Calls of one neighbour, whatever is measured meanwhile.
const MOST_CALLS: u32 = 100_000;
/// How long they work before the measurement begins.
const SETTLING: Duration = Duration::from_millis(100);
/// The pause after a call that failed: a refusal comes at once, and would come again.
const PAUSE: Duration = Duration::from_millis(50);

/// What the neighbours of a measurement are.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours<'a> {
    /// Where they are deployed.
    pub(crate) deployment: &'a Deployment,
    /// What each does, again and again.
    pub(crate) event: Bytes,
    /// How many work at once.
    pub(crate) number: u32,
}

/// What the neighbours did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Worked {
    /// Their calls.
    pub(crate) tally: Tally,
    /// Instances that they were.
    pub(crate) instances: u64,
}

impl Neighbours<'_> {
    /// Starts their instances: starts beside a measurement would disturb it in another way.
    ///
    /// # Errors
    /// When a call could not be recorded.
    pub(crate) async fn start(&self, bench: &Bench<'_>) -> Result<Worked, ExperimentError> {
        let events = vec![self.event.clone(); self.number as usize];
        let mut worked = Worked::default();
        for call in bench.at_once(self.deployment, events, "neighbour's first").await? {
            worked.tally.count(&call);
        }
        Ok(worked)
    }

    /// Carries out `work` while they work, from a little before it until the ends of the calls that they are in.
    ///
    /// # Errors
    /// Those of the work, and when a call could not be recorded.
    pub(crate) async fn beside<T>(
        &self,
        bench: &Bench<'_>,
        work: impl Future<Output = Result<T, ExperimentError>>,
    ) -> Result<(T, Worked), ExperimentError> {
        let mut worked = Worked::default();
        let over = watch::Sender::new(false);
        let neighbours = join_all((0..self.number).map(|_| self.work_until(bench, over.subscribe())));
        let working = async {
            let settled = bench.wait(SETTLING).await;
            let came = match settled {
                Ok(()) => work.await,
                Err(error) => Err(error),
            };
            over.send_replace(true);
            came
        };
        let (came, neighbours) = tokio::join!(working, neighbours);
        let mut instances = BTreeSet::new();
        for neighbour in neighbours {
            let (tally, seen) = neighbour?;
            worked.tally.add(&tally);
            instances.extend(seen);
        }
        worked.instances = instances.len() as u64;
        Ok((came?, worked))
    }

    async fn work_until(
        &self,
        bench: &Bench<'_>,
        over: watch::Receiver<bool>,
    ) -> Result<(Tally, Vec<String>), ExperimentError> {
        let (mut tally, mut instances) = (Tally::default(), Vec::new());
        for number in 0..MOST_CALLS {
            if *over.borrow() {
                break;
            }
            let call = bench.call(self.deployment, self.event.clone(), "neighbour", number).await?;
            tally.count(&call);
            if let Some(instance) = call.instance().filter(|instance| !instances.contains(&instance.id)) {
                instances.push(instance.id.clone());
            }
            if !call.is_success() {
                bench.wait(PAUSE).await?;
            }
        }
        Ok((tally, instances))
    }
}
