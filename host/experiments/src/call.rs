//! One call of an experiment.

use std::time::Duration;

use platform::{Answer, InstanceIdentity, PlatformError};

/// Why a call has no answer of success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// The class: a function's own (`limit`, `internal`), or `overloaded`, `no-answer`, `unreachable`, `platform`.
    pub kind: String,
    /// What happened.
    pub message: String,
}

/// One call and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// When it was due, ns since its schedule began; `None` outside of a schedule.
    pub intended_ns: Option<u64>,
    /// When it was made, ns since its schedule began; `None` outside of a schedule.
    pub sent_ns: Option<u64>,
    /// Unix time of the call, ns.
    pub start_unix_ns: u64,
    /// How long it took until there was an answer or a failure, ns.
    pub total_ns: u64,
    /// The answer, of a function's error too; `None`: there is none.
    pub answer: Option<Answer>,
    /// Why it is no success.
    pub failure: Option<CallFailure>,
    /// What the experiment calls it within its unit: `cold`, `warm`, `memory 512`.
    pub label: String,
    /// Which repetition within its unit, from 0.
    pub repetition: u32,
}

impl Call {
    pub(crate) fn new(
        label: &str,
        repetition: u32,
        start_unix_ns: u64,
        total: Duration,
        outcome: Result<Answer, PlatformError>,
    ) -> Call {
        let total_ns = u64::try_from(total.as_nanos()).unwrap_or(u64::MAX);
        let (answer, failure) = match outcome {
            Ok(answer) => {
                let failure = answer
                    .response()
                    .err()
                    .map(|error| CallFailure { kind: error.kind.name().to_owned(), message: error.message });
                (Some(answer), failure)
            }
            Err(error) => (None, Some(CallFailure { kind: kind(&error).to_owned(), message: error.to_string() })),
        };
        Call {
            intended_ns: None,
            sent_ns: None,
            start_unix_ns,
            total_ns: answer.as_ref().map_or(total_ns, |answer| answer.timings.total_ns),
            answer,
            failure,
            label: label.to_owned(),
            repetition,
        }
    }

    /// Whether it succeeded.
    pub fn is_success(&self) -> bool {
        self.failure.is_none()
    }

    /// The instance that served it, as it says itself.
    pub fn instance(&self) -> Option<&InstanceIdentity> {
        self.answer.as_ref()?.instance.as_ref()
    }

    /// Whether it was its instance's first; `None` where nothing says.
    pub fn is_cold(&self) -> Option<bool> {
        self.instance().map(InstanceIdentity::is_cold)
    }

    /// The response, JSON; `Null` where there is none.
    pub fn response(&self) -> serde_json::Value {
        let body = self.answer.as_ref().and_then(|answer| answer.response().ok());
        body.and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default()
    }

    /// From when it was due until it ended, ns: with what it waited for the generator. Outside of a schedule, how long it took.
    pub fn response_ns(&self) -> u64 {
        let late = self.sent_ns.zip(self.intended_ns).map_or(0, |(sent, intended)| sent.saturating_sub(intended));
        self.total_ns.saturating_add(late)
    }
}

fn kind(error: &PlatformError) -> &'static str {
    match error {
        PlatformError::Overloaded { .. } => "overloaded",
        PlatformError::NoAnswer { .. } => "no-answer",
        PlatformError::Unreachable { .. } => "unreachable",
        PlatformError::Denied { .. } => "denied",
        _ => "platform",
    }
}
