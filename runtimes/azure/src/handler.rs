//! The host's requests.

use std::sync::Arc;

use http_protocol::{BoxFuture, Request, Response, Service, answer, context, event_text, json, text};
use hyper::Method;
use runtime::{Answer, Context, Failure, Runtime};

use crate::envelope::{self, Envelope, is_failed, outputs};

/// Serves the host, with envelopes and with forwarded requests.
pub struct CustomHandler {
    runtime: Arc<Runtime>,
}

impl CustomHandler {
    /// Serves `runtime`.
    pub fn new(runtime: Arc<Runtime>) -> CustomHandler {
        CustomHandler { runtime }
    }

    async fn enveloped(&self, envelope: Envelope<'_>, context: Context) -> Response {
        let trigger = match envelope.trigger() {
            Ok(trigger) => trigger,
            Err(error) => {
                let failure = Failure::Function(error);
                return json(failure.status(), failure.body());
            }
        };
        let answer = self.runtime.invoke(trigger.event, envelope::context(context, trigger.trace)).await;
        if let Err(failure) = &answer.result
            && is_failed(failure, trigger.is_http)
        {
            // Any status but 2xx is a failure to the host.
            return http_protocol::answer(answer);
        }
        let headers: Vec<_> = answer.identity.iter().flat_map(|identity| identity.headers()).collect();
        let status = answer.status();
        json(200, outputs(status, &headers, answer.into_body(), trigger.is_http))
    }
}

impl Service for CustomHandler {
    fn call(&self, request: Request) -> BoxFuture<'_, Response> {
        if request.uri().path() == "/" && matches!(*request.method(), Method::GET | Method::HEAD) {
            return Box::pin(std::future::ready(text(200, "ok\n")));
        }
        let context = context(request.headers());
        // The host's own requests are one name long; forwarded ones keep the route, which begins with a prefix.
        let may_be_enveloped = request.method() == Method::POST && !request.uri().path()[1..].contains('/');
        Box::pin(async move {
            let body = request.into_body();
            if let Some(envelope) = may_be_enveloped.then(|| Envelope::parse(&body)).flatten() {
                return self.enveloped(envelope, context).await;
            }
            answer(match event_text(body) {
                Ok(event) => self.runtime.invoke(event, context).await,
                Err(error) => Answer { result: Err(Failure::Function(error)), identity: None },
            })
        })
    }
}

#[cfg(test)]
#[path = "handler_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
