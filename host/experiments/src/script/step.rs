//! Steps of a script.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::Number;

/// One step: a table with one key, which says what is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Calls one after another.
    Invoke(Invoke),
    /// Calls at one instant.
    Burst(Burst),
    /// Calls at a rate that rises or falls evenly, whether or not those before were answered.
    Ramp(Ramp),
    /// Calls at the times of another shape, whether or not those before were answered.
    Load(Load),
    /// Nothing, for a while.
    Wait(Wait),
    /// The next call is a cold one.
    ForceCold(ForceCold),
    /// How many instances there may be is changed.
    Scale(ScaleStep),
    /// Steps again and again.
    Repeat(Repeat),
    /// Steps again and again until something is so.
    RepeatUntil(RepeatUntil),
}

/// Calls one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Invoke {
    /// What is called; the first deployment where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// What the calls are called in tables and plots.
    pub label: String,
    /// How many.
    pub times: Number,
    /// From the end of one to the beginning of the next, s.
    pub pause_s: Number,
    /// What is sent; the workload's event where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
}

impl Default for Invoke {
    fn default() -> Invoke {
        Invoke {
            deployment: None,
            label: "invoke".to_owned(),
            times: Number::Fixed(1.0),
            pause_s: Number::Fixed(0.0),
            event: None,
        }
    }
}

/// Calls at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Burst {
    /// What is called; the first deployment where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// What the calls are called in tables and plots.
    #[serde(default = "burst")]
    pub label: String,
    /// How many at once.
    pub size: Number,
    /// What is sent; the workload's event where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
}

fn burst() -> String {
    "burst".to_owned()
}

/// Calls at a rate that rises or falls evenly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ramp {
    /// What is called; the first deployment where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// What the calls are called in tables and plots.
    #[serde(default = "ramp")]
    pub label: String,
    /// Calls per second at the beginning.
    pub from: Number,
    /// Calls per second at the end.
    pub to: Number,
    /// How long, s.
    pub seconds: Number,
    /// What is sent; the workload's event where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
}

fn ramp() -> String {
    "ramp".to_owned()
}

/// How calls are spread over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoadShape {
    /// Evenly, at one `rate`.
    Constant,
    /// At one `rate`, by chance and independently of each other.
    Poisson,
    /// In equal `steps`, `from` one rate `to` another.
    Stairs,
    /// At one `rate`, and for a `share` of the time in the middle at another, the `peak`.
    Spike,
    /// Evenly up from `rate` to the `peak` in the middle, and down again.
    Pyramid,
    /// So many (`size`) at one instant, again `every-s`.
    Bursts,
}

/// Calls at the times of a shape. Which of the numbers it takes, the shape says; rates are calls per second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Load {
    /// What is called; the first deployment where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// What the calls are called in tables and plots.
    #[serde(default = "load")]
    pub label: String,
    /// The shape.
    pub shape: LoadShape,
    /// How long, s.
    pub seconds: Number,
    /// The rate, or the one beside a peak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Number>,
    /// The first rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Number>,
    /// The last rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Number>,
    /// How many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Number>,
    /// The greatest rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak: Option<Number>,
    /// A share of the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Number>,
    /// Calls at one instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Number>,
    /// From one burst to the next, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_s: Option<Number>,
    /// What is sent; the workload's event where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Value>,
}

fn load() -> String {
    "load".to_owned()
}

/// Nothing, for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Wait {
    /// How long, s.
    pub seconds: Number,
}

/// The next call is a cold one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ForceCold {
    /// Of what; the first deployment where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
}

/// How many instances there may be; what is not given stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ScaleStep {
    /// Of what; the first deployment where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Instances that are kept, idle or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Number>,
    /// Instances at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Number>,
}

/// A number that changes from one repetition to the next, a variable of the steps that are repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Vary {
    /// Its name.
    pub name: String,
    /// Its value in the first repetition.
    pub from: Number,
    /// What it is multiplied by after each.
    #[serde(default = "unity")]
    pub factor: Number,
    /// What is added to it after each, when it was multiplied.
    #[serde(default = "nothing")]
    pub add: Number,
}

fn unity() -> Number {
    Number::Fixed(1.0)
}

fn nothing() -> Number {
    Number::Fixed(0.0)
}

/// Steps again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Repeat {
    /// How often.
    pub times: Number,
    /// A number that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vary: Option<Vary>,
    /// What is repeated.
    pub steps: Vec<Step>,
}

/// Steps again and again until something is so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RepeatUntil {
    /// Until what. It is asked after each repetition.
    pub until: Until,
    /// How often at most.
    pub most_times: Number,
    /// A number that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vary: Option<Vary>,
    /// What is repeated.
    pub steps: Vec<Step>,
}

/// What ends a repetition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// A call of this repetition was served by another instance than the one before it, of the same deployment. Where a call failed in
    /// between, its successor is not compared: nobody knows what became of the instance.
    IdentityChanges,
    /// The interval of a metric's median is narrow enough.
    IntervalWithin(IntervalWithin),
    /// So much time has passed since the first repetition began, s.
    Seconds(Number),
}

/// The interval of a median is narrow enough.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IntervalWithin {
    /// Half of its width, as a share of the median.
    pub share: Number,
    /// Of calls with this label, in this repetition and those before it.
    pub label: String,
    /// Of this metric.
    #[serde(default = "total")]
    pub metric: String,
    /// Not before so many calls.
    #[serde(default = "ten")]
    pub least: Number,
}

fn total() -> String {
    "total".to_owned()
}

fn ten() -> Number {
    Number::Fixed(10.0)
}

impl Step {
    /// What it is called in a file.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Step::Invoke(_) => "invoke",
            Step::Burst(_) => "burst",
            Step::Ramp(_) => "ramp",
            Step::Load(_) => "load",
            Step::Wait(_) => "wait",
            Step::ForceCold(_) => "force-cold",
            Step::Scale(_) => "scale",
            Step::Repeat(_) => "repeat",
            Step::RepeatUntil(_) => "repeat-until",
        }
    }

    /// The deployment that it names.
    pub(super) fn deployment(&self) -> Option<&str> {
        match self {
            Step::Invoke(step) => step.deployment.as_deref(),
            Step::Burst(step) => step.deployment.as_deref(),
            Step::Ramp(step) => step.deployment.as_deref(),
            Step::Load(step) => step.deployment.as_deref(),
            Step::ForceCold(step) => step.deployment.as_deref(),
            Step::Scale(step) => step.deployment.as_deref(),
            Step::Wait(_) | Step::Repeat(_) | Step::RepeatUntil(_) => None,
        }
    }

    /// The steps within it.
    pub(super) fn inner(&self) -> &[Step] {
        match self {
            Step::Repeat(step) => &step.steps,
            Step::RepeatUntil(step) => &step.steps,
            _ => &[],
        }
    }

    /// The label of its calls, where it makes some.
    pub(super) fn label(&self) -> Option<&str> {
        match self {
            Step::Invoke(step) => Some(&step.label),
            Step::Burst(step) => Some(&step.label),
            Step::Ramp(step) => Some(&step.label),
            Step::Load(step) => Some(&step.label),
            _ => None,
        }
    }

    /// What it sends, where it says so.
    pub(super) fn event(&self) -> Option<&Value> {
        match self {
            Step::Invoke(step) => step.event.as_ref(),
            Step::Burst(step) => step.event.as_ref(),
            Step::Ramp(step) => step.event.as_ref(),
            Step::Load(step) => step.event.as_ref(),
            _ => None,
        }
    }
}
