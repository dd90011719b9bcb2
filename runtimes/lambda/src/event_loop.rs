//! The loop over the Runtime API.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use hyper::Uri;
use lambda_runtime::tower::{Layer, Service};
use lambda_runtime::{Diagnostic, LambdaEvent, LambdaInvocation};
use runtime::{Answer, Context, Failure, Runtime, Shutdown, Trace};
use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::payload::{Payload, respond};

/// What the service sets for every custom runtime, and `lambda_runtime` can't do without.
const REQUIRED: [&str; 3] =
    ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"];

/// Why the loop ended.
#[derive(Debug, thiserror::Error)]
pub enum LambdaError {
    /// The environment is not that of a custom runtime.
    #[error("{0} is not set, or not as AWS Lambda sets it")]
    Environment(&'static str),
    /// The Runtime API could not be spoken to any more.
    #[error("the Runtime API failed: {0}")]
    Api(String),
}

/// Serves invocations until the shutdown; what was begun then has the grace to finish, and its answer to be sent. Returns
/// whether all that was begun was finished.
///
/// # Errors
/// When the environment lacks what the service sets, or the Runtime API fails.
pub async fn event_loop(runtime: Arc<Runtime>, shutdown: Shutdown) -> Result<bool, LambdaError> {
    for name in REQUIRED {
        let value = std::env::var(name).ok();
        let usable = |value: &String| name != "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" || value.parse::<i32>().is_ok();
        if !value.as_ref().is_some_and(usable) {
            return Err(LambdaError::Environment(name));
        }
    }
    // The crate would panic.
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    if api.parse::<Uri>().is_err() {
        return Err(LambdaError::Environment("AWS_LAMBDA_RUNTIME_API"));
    }
    let handler = lambda_runtime::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let runtime = runtime.clone();
        async move { serve(&runtime, event).await }
    });
    let busy = watch::Sender::new(0_usize);
    let running = lambda_runtime::Runtime::new(handler).layer(BusyLayer(busy.clone())).run_concurrent();
    tokio::pin!(running);
    let mut counted = busy.subscribe();
    tokio::select! {
        result = &mut running => return result.map(|()| true).map_err(|error| LambdaError::Api(error.to_string())),
        () = shutdown.requested() => {}
    }
    tokio::select! {
        result = &mut running => result.map(|()| true).map_err(|error| LambdaError::Api(error.to_string())),
        // The sender lives as long as this function.
        _ = counted.wait_for(|busy| *busy == 0) => Ok(true),
        () = tokio::time::sleep(shutdown.grace()) => Ok(false),
    }
}

async fn serve(runtime: &Runtime, event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, Diagnostic> {
    let (payload, described) = event.into_parts();
    let payload = match Payload::open(&payload) {
        Ok(payload) => payload,
        Err(error) => return respond(Answer { result: Err(Failure::Function(error)), identity: None }, true),
    };
    let traced = || described.xray_trace_id.as_deref().map(Trace::from_x_ray).unwrap_or_default();
    let context = Context {
        trace: payload.trace.unwrap_or_else(traced),
        // An event that comes after its deadline is an emulator's, which gives the same one to all.
        deadline: Context::deadline_from_unix_ms(described.deadline).filter(|deadline| *deadline > Instant::now()),
        request_id: Some(described.request_id),
    };
    respond(runtime.invoke(payload.event, context).await, payload.by_url)
}

/// Counts the invocations whose answer has not been sent.
#[derive(Clone)]
struct BusyLayer(watch::Sender<usize>);

impl<S> Layer<S> for BusyLayer {
    type Service = Busy<S>;

    fn layer(&self, inner: S) -> Busy<S> {
        Busy { inner, count: self.0.clone() }
    }
}

#[derive(Clone)]
struct Busy<S> {
    inner: S,
    count: watch::Sender<usize>,
}

impl<S> Service<LambdaInvocation> for Busy<S>
where
    S: Service<LambdaInvocation>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let one = One::begin(&self.count);
        let serving = self.inner.call(invocation);
        Box::pin(async move {
            let _one = one;
            serving.await
        })
    }
}

/// One invocation, counted until it is dropped.
struct One(watch::Sender<usize>);

impl One {
    fn begin(count: &watch::Sender<usize>) -> One {
        count.send_modify(|count| *count += 1);
        One(count.clone())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
