//! Nested calls.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use wasi_http_client::bindings::wasi::clocks::monotonic_clock;
use wasi_http_client::bindings::wasi::http::types::Method;
use wasi_http_client::bindings::wasi::io::poll::Pollable;
use wasi_http_client::error::{Error, Kind};
use wasi_http_client::exchange::{Exchange, Request, Response, wait};
use wasi_http_client::names::validate_function;
use wasi_http_client::settings::Invoke;
use wasi_http_client::url::PLACEHOLDER;

use super::bindings::exports::faasbench::lab::functions::{Call, Guest, Outcome};
use super::bindings::wasi::clocks::wall_clock;
use super::{Component, STATE, settings, to_wit};
use crate::nested;

/// Largest answer of a nested call, bytes: that of native images.
const MAXIMUM_ANSWER_BYTES: usize = 32 << 20;
/// Calls of one event that run at the same time, as on native platforms.
const CALLS_AT_ONCE: usize = 64;

impl Guest for Component {
    fn invoke(call: Call) -> Outcome {
        // One call, one outcome.
        together(vec![call]).pop().unwrap_or_else(|| core::arch::wasm32::unreachable())
    }

    fn invoke_all(calls: Vec<Call>) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(calls.len());
        let mut calls = calls.into_iter();
        loop {
            let batch: Vec<_> = calls.by_ref().take(CALLS_AT_ONCE).collect();
            if batch.is_empty() {
                return outcomes;
            }
            outcomes.extend(together(batch));
        }
    }
}

/// A call under way.
struct Running {
    name: String,
    start_ns: u64,
    started: u64,
    progress: Progress,
    outcome: Option<Outcome>,
}

enum Progress {
    Exchange(Exchange),
    Reading(Response, Vec<u8>),
    Nothing,
}

fn together(calls: Vec<Call>) -> Vec<Outcome> {
    let invoke = settings().invoke.as_ref();
    let timeout_ns = invoke.map_or(0, |invoke| invoke.timeout_ns);
    let mut running: Vec<Running> = calls.into_iter().map(|call| Running::start(call, invoke)).collect();
    loop {
        let now = monotonic_clock::now();
        let mut until_ns = u64::MAX;
        let mut pollables = Vec::new();
        for call in &mut running {
            call.advance(now, timeout_ns);
            if call.outcome.is_none() {
                until_ns = until_ns.min(call.started.saturating_add(timeout_ns));
                pollables.extend(call.pollable());
            }
        }
        if pollables.is_empty() {
            break;
        }
        wait(pollables, until_ns);
    }
    // No call is left without an outcome: each that has none has something to wait for.
    running.into_iter().filter_map(|call| call.outcome).collect()
}

impl Running {
    fn start(call: Call, invoke: Result<&Invoke, &Error>) -> Running {
        let mut running = Running {
            start_ns: unix_time_ns(),
            started: monotonic_clock::now(),
            progress: Progress::Nothing,
            outcome: None,
            name: call.name,
        };
        let request = invoke.map_err(Error::clone).and_then(|invoke| {
            validate_function(&running.name)?;
            let authority = invoke.template.authority.replace(PLACEHOLDER, &running.name);
            let path = invoke.template.path.replace(PLACEHOLDER, &running.name);
            Exchange::start(Request {
                method: Method::Post,
                secure: invoke.template.secure,
                authority: &authority,
                path_with_query: &rooted(path),
                headers: headers(invoke),
                body: vec![call.payload.into_bytes()],
                silence_ns: invoke.timeout_ns,
            })
        });
        match request {
            Ok(exchange) => running.progress = Progress::Exchange(exchange),
            Err(error) => running.end(Err(error)),
        }
        running
    }

    /// Goes on as far as it can without waiting.
    fn advance(&mut self, now: u64, timeout_ns: u64) {
        if let Progress::Exchange(exchange) = &mut self.progress {
            match exchange.advance() {
                None => {}
                Some(Ok(response)) => self.progress = Progress::Reading(response, Vec::new()),
                Some(Err(error)) => return self.end(Err(error)),
            }
        }
        if let Progress::Reading(response, whole) = &mut self.progress {
            let name = format!("`{}`", self.name);
            match response.collect(whole, MAXIMUM_ANSWER_BYTES, &name) {
                Ok(false) => {}
                Ok(true) => {
                    let answer = nested::answer(&self.name, response.status, whole);
                    return self.end(answer);
                }
                Err(error) => return self.end(Err(error)),
            }
        }
        if self.outcome.is_none() && now.saturating_sub(self.started) >= timeout_ns {
            let message = format!("no answer of `{}` within {} ms", self.name, timeout_ns / 1_000_000);
            self.end(Err(Error::new(Kind::Unavailable, message)));
        }
    }

    fn pollable(&self) -> Option<Pollable> {
        match &self.progress {
            Progress::Exchange(exchange) => exchange.pollable(),
            Progress::Reading(response, _) => Some(response.stream.subscribe()),
            Progress::Nothing => None,
        }
    }

    fn end(&mut self, response: Result<String, Error>) {
        self.progress = Progress::Nothing;
        self.outcome = Some(Outcome {
            response: response.map_err(to_wit),
            start_ns: self.start_ns,
            end_ns: unix_time_ns(),
            elapsed_us: monotonic_clock::now().saturating_sub(self.started) / 1_000,
        });
    }
}

fn headers(invoke: &Invoke) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![(String::from("content-type"), b"application/json".to_vec())];
    if let Some(authorization) = &invoke.authorization {
        headers.push((String::from("authorization"), authorization.clone().into_bytes()));
    }
    let mut state = STATE.get();
    headers.extend(state.get_or_insert_default().passed_on.iter().cloned());
    headers
}

/// A path that begins at the root.
fn rooted(path: String) -> String {
    if path.starts_with('/') { path } else { format!("/{path}") }
}

fn unix_time_ns() -> u64 {
    let now = wall_clock::now();
    now.seconds.saturating_mul(1_000_000_000).saturating_add(u64::from(now.nanoseconds))
}
