//! Whether a platform computes what this machine computes.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::{Deployment, Invocation, Platform, Timings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::workload::result_digest;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// One event, and the function that gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is called in the table.
    pub name: String,
    /// The function.
    pub function: &'static str,
    /// Functions that it calls in turn.
    pub calls: &'static [&'static str],
    /// The event, JSON; `None`: that of the generated workload.
    pub event: Option<String>,
}

/// The cases of these functions: each with its workload of size `test`, and the nested calls of function1 to 3, one after
/// another and all at once, where all three are among them.
pub fn cases(functions: &[&'static str]) -> Vec<Case> {
    let mut cases: Vec<Case> = functions
        .iter()
        .map(|function| Case { name: (*function).to_owned(), function, calls: &[], event: None })
        .collect();
    let nested = ["function1", "function2", "function3"];
    if nested.iter().all(|name| functions.contains(name)) {
        for (name, parallel) in [("nested calls, sequential", false), ("nested calls, parallel", true)] {
            // function1 calls function2, which calls function3, and function3 itself, twice.
            let leaf = json!({ "function_name": "function3", "invoke_payload": { "sleep": 0.001 } });
            let event = json!({ "parallel": parallel, "invoke_nested": [
                { "function_name": "function2", "invoke_payload": { "parallel": parallel, "invoke_nested": [leaf, leaf] } },
                leaf,
                leaf,
            ]});
            cases.push(Case {
                name: name.to_owned(),
                function: "function1",
                calls: &["function2", "function3"],
                event: Some(event.to_string()),
            });
        }
    }
    cases
}

/// What each case is expected to give: its event, and the digest of the result here, by the case's name.
pub type Expectations = BTreeMap<String, (String, String)>;

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// What it is called.
    pub name: String,
    /// The function.
    pub function: String,
    /// Whether the platform's result has the digest of the local one.
    pub passed: bool,
    /// Digest of the result on this machine.
    pub expected: String,
    /// Digest of the platform's result; none where there is none.
    pub found: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// How long the platform took.
    pub timings: Option<Timings>,
    /// The instance that served it.
    pub instance: Option<String>,
}

/// What came of all cases: `faasbench verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The platform's name.
    pub platform: String,
    /// The named installation of the platform.
    pub target: String,
    /// What answered, with its version.
    pub version: String,
    /// Digests of the images, by function.
    pub images: BTreeMap<String, String>,
    /// The cases.
    pub cases: Vec<CaseResult>,
    /// Whether all passed.
    pub passed: bool,
}

/// Invokes each case and compares. `deployments` are by function; `Err`: why there is none.
pub async fn verify(
    platform: &dyn Platform,
    deployments: &BTreeMap<String, Result<Deployment, String>>,
    cases: &[Case],
    expectations: &Expectations,
    mut done: impl FnMut(&CaseResult),
) -> Vec<CaseResult> {
    let mut results = Vec::new();
    for case in cases {
        let Some((event, expected)) = expectations.get(&case.name) else { continue };
        let mut result = CaseResult {
            name: case.name.clone(),
            function: case.function.to_owned(),
            passed: false,
            expected: expected.clone(),
            found: None,
            error: None,
            timings: None,
            instance: None,
        };
        let missing = case.calls.iter().find_map(|name| match deployments.get(*name) {
            Some(Err(error)) => Some(format!("it calls {name}, which could not be deployed: {error}")),
            _ => None,
        });
        let cut_off = (!case.calls.is_empty() && !platform.capabilities().nested_calls).then(|| {
            "functions can't call each other there as the target is set up; `faasbench platforms` says what it lacks".to_owned()
        });
        match (deployments.get(case.function), missing.or(cut_off)) {
            (_, Some(error)) => result.error = Some(error),
            (Some(Ok(deployment)), None) => ask(platform, deployment, event, &mut result).await,
            (Some(Err(error)), None) => result.error = Some(error.clone()),
            (None, None) => result.error = Some("it was not deployed".to_owned()),
        }
        done(&result);
        results.push(result);
    }
    results
}

async fn ask(platform: &dyn Platform, deployment: &Deployment, event: &str, result: &mut CaseResult) {
    let invocation = Invocation { patience: Some(PATIENCE), ..Invocation::new(event.to_owned().into_bytes()) };
    let answer = match platform.invoke(deployment, &invocation).await {
        Ok(answer) => answer,
        Err(error) => {
            result.error = Some(error.to_string());
            return;
        }
    };
    result.timings = Some(answer.timings);
    result.instance = answer.instance.as_ref().map(|instance| instance.id.clone());
    match answer.response() {
        Ok(response) => {
            result.found = result_digest(response);
            if result.found.is_none() {
                result.error = Some("its response is not one of a lab function".to_owned());
            }
            result.passed = result.found.as_deref() == Some(result.expected.as_str());
        }
        Err(error) => result.error = Some(format!("{}: {}", error.kind.name(), error.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::FUNCTIONS;

    #[test]
    fn every_function_has_a_case_and_nested_calls_need_all_three() {
        let all = FUNCTIONS.map(|function| function.name);
        assert_eq!(cases(&all).len(), all.len() + 2);
        assert_eq!(cases(&["function1", "function2"]).len(), 2);
    }
}
