//! Which deed an event asks for.

use std::time::Duration;

use lab::{Call, Error, Event, Lab};
use serde_json::{Value, json};

use crate::{disk, memory, output, processes, sockets};

/// Does what `do` says. Keys in brackets may be left out.
///
/// | `do` | keys | what happens |
/// |---|---|---|
/// | `echo` | any | answers with the event |
/// | `loop` | `[seconds]` | computes for ever, or that long and answers with the processor time that it had |
/// | `sleep` | `[seconds]` | sleeps for a day, or that long |
/// | `allocate` | `[bytes]` | touches memory without end, or that much and answers |
/// | `recurse` | | calls itself without end |
/// | `fill-disk` | `[bytes]`, `[stubborn]` | writes scratch files without end, or that much and answers; stubborn: goes on when refused |
/// | `create-files` | `[count]` | creates empty scratch files without end, or that many |
/// | `link-files` | `[count]` | makes hard links to one scratch file without end, or that many |
/// | `open-files` | `[count]` | opens one scratch file without end, or that often, and closes nothing |
/// | `write-outside` | `paths` | answers which of the files could be written |
/// | `read-outside` | `paths` | answers which of the files or folders could be read |
/// | `print` | `[bytes]`, `[stream]`, `[line_bytes]` | prints lines to `stdout` or `stderr` without end, or that much and answers |
/// | `socket` | `port` | answers whether TCP to and UDP from 127.0.0.1 worked |
/// | `listen` | | answers whether it could listen on 127.0.0.1 |
/// | `fork` | `[count]`, `[seconds]` | starts processes that linger, at most 2000, and answers how many |
/// | `threads` | `[count]`, `[seconds]` | starts threads that linger, at most 20000, and answers how many |
/// | `exit` | `[status]` | ends the process |
/// | `panic`, `abort` | | panics, aborts |
/// | `big-answer` | `bytes` | answers with that many bytes |
/// | `call` | `name`, `[payload]`, `[times]` | calls another function, as often at once, and answers with what came back |
/// | `count` | | answers how often this instance did this before, from a static of its own |
///
/// # Errors
/// What stopped it, where it saw that.
pub fn handle(lab: &dyn Lab, event: &str) -> Result<String, Error> {
    let asked = Event::parse(event)?;
    let deed = asked.required("do", "the name of a deed", Value::as_str)?;
    let number = |key| asked.optional(key, "a whole number, 0 or more", Value::as_u64);
    let seconds = asked.optional("seconds", "a number of seconds, 0 or more", |value| {
        Duration::try_from_secs_f64(value.as_f64()?).ok()
    })?;
    let texts = |key| {
        asked.required(key, "a list of texts", |value| {
            value.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()
        })
    };
    let answer = match deed {
        "echo" => return Ok(event.to_owned()),
        "loop" => memory::compute(lab, seconds),
        "sleep" => {
            std::thread::sleep(seconds.unwrap_or(Duration::from_secs(86_400)));
            json!({})
        }
        "allocate" => memory::allocate(number("bytes")?),
        "recurse" => json!({ "depth": memory::recurse(1) }),
        "fill-disk" => {
            let stubborn = asked.get("stubborn").and_then(Value::as_bool).unwrap_or(false);
            disk::fill(lab.scratch(), number("bytes")?, stubborn)?
        }
        "create-files" => disk::create_files(lab.scratch(), number("count")?)?,
        "link-files" => disk::link_files(lab.scratch(), number("count")?)?,
        "open-files" => disk::open_files(lab.scratch(), number("count")?)?,
        "write-outside" => disk::write_outside(&texts("paths")?),
        "read-outside" => disk::read_outside(&texts("paths")?),
        "print" => {
            let stream = asked.get("stream").and_then(Value::as_str).unwrap_or("stdout");
            output::print(stream == "stderr", number("bytes")?, number("line_bytes")?.unwrap_or(80))?
        }
        "socket" => {
            let port = asked.required("port", "a port", |value| u16::try_from(value.as_u64()?).ok())?;
            sockets::connect(port)
        }
        "listen" => sockets::listen(),
        "fork" => processes::fork(number("count")?, seconds),
        "threads" => processes::threads(number("count")?, seconds),
        "exit" => std::process::exit(i32::try_from(number("status")?.unwrap_or(0)).unwrap_or(1)),
        "panic" => panic!("hostile: panics, as it was asked to"),
        "abort" => std::process::abort(),
        "big-answer" => return Ok(output::big_answer(number("bytes")?.unwrap_or(1 << 30))),
        "call" => call(lab, &asked, number("times")?.unwrap_or(1))?,
        "count" => json!({ "before": memory::count() }),
        other => return Err(Error::bad_request(format!("`do` is {other:?}, which is no deed of this function"))),
    };
    Ok(answer.to_string())
}

fn call(lab: &dyn Lab, asked: &Event, times: u64) -> Result<Value, Error> {
    let name = asked.required("name", "a function's name", Value::as_str)?;
    let payload = asked.get("payload").unwrap_or(&Value::Null).to_string();
    let calls = vec![Call { name: name.to_owned(), payload }; usize::try_from(times).unwrap_or(usize::MAX)];
    let outcomes = if let [call] = calls.as_slice() { vec![lab.invoke(call)] } else { lab.invoke_all(&calls) };
    let answers = outcomes.into_iter().map(|outcome| match outcome.response {
        Ok(response) => json!({ "response": response }),
        Err(error) => json!({ "error": { "type": error.kind.name(), "message": error.message } }),
    });
    Ok(json!({ "answers": answers.collect::<Vec<_>>() }))
}
