//! The wrapper's loop.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lab::Error;
use runtime::{Answer, Failure, Line, MAXIMUM_EVENT_BYTES, Runtime, Shutdown, lines};
use serde_json::{Map, Value, json};

use crate::event::{Event, Message};

/// Longest line, bytes: the largest event in base64 and what stands around it.
const MAXIMUM_LINE_BYTES: usize = MAXIMUM_EVENT_BYTES / 3 * 4 + (256 << 10);

/// Serves events until the processor closes the socket or the shutdown; what was begun then has the grace to finish. Returns
/// whether all that was begun was finished.
///
/// # Errors
/// When the processor can't be written to.
pub async fn wrap(
    runtime: Arc<Runtime>,
    shutdown: Shutdown,
    input: impl BufRead + Send + 'static,
    mut output: impl Write,
) -> io::Result<bool> {
    output.write_all(b"s\n")?;
    output.flush()?;
    let mut lines = lines(input, MAXIMUM_LINE_BYTES)?;
    loop {
        let line = tokio::select! {
            () = shutdown.requested() => return Ok(true),
            line = lines.recv() => line,
        };
        let Some(line) = line else { return Ok(true) };
        let start = Instant::now();
        let response = tokio::select! {
            () = shutdown.grace_over() => return Ok(false),
            response = serve(&runtime, line) => response,
        };
        // Zero is no duration to the processor.
        let seconds = start.elapsed().max(Duration::from_nanos(1)).as_secs_f64();
        output.write_all(format!("m{}\nr{response}\n", json!({ "duration": seconds })).as_bytes())?;
        output.flush()?;
    }
}

/// The one response to a line.
async fn serve(runtime: &Runtime, line: Line) -> Value {
    let message = match line {
        Line::Whole(line) => Message::parse(&line),
        Line::TooLong => Err(Error::limit(format!("the event is longer than {MAXIMUM_LINE_BYTES} bytes"))),
    };
    match message {
        Ok(Message::One(event)) => Value::Object(respond(runtime, event).await),
        Ok(Message::Batch(events)) => {
            let mut responses = Vec::with_capacity(events.len());
            for event in events {
                let id = event.id().map(str::to_owned);
                let mut response = respond(runtime, event).await;
                response.insert("event_id".to_owned(), id.into());
                responses.push(Value::Object(response));
            }
            Value::Array(responses)
        }
        Err(error) => Value::Object(response(Answer { result: Err(Failure::Function(error)), identity: None })),
    }
}

async fn respond(runtime: &Runtime, event: Event) -> Map<String, Value> {
    match event.unwrap() {
        Ok((event, context)) => response(runtime.invoke(event, context).await),
        Err(error) => response(Answer { result: Err(Failure::Function(error)), identity: None }),
    }
}

fn response(answer: Answer) -> Map<String, Value> {
    let status = answer.status();
    let headers: Map<String, Value> = answer
        .identity
        .iter()
        .flat_map(|identity| identity.headers())
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut response = Map::new();
    response.insert("body".to_owned(), answer.into_body().into());
    response.insert("body_encoding".to_owned(), "text".into());
    response.insert("content_type".to_owned(), "application/json".into());
    response.insert("headers".to_owned(), headers.into());
    response.insert("status_code".to_owned(), status.into());
    response
}

#[cfg(test)]
#[path = "wrapper_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
