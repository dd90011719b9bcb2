//! Our own interface, for what OpenFaaS's has no word for: `/faasbench/…`.
//!
//! | request | answer |
//! |---|---|
//! | `GET /faasbench/platform`, `GET /faasbench/reach` | name, target, capabilities and kind of image; whether it works and how |
//! | `GET /faasbench/deployments` | all deployments |
//! | `PUT /faasbench/deployments/NAME`, a specification | the deployment; only for who is trusted, as it names files |
//! | `GET`, `DELETE /faasbench/deployments/NAME` | the deployment, nothing |
//! | `POST …/NAME/wait?patience_ms=` | when it is ready |
//! | `POST …/NAME/cold`, `POST …/NAME/scale` | when it is done |
//! | `GET …/NAME/status`, `…/logs?since_unix_ns=`, `…/metrics`, `…/billing?call=` | as the platform tells |
//! | `GET /faasbench/marked` | everything that carries our mark |
//! | `POST /faasbench/remove`, a resource | when it is gone |
//! | `POST /faasbench/shutdown` | at once; the server ends |
//!
//! Paths with a name take `?deployment=ID`, and then answer 404 for another deployment of that name.

use std::sync::Arc;
use std::time::Duration;

use http_protocol::{Request, Response, json};
use hyper::Method;
use image_kind::ImageKind;
use lab::Error;
use platform::{CallId, Capabilities, DeploymentSpec, PlatformError, Reached, Resource, Scale};
use serde::{Deserialize, Serialize};

use super::query::{answer, body, number, query};
use crate::failure::{failure, refusal};
use crate::server::{About, Gateway, method_not_allowed};

/// How long readiness is waited for where the request does not say.
const PATIENCE_MS: u64 = 60_000;

/// What a client must know of the platform behind a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlatformDescription {
    pub(crate) name: String,
    pub(crate) target: String,
    pub(crate) capabilities: Capabilities,
    pub(crate) image_kind: ImageKind,
    pub(crate) server_version: String,
}

/// Answers a request of our own interface.
pub(crate) async fn own(gateway: &Arc<Gateway>, request: Request, is_trusted: bool) -> Response {
    respond(gateway, request, is_trusted).await.unwrap_or_else(|error| failure(&error))
}

async fn respond(gateway: &Arc<Gateway>, request: Request, is_trusted: bool) -> Result<Response, PlatformError> {
    let path = request.uri().path().strip_prefix("/faasbench/").unwrap_or_default().to_owned();
    let platform = &gateway.functions.platform;
    let is = |method: Method| *request.method() == method;
    match path.as_str() {
        "platform" if is(Method::GET) => answer(200, &describe(gateway)),
        "reach" if is(Method::GET) => {
            let reached: Reached = platform.reach().await?;
            answer(200, &reached)
        }
        "deployments" if is(Method::GET) => {
            let all = gateway.functions.all();
            answer(200, &all.iter().map(|function| &function.deployment).collect::<Vec<_>>())
        }
        "marked" if is(Method::GET) => answer(200, &platform.find_marked().await?),
        "remove" if is(Method::POST) => {
            trusted(gateway, is_trusted)?;
            let resource: Resource = body(&request)?;
            platform.remove(&resource).await?;
            Ok(json(200, ""))
        }
        "shutdown" if is(Method::POST) => {
            trusted(gateway, is_trusted)?;
            gateway.shutdown.request();
            Ok(json(202, ""))
        }
        "platform" | "reach" | "deployments" | "marked" => Ok(method_not_allowed("GET")),
        "remove" | "shutdown" => Ok(method_not_allowed("POST")),
        _ => match path.strip_prefix("deployments/") {
            Some(rest) => {
                let (name, action) = rest.split_once('/').unwrap_or((rest, ""));
                deployment(gateway, &request, is_trusted, name, action).await
            }
            None => Ok(no_path(&path)),
        },
    }
}

fn describe(gateway: &Gateway) -> PlatformDescription {
    let platform = &gateway.functions.platform;
    // The gateway itself has asynchronous calls, whatever the platform.
    let capabilities = Capabilities { asynchronous: true, ..platform.capabilities() };
    PlatformDescription {
        name: platform.name().to_owned(),
        target: platform.target().to_owned(),
        capabilities,
        image_kind: platform.image_kind(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

fn no_path(path: &str) -> Response {
    let path: String = path.chars().take(80).collect();
    refusal(404, &Error::not_found(format!("there is nothing at /faasbench/{path}")))
}

/// Files of this machine are named only by who has the token, or may use the private socket.
fn trusted(gateway: &Gateway, is_trusted: bool) -> Result<(), PlatformError> {
    if is_trusted {
        return Ok(());
    }
    Err(PlatformError::Denied {
        platform: gateway.functions.platform.name().to_owned(),
        reason: "this server has no token, so anybody on this machine could ask for this".to_owned(),
        advice: "start it with FAASBENCH_TOKEN or FAASBENCH_TOKEN_FILE set, or listen on a unix socket".to_owned(),
    })
}

async fn deployment(
    gateway: &Gateway,
    request: &Request,
    is_trusted: bool,
    name: &str,
    action: &str,
) -> Result<Response, PlatformError> {
    let functions = &gateway.functions;
    let platform = &functions.platform;
    let id = query(request, "deployment");
    let is = |method: Method| *request.method() == method;
    if action.is_empty() && is(Method::PUT) {
        trusted(gateway, is_trusted)?;
        let spec: DeploymentSpec = body(request)?;
        if spec.name != name {
            return Err(PlatformError::Invalid(format!(
                "the path names `{name}`, and the specification `{}`",
                spec.name
            )));
        }
        return answer(200, &functions.deploy(spec, About::default()).await?.deployment);
    }
    if action.is_empty() && is(Method::DELETE) {
        functions.remove(name, id.as_deref()).await?;
        return Ok(json(200, ""));
    }
    let function = functions.get(name, id.as_deref())?;
    let deployment = &function.deployment;
    match action {
        "" if is(Method::GET) => answer(200, deployment),
        "wait" if is(Method::POST) => {
            let patience = number(request, "patience_ms")?.unwrap_or(PATIENCE_MS);
            platform.wait_until_ready(deployment, Duration::from_millis(patience)).await?;
            Ok(json(200, ""))
        }
        "cold" if is(Method::POST) => {
            platform.force_cold(deployment).await?;
            Ok(json(200, ""))
        }
        "scale" if is(Method::POST) => {
            let scale: Scale = body(request)?;
            platform.scale(deployment, &scale).await?;
            Ok(json(200, ""))
        }
        "status" if is(Method::GET) => answer(200, &platform.status(deployment).await?),
        "logs" if is(Method::GET) => {
            let since = number(request, "since_unix_ns")?.unwrap_or(0);
            answer(200, &platform.logs(deployment, since).await?)
        }
        "metrics" if is(Method::GET) => answer(200, &platform.metrics(deployment).await?),
        "billing" if is(Method::GET) => {
            let call = query(request, "call").unwrap_or_default();
            // An asynchronous call has a name of the gateway's.
            let call = gateway.platforms_call(&call).unwrap_or_else(|| call.into_owned());
            answer(200, &platform.billing(deployment, &CallId(call)).await?)
        }
        "" => Ok(method_not_allowed("GET, PUT, DELETE")),
        "wait" | "cold" | "scale" => Ok(method_not_allowed("POST")),
        "status" | "logs" | "metrics" | "billing" => Ok(method_not_allowed("GET")),
        _ => Ok(no_path(&format!("deployments/{name}/{action}"))),
    }
}
