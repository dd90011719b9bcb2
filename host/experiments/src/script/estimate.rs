//! What a script will take.

use load::Arrivals;

use super::format::ScriptFile;
use super::play::{begin, next, shape, within};
use super::step::{Step, Until};
use super::variables::Variables;

/// What a call is supposed to take, s.
const CALL_S: f64 = 0.1;
/// What forcing a cold start is supposed to take, s.
const FORCE_S: f64 = 0.5;
/// Repetitions that are gone through one by one; further ones are as the last of these.
const GONE_THROUGH: u32 = 200;

/// Seconds and calls.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    pub(super) seconds: f64,
    pub(super) calls: f64,
}

/// What the steps take with these values, repetitions at their bounds, but no more than may be.
pub(super) fn taken(file: &ScriptFile, values: &Variables) -> Taken {
    let taken = steps(&file.steps, values);
    Taken { seconds: taken.seconds.min(file.most.seconds), calls: taken.calls.min(f64::from(file.most.calls)) }
}

fn steps(all: &[Step], values: &Variables) -> Taken {
    let mut sum = Taken::default();
    for step in all {
        let one = step_taken(step, values);
        sum.seconds += one.seconds;
        sum.calls += one.calls;
    }
    sum
}

/// Everything was checked when the script was read, so what can't be reckoned counts nothing.
fn step_taken(step: &Step, values: &Variables) -> Taken {
    let seconds = |number| values.seconds(number).unwrap_or_default().as_secs_f64();
    match step {
        Step::Invoke(invoke) => {
            let calls = f64::from(values.count(&invoke.times).unwrap_or(0));
            Taken { seconds: calls * (CALL_S + seconds(&invoke.pause_s)), calls }
        }
        Step::Burst(burst) => Taken { seconds: CALL_S, calls: f64::from(values.count(&burst.size).unwrap_or(0)) },
        Step::Ramp(_) | Step::Load(_) => match shape(step, values) {
            Ok((shape, length)) => {
                Taken { seconds: length.as_secs_f64() + CALL_S, calls: Arrivals::expected(&shape, length) }
            }
            Err(_) => Taken::default(),
        },
        Step::Wait(wait) => Taken { seconds: seconds(&wait.seconds), calls: 0.0 },
        Step::ForceCold(_) => Taken { seconds: FORCE_S, calls: 0.0 },
        Step::Scale(_) => Taken { seconds: CALL_S, calls: 0.0 },
        Step::Repeat(repeat) => {
            repeated(values.count(&repeat.times).unwrap_or(0), repeat.vary.as_ref(), &repeat.steps, values)
        }
        Step::RepeatUntil(repeat) => {
            let times = values.count(&repeat.most_times).unwrap_or(0);
            let taken = repeated(times, repeat.vary.as_ref(), &repeat.steps, values);
            match &repeat.until {
                Until::Seconds(most) if taken.seconds > 0.0 => {
                    let share = (seconds(most) / taken.seconds).min(1.0);
                    Taken { seconds: taken.seconds * share, calls: taken.calls * share }
                }
                _ => taken,
            }
        }
    }
}

fn repeated(times: u32, vary: Option<&super::step::Vary>, inner: &[Step], values: &Variables) -> Taken {
    let mut sum = Taken::default();
    let mut number = begin(vary, values).unwrap_or_default();
    for done in 0..times.min(GONE_THROUGH) {
        let one = steps(inner, &within(vary, number, values, values).0);
        let like_it = if done + 1 == GONE_THROUGH { f64::from(times - done) } else { 1.0 };
        sum.seconds += one.seconds * like_it;
        sum.calls += one.calls * like_it;
        number = next(vary, number, values).unwrap_or_default();
    }
    sum
}
