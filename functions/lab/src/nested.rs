//! Nested calls: the functions that an event asks its function to call in turn, and the records they bring back.

use serde_json::{Map, Value};

use crate::json::JsonObject;
use crate::record::{Descendants, INVOCATION_KEYS, write_error, write_invocation};
use crate::request::{NestedCall, Request};
use crate::{Call, Error, Lab, Outcome};

/// Makes the calls of `request`, one after another or all at once, and collects the records of every descendant.
///
/// A call that fails is a record too: it never fails its caller.
#[inline(never)]
pub(crate) fn call_all(lab: &dyn Lab, request: &Request<'_>, identifier: &str) -> Descendants {
    let mut descendants = Descendants::default();
    let caller = Caller { identifier, level: request.level };
    let calls: Vec<Call> = request.nested.iter().map(|call| caller.event(call)).collect();
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

/// The invocation that makes the calls.
struct Caller<'a> {
    identifier: &'a str,
    level: u64,
}

impl Caller<'_> {
    /// The payload, telling the callee whose callee it is. What the payload itself said of that is left out.
    fn event(&self, call: &NestedCall<'_>) -> Call {
        let mut payload = String::new();
        let mut object = JsonObject::open(&mut payload);
        object.all_of(&call.payload, &["parent", "level"]);
        object.text("parent", self.identifier);
        object.integer("level", self.level);
        object.close();
        Call { name: call.function_name.to_owned(), payload }
    }

    /// Adds the records that `outcome` brought, or one that says why there are none. A platform owes an outcome to each
    /// call; where it has none, there are no timings either.
    #[inline(never)]
    fn collect(&self, function_name: &str, outcome: Option<Outcome>, descendants: &mut Descendants) {
        let answer = match &outcome {
            Some(Outcome { response: Ok(response), .. }) => read_answer(function_name, response),
            Some(Outcome { response: Err(error), .. }) => Answer::Failed(error.clone()),
            None => Answer::Failed(Error::internal("the platform gave no answer to this call")),
        };
        if let Answer::Json(response) = &answer
            && let Some((own, records)) = records(response)
        {
            for (identifier, record) in records {
                // `records` has made sure of it.
                let Value::Object(record) = record else { continue };
                descendants.add(identifier, &|object| {
                    let is_own = identifier == own;
                    object.all_of(record, if is_own { &INVOCATION_KEYS } else { &[] });
                    if is_own {
                        write_invocation(object, outcome.as_ref());
                    }
                });
            }
            return;
        }
        // A record in the name of a callee that sent none of its own: it failed, or it is no record function.
        let identifier = new_identifier(function_name);
        descendants.add(&identifier, &|record| {
            record.text("identifier", &identifier);
            record.text("function_name", function_name);
            record.text("parent", self.identifier);
            record.integer("level", self.level + 1);
            write_invocation(record, outcome.as_ref());
            match &answer {
                Answer::Json(response) => record.value("response", response),
                Answer::Failed(error) => write_error(record, error),
            }
        });
    }
}

/// What a callee answered.
enum Answer {
    Json(Value),
    Failed(Error),
}

fn read_answer(function_name: &str, response: &str) -> Answer {
    match serde_json::from_str(response) {
        Ok(response) => Answer::Json(response),
        Err(error) => Answer::Failed(Error::internal(format!("the answer of `{function_name}` is not JSON: {error}"))),
    }
}

/// The callee's identifier and all records, where this is the response of a record function: the callee's own record is
/// there and all of them are objects.
fn records(response: &Value) -> Option<(&str, &Map<String, Value>)> {
    let own = response.get("identifier")?.as_str()?;
    let records = response.get("records")?.as_object()?;
    (records.contains_key(own) && records.values().all(Value::is_object)).then_some((own, records))
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
