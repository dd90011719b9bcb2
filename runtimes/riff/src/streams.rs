//! One invocation over gRPC: a stream of events in, a stream of responses out, in their order.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lab::ErrorKind;
use runtime::{Context, Failure, Runtime, Trace};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::server::StreamingService;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::media::{is_supported, negotiate};
use crate::messages::{
    InputFrame, InputFrameKind, InputSignal, OutputFrame, OutputFrameKind, OutputSignal, StartFrame,
};

/// `streaming.Riff/Invoke`.
#[derive(Clone)]
pub(crate) struct Invoke(pub(crate) Arc<Runtime>);

impl StreamingService<InputSignal> for Invoke {
    type Response = OutputSignal;
    type ResponseStream = ReceiverStream<Result<OutputSignal, Status>>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Self::ResponseStream>, Status>> + Send>>;

    fn call(&mut self, request: Request<Streaming<InputSignal>>) -> Self::Future {
        let runtime = self.0.clone();
        Box::pin(async move {
            let mut signals = request.into_inner();
            let content_type = match signals.message().await?.and_then(|signal| signal.frame) {
                Some(InputFrameKind::Start(start)) => accepted(&start)?,
                _ => return Err(bad_signal("the first signal must be a start frame")),
            };
            let (results, stream) = mpsc::channel(1);
            tokio::spawn(async move {
                if let Err(status) = serve(&runtime, signals, content_type, &results).await {
                    // A caller that has gone needs no status.
                    let _ = results.send(Err(status)).await;
                }
            });
            Ok(Response::new(ReceiverStream::new(stream)))
        })
    }
}

/// The content type of the results.
fn accepted(start: &StartFrame) -> Result<&'static str, Status> {
    if start.input_names.len() > 1 || start.output_names.len() > 1 {
        return Err(bad_signal("this function has one argument and one result"));
    }
    let accept = start.expected_content_types.first().map_or("", String::as_str);
    negotiate(accept).ok_or_else(|| Status::invalid_argument(format!("Invoker: Not Acceptable: {accept}")))
}

/// Serves one event after another until the input ends or the caller has gone.
async fn serve(
    runtime: &Runtime,
    mut signals: Streaming<InputSignal>,
    content_type: &str,
    results: &mpsc::Sender<Result<OutputSignal, Status>>,
) -> Result<(), Status> {
    while let Some(signal) = signals.message().await? {
        let Some(InputFrameKind::Data(frame)) = signal.frame else {
            return Err(bad_signal("every signal but the first must be a data frame"));
        };
        let frame = result(runtime, frame, content_type).await?;
        if results.send(Ok(OutputSignal { frame: Some(OutputFrameKind::Data(frame)) })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn result(runtime: &Runtime, frame: InputFrame, content_type: &str) -> Result<OutputFrame, Status> {
    if frame.arg_index != 0 {
        return Err(bad_signal("this function has one argument, of index 0"));
    }
    if !is_supported(&frame.content_type) {
        let message = format!("Invoker: Unsupported Media Type: {}", frame.content_type);
        return Err(Status::invalid_argument(message));
    }
    let header = |wanted: &str| {
        frame.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
    };
    let context = Context { trace: Trace::new(header("traceparent"), header("tracestate")), ..Context::default() };
    let event = http_protocol::event_text(frame.payload.into()).map_err(|error| status(&Failure::Function(error)))?;
    let answer = runtime.invoke(event, context).await;
    let identity = answer.identity.iter().flat_map(|identity| identity.headers());
    let headers: HashMap<_, _> = identity.map(|(name, value)| (name.to_owned(), value)).collect();
    match answer.result {
        Ok(response) => Ok(OutputFrame {
            payload: response.into_bytes(),
            content_type: content_type.to_owned(),
            headers,
            result_index: 0,
        }),
        Err(failure) => Err(status(&failure)),
    }
}

fn bad_signal(why: &str) -> Status {
    Status::invalid_argument(format!("Invoker: Bad Input Signal: {why}"))
}

fn status(failure: &Failure) -> Status {
    let code = match failure {
        Failure::Panicked(_) => Code::Internal,
        Failure::TimedOut => Code::DeadlineExceeded,
        Failure::Overloaded => Code::ResourceExhausted,
        Failure::Function(error) => match error.kind {
            ErrorKind::BadRequest => Code::InvalidArgument,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::Denied => Code::PermissionDenied,
            ErrorKind::Limit => Code::ResourceExhausted,
            ErrorKind::Unavailable => Code::Unavailable,
            ErrorKind::Internal => Code::Internal,
        },
    };
    Status::new(code, failure.error().to_string())
}
