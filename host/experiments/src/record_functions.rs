//! The functions whose answers tell when they ran.

use crate::Request;

/// Those that return records, as `docs/functions.md` has them.
const RECORD_FUNCTIONS: [&str; 4] = ["function1", "function2", "function3", "monolith"];

/// The record functions among a request's workloads, each once, in their order; `function1` where there is none.
pub(crate) fn record_functions(request: &Request) -> Vec<String> {
    let mut functions: Vec<String> = Vec::new();
    for subject in &request.subjects {
        if RECORD_FUNCTIONS.contains(&subject.function.as_str()) && !functions.contains(&subject.function) {
            functions.push(subject.function.clone());
        }
    }
    if functions.is_empty() {
        functions.push("function1".to_owned());
    }
    functions
}
