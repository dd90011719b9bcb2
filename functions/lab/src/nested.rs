//! Nested calls: the functions that an event asks its function to call in turn, and the records they bring back.

use serde_json::{Map, Value};

use crate::record::{Descendants, add_invocation, error_value};
use crate::request::{NestedCall, Request};
use crate::{Call, Error, Lab, Outcome};

/// Makes the calls of `request`, one after another or all at once, and collects the records of every descendant.
///
/// A call that fails is a record too: it never fails its caller.
pub(crate) fn call_all(lab: &dyn Lab, request: &mut Request, identifier: &str) -> Descendants {
    let mut descendants = Descendants::default();
    let nested = std::mem::take(&mut request.nested);
    let calls: Vec<Call> = nested.into_iter().map(|call| with_caller(call, identifier, request.level)).collect();
    let caller = Caller { identifier, level: request.level };
    if request.parallel && calls.len() > 1 {
        let mut outcomes = lab.invoke_all(&calls).into_iter();
        for call in &calls {
            caller.collect(&call.name, outcomes.next(), &mut descendants);
        }
    } else {
        for call in &calls {
            caller.collect(&call.name, Some(lab.invoke(call)), &mut descendants);
        }
    }
    descendants
}

/// Tells the callee whose callee it is. What the payload itself said of that is overwritten.
fn with_caller(call: NestedCall, identifier: &str, level: u64) -> Call {
    let mut payload = call.payload;
    payload.insert("parent".to_owned(), identifier.into());
    payload.insert("level".to_owned(), level.into());
    Call { name: call.function_name, payload: Value::Object(payload).to_string() }
}

/// The invocation that makes the calls.
struct Caller<'a> {
    identifier: &'a str,
    level: u64,
}

impl Caller<'_> {
    /// Adds the records that `outcome` brought, or one that says why there are none. A platform owes an outcome to each
    /// call; where it has none, there are no timings either.
    fn collect(&self, function_name: &str, outcome: Option<Outcome>, descendants: &mut Descendants) {
        let answer = match &outcome {
            Some(Outcome { response: Ok(response), .. }) => read_answer(function_name, response),
            Some(Outcome { response: Err(error), .. }) => Err(error.clone()),
            None => Err(Error::internal("the platform gave no answer to this call")),
        };
        let outcome = outcome.as_ref();
        match answer {
            Ok(Answer::Records { identifier, records }) => {
                for (key, record) in records {
                    match record {
                        Value::Object(mut record) if key == identifier => {
                            add_invocation(&mut record, outcome);
                            descendants.add(&key, &record);
                        }
                        Value::Object(record) => descendants.add(&key, &record),
                        // read_answer has refused these.
                        _ => {}
                    }
                }
            }
            Ok(Answer::Other(response)) => self.stand_in(function_name, outcome, ("response", response), descendants),
            Err(error) => self.stand_in(function_name, outcome, ("error", error_value(&error)), descendants),
        }
    }

    /// A record in the name of a callee that sent none of its own: it failed, or it is no record function.
    fn stand_in(
        &self,
        function_name: &str,
        outcome: Option<&Outcome>,
        (key, value): (&str, Value),
        descendants: &mut Descendants,
    ) {
        let identifier = new_identifier(function_name);
        let mut record = Map::new();
        record.insert("identifier".to_owned(), identifier.as_str().into());
        record.insert("function_name".to_owned(), function_name.into());
        record.insert("parent".to_owned(), self.identifier.into());
        record.insert("level".to_owned(), (self.level + 1).into());
        add_invocation(&mut record, outcome);
        record.insert(key.to_owned(), value);
        descendants.add(&identifier, &record);
    }
}

/// What a callee answered.
enum Answer {
    /// The response of a record function.
    Records { identifier: String, records: Map<String, Value> },
    /// Other JSON, the thumbnailer's for instance.
    Other(Value),
}

fn read_answer(function_name: &str, response: &str) -> Result<Answer, Error> {
    let mut response: Value = serde_json::from_str(response)
        .map_err(|error| Error::internal(format!("the answer of `{function_name}` is not JSON: {error}")))?;
    let Some(Value::String(identifier)) = response.get("identifier") else { return Ok(Answer::Other(response)) };
    let identifier = identifier.clone();
    match response.get_mut("records") {
        Some(Value::Object(records)) if is_whole(&identifier, records) => {
            Ok(Answer::Records { identifier, records: std::mem::take(records) })
        }
        _ => Ok(Answer::Other(response)),
    }
}

/// Whether the callee's own record is there and all of them are objects.
fn is_whole(identifier: &str, records: &Map<String, Value>) -> bool {
    records.contains_key(identifier) && records.values().all(Value::is_object)
}

/// `<function>-<uuid v4>`.
pub(crate) fn new_identifier(function_name: &str) -> String {
    let mut buffer = uuid::Uuid::encode_buffer();
    let uuid = uuid::Uuid::new_v4();
    let text = uuid.hyphenated().encode_lower(&mut buffer);
    let mut identifier = String::with_capacity(function_name.len() + 1 + text.len());
    identifier.push_str(function_name);
    identifier.push('-');
    identifier.push_str(text);
    identifier
}
