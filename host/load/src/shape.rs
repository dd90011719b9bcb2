//! The shapes that an open load can have.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::profile::{Profile, Segment};

/// How arrivals are spread over time. Rates are requests per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "shape", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Shape {
    /// Evenly, at one rate.
    Constant {
        /// Requests per second.
        rate: f64,
    },
    /// At one rate and independently of each other, as many users who don't know of each other send them.
    Poisson {
        /// Requests per second.
        rate: f64,
    },
    /// The rate rises, or falls, evenly.
    Ramp {
        /// Requests per second at the beginning.
        from: f64,
        /// Requests per second at the end.
        to: f64,
    },
    /// The rate rises, or falls, in equal steps of equal length.
    Step {
        /// Requests per second in the first step.
        from: f64,
        /// Requests per second in the last step.
        to: f64,
        /// How many steps.
        steps: u32,
    },
    /// One rate, and for a while in the middle another.
    Spike {
        /// Requests per second before and after.
        rate: f64,
        /// Requests per second in the spike.
        peak: f64,
        /// How long the spike lasts, as a share of the whole.
        share: f64,
    },
    /// The rate rises evenly until the middle and falls again.
    Pyramid {
        /// Requests per second at the beginning and the end.
        rate: f64,
        /// Requests per second in the middle.
        peak: f64,
    },
    /// Many requests at one instant, again and again.
    Burst {
        /// Requests at once.
        size: u32,
        /// From one burst to the next, ms.
        every_ms: u64,
    },
    /// At given times.
    Trace {
        /// Since the beginning, ns, in rising order.
        times_ns: Vec<u64>,
    },
}

/// A shape that can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the load can't be generated: {0}")]
pub struct ShapeError(String);

/// More requests per second than any one machine sends are a mistyped number.
const MOST_PER_SECOND: f64 = 10_000_000.0;

impl ShapeError {
    pub(crate) fn of(reason: String) -> ShapeError {
        ShapeError(reason)
    }
}

impl Shape {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Shape::Constant { .. } => "constant",
            Shape::Poisson { .. } => "poisson",
            Shape::Ramp { .. } => "ramp",
            Shape::Step { .. } => "step",
            Shape::Spike { .. } => "spike",
            Shape::Pyramid { .. } => "pyramid",
            Shape::Burst { .. } => "burst",
            Shape::Trace { .. } => "trace",
        }
    }

    /// Refuses what can't be carried out.
    ///
    /// # Errors
    /// What is wrong, and what is accepted.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let rate = |name: &str, rate: f64, least: f64| {
            if (least..=MOST_PER_SECOND).contains(&rate) {
                return Ok(());
            }
            Err(ShapeError(format!(
                "a {name} of {rate} requests per second is not between {least} and {MOST_PER_SECOND}"
            )))
        };
        let positive = 1e-6;
        match *self {
            Shape::Constant { rate: one } | Shape::Poisson { rate: one } => rate("rate", one, positive),
            Shape::Ramp { from, to } => {
                rate("first rate", from, 0.0)?;
                rate("last rate", to, 0.0)?;
                rate("rate in the middle", from.midpoint(to), positive)
            }
            Shape::Step { from, to, steps } => {
                rate("first rate", from, 0.0)?;
                rate("last rate", to, 0.0)?;
                if !(1..=10_000).contains(&steps) {
                    return Err(ShapeError(format!("{steps} steps are not between 1 and 10000")));
                }
                Ok(())
            }
            Shape::Spike { rate: base, peak, share } => {
                rate("rate", base, 0.0)?;
                rate("peak", peak, positive)?;
                if share > 0.0 && share < 1.0 {
                    return Ok(());
                }
                Err(ShapeError(format!("a spike over a share of {share} of the time is not between 0 and 1")))
            }
            Shape::Pyramid { rate: base, peak } => {
                rate("rate", base, 0.0)?;
                rate("peak", peak, positive)
            }
            Shape::Burst { size, every_ms } => {
                if size == 0 || every_ms == 0 {
                    return Err(ShapeError(
                        "a burst needs at least one request and one millisecond to the next".to_owned(),
                    ));
                }
                Ok(())
            }
            Shape::Trace { ref times_ns } => {
                if times_ns.is_sorted() {
                    return Ok(());
                }
                Err(ShapeError("the times of a trace must not fall".to_owned()))
            }
        }
    }

    /// The rate over time; `None` for bursts and traces, which are points in time.
    pub(crate) fn profile(&self, length: Duration) -> Option<Profile> {
        let seconds = length.as_secs_f64();
        let flat = |seconds: f64, rate: f64| Segment { seconds, from: rate, to: rate };
        Some(match *self {
            Shape::Constant { rate } | Shape::Poisson { rate } => Profile::new([flat(seconds, rate)]),
            Shape::Ramp { from, to } => Profile::new([Segment { seconds, from, to }]),
            Shape::Step { from, to, steps } => {
                let rate = |step: u32| match steps {
                    1 => from,
                    _ => from + (to - from) * f64::from(step) / f64::from(steps - 1),
                };
                Profile::new((0..steps).map(|step| flat(seconds / f64::from(steps), rate(step))))
            }
            Shape::Spike { rate, peak, share } => {
                let beside = seconds * (1.0 - share) / 2.0;
                Profile::new([flat(beside, rate), flat(seconds * share, peak), flat(beside, rate)])
            }
            Shape::Pyramid { rate, peak } => {
                let half = seconds / 2.0;
                Profile::new([
                    Segment { seconds: half, from: rate, to: peak },
                    Segment { seconds: half, from: peak, to: rate },
                ])
            }
            Shape::Burst { .. } | Shape::Trace { .. } => return None,
        })
    }
}
