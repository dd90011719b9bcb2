//! The monolith's own request keys.

use lab::{Error, Event};
use serde_json::Value;

use crate::catalogue::{COMPUTATIONS, Computation};
use crate::random::Random;

/// `run_function`'s name for a drawn one.
const DRAWN: &str = "random";

/// What is to be run, checked and ready.
pub(crate) struct Request {
    pub(crate) computation: &'static Computation,
    pub(crate) argument: usize,
    /// As it was given, to repeat it in the record.
    pub(crate) seed: Value,
    /// Seeded, and past the draw of the computation where that was drawn.
    pub(crate) random: Random,
}

impl Request {
    /// Reads `run_function`, `args` and `seed`; `None` when nothing is to be run.
    pub(crate) fn read(event: &Event) -> Result<Option<Request>, Error> {
        let accepted = "an integer of 64 bits";
        let seed = event.optional("seed", accepted, |value| Some((value, integer(value)?)))?;
        event.optional("args", "an integer, 0 or more", |value| integer(value).filter(|&args| args >= 0))?;
        let Some(name) = event.optional("run_function", &accepted_names(), find)? else { return Ok(None) };
        let Some((seed, seed_value)) = seed else { return Err(event.refuse("seed", accepted)) };

        let mut random = Random::from_seed(seed_value);
        let computation = match name {
            Name::Of(computation) => computation,
            Name::Drawn => &COMPUTATIONS[random.index(COMPUTATIONS.len())],
        };
        Ok(Some(Request { computation, argument: argument(event, computation)?, seed: seed.clone(), random }))
    }
}

/// `args`, within the bounds of `computation`.
fn argument(event: &Event, computation: &Computation) -> Result<usize, Error> {
    let bounds = computation.argument;
    let accepted =
        format!("an integer from {} to {}, {} (`{}`)", bounds.least, bounds.most, bounds.meaning, computation.name);
    event.required("args", &accepted, |value| {
        let argument = usize::try_from(integer(value)?).ok()?;
        (bounds.least..=bounds.most).contains(&argument).then_some(argument)
    })
}

enum Name {
    Of(&'static Computation),
    Drawn,
}

fn find(value: &Value) -> Option<Name> {
    let name = value.as_str()?;
    if name == DRAWN {
        return Some(Name::Drawn);
    }
    COMPUTATIONS.iter().find(|computation| computation.name == name).map(Name::Of)
}

fn accepted_names() -> String {
    let names: Vec<&str> = COMPUTATIONS.iter().map(|computation| computation.name).collect();
    format!("one of {} or {DRAWN}", names.join(", "))
}

/// Any integer of 64 bits, with or without a sign.
fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refusal(event: &str) -> String {
        let event = Event::parse(event).unwrap();
        Request::read(&event).err().unwrap().message
    }

    #[test]
    fn no_run_function_is_no_work() {
        for event in ["{}", r#"{"args": 3, "seed": 1}"#] {
            assert!(Request::read(&Event::parse(event).unwrap()).unwrap().is_none());
        }
    }

    #[test]
    fn seeds_are_any_integer_of_64_bits() {
        for seed in ["0", "-9223372036854775808", "18446744073709551615"] {
            let event = format!(r#"{{"run_function": "fib", "args": 1, "seed": {seed}}}"#);
            let request = Request::read(&Event::parse(&event).unwrap()).unwrap().unwrap();
            assert_eq!(request.seed.to_string(), seed);
        }
    }

    #[test]
    fn a_refusal_names_the_key_what_was_found_and_the_bound() {
        for (event, parts) in [
            (r#"{"run_function": "fib", "seed": 1}"#, ["`args` is missing", "an integer"]),
            (r#"{"run_function": "fib", "args": 1}"#, ["`seed` is missing", "an integer"]),
            (r#"{"run_function": "fob", "args": 1, "seed": 1}"#, ["`run_function` is \"fob\"", "matrix_mult, fib"]),
            (r#"{"run_function": 7, "args": 1, "seed": 1}"#, ["`run_function` is 7", "or random"]),
            (r#"{"run_function": "fib", "args": -1, "seed": 1}"#, ["`args` is -1", "0 or more"]),
            (r#"{"run_function": "fib", "args": 1.5, "seed": 1}"#, ["`args` is 1.5", "an integer"]),
            (r#"{"run_function": "fib", "args": 1, "seed": 0.5}"#, ["`seed` is 0.5", "an integer"]),
            (r#"{"seed": "x"}"#, ["`seed` is \"x\"", "an integer"]),
            (r#"{"args": "x"}"#, ["`args` is \"x\"", "an integer"]),
            (r#"{"run_function": "flatten", "args": 21, "seed": 1}"#, ["`args` is 21", "from 0 to 20, the depth"]),
            (r#"{"run_function": "random", "args": 21, "seed": 0}"#, ["`args` is 21", "from 0 to 20, the depth"]),
            (r#"{"run_function": "matrix_mult", "args": 2001, "seed": 1}"#, ["`args` is 2001", "from 1 to 2000"]),
            (r#"{"run_function": "matrix_mult", "args": 0, "seed": 1}"#, ["`args` is 0", "from 1 to 2000"]),
        ] {
            let message = refusal(event);
            for part in parts {
                assert!(message.contains(part), "{event}: {message}");
            }
        }
    }
}
