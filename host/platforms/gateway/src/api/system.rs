//! OpenFaaS's interface: `/system/…`.

use std::sync::Arc;

use http_protocol::{Request, Response, json};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use lab::Error;
use platform::{PlatformError, Readiness, Scale, Status};
use serde::{Deserialize, Serialize};
use serde_json::json as value;

use super::openfaas::{FunctionDeployment, FunctionStatus};
use super::query::{answer, body, number, query};
use crate::failure::{failure, refusal};
use crate::server::{Function, Gateway, method_not_allowed};

pub(crate) use crate::server::NAMESPACE;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    function_name: String,
    #[serde(default)]
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScaleTo {
    #[serde(default)]
    namespace: String,
    replicas: u32,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    namespace: &'static str,
    instance: &'a str,
    timestamp: String,
    text: &'a str,
}

/// Answers a request of OpenFaaS's interface. Images may be given as paths only by who is trusted.
pub(crate) async fn system(gateway: &Arc<Gateway>, request: Request, is_trusted: bool) -> Response {
    respond(gateway, request, is_trusted).await.unwrap_or_else(|error| failure(&error))
}

async fn respond(gateway: &Arc<Gateway>, request: Request, is_trusted: bool) -> Result<Response, PlatformError> {
    let path = request.uri().path().strip_prefix("/system/").unwrap_or_default().to_owned();
    let path = path.trim_end_matches('/');
    let is = |method: Method| *request.method() == method;
    match path.split_once('/') {
        None => match path {
            "functions" if is(Method::GET) => list(gateway, &request).await,
            "functions" if is(Method::POST) => deploy(gateway, &request, is_trusted, false).await,
            "functions" if is(Method::PUT) => deploy(gateway, &request, is_trusted, true).await,
            "functions" if is(Method::DELETE) => {
                let Delete { function_name, namespace } = body(&request)?;
                check_namespace(&namespace)?;
                gateway.functions.remove(&function_name, None).await?;
                Ok(json(202, ""))
            }
            "functions" => Ok(method_not_allowed("GET, POST, PUT, DELETE")),
            "logs" if is(Method::GET) => logs(gateway, &request).await,
            "info" if is(Method::GET) => answer(200, &information(gateway)),
            "namespaces" if is(Method::GET) => answer(200, &[NAMESPACE]),
            "logs" | "info" | "namespaces" => Ok(method_not_allowed("GET")),
            _ => Ok(no_path(path)),
        },
        Some(("function", name)) if is(Method::GET) => {
            check_namespace(&query(&request, "namespace").unwrap_or_default())?;
            let function = gateway.functions.get(name, None)?;
            answer(200, &FunctionStatus::new(&function, &status(gateway, &function).await))
        }
        Some(("scale-function", name)) if is(Method::POST) => {
            let ScaleTo { namespace, replicas } = body(&request)?;
            check_namespace(&namespace)?;
            scale_to(gateway, name, replicas).await?;
            Ok(json(202, ""))
        }
        Some(("function", _)) => Ok(method_not_allowed("GET")),
        Some(("scale-function", _)) => Ok(method_not_allowed("POST")),
        Some(_) => Ok(no_path(path)),
    }
}

fn no_path(path: &str) -> Response {
    let path: String = path.chars().take(80).collect();
    refusal(404, &Error::not_found(format!("there is nothing at /system/{path}")))
}

fn check_namespace(namespace: &str) -> Result<(), PlatformError> {
    if namespace.is_empty() || namespace == NAMESPACE {
        return Ok(());
    }
    Err(PlatformError::Invalid(format!("there is no namespace {namespace:?}; the only one is {NAMESPACE}")))
}

async fn status(gateway: &Gateway, function: &Function) -> Status {
    gateway.functions.platform.status(&function.deployment).await.unwrap_or_else(|error| Status {
        readiness: Readiness::Pending,
        message: Some(error.to_string()),
        instances: None,
        waiting: None,
        image_digest: None,
    })
}

async fn list(gateway: &Gateway, request: &Request) -> Result<Response, PlatformError> {
    check_namespace(&query(request, "namespace").unwrap_or_default())?;
    let mut all = Vec::new();
    for function in gateway.functions.all() {
        all.push(FunctionStatus::new(&function, &status(gateway, &function).await));
    }
    answer(200, &all)
}

async fn deploy(
    gateway: &Gateway,
    request: &Request,
    is_trusted: bool,
    is_update: bool,
) -> Result<Response, PlatformError> {
    let deployment: FunctionDeployment = body(request)?;
    check_namespace(&deployment.namespace)?;
    let before = gateway.functions.find(&deployment.service);
    let id = match (&before, is_update) {
        (Some(before), true) => Some(before.deployment.spec.id.clone()),
        (None, true) => return Err(gateway.functions.not_found(&deployment.service)),
        (Some(_), false) => {
            return Err(PlatformError::Invalid(format!(
                "`{}` is deployed already: update it with PUT, or remove it first",
                deployment.service
            )));
        }
        (None, false) => None,
    };
    let kind = gateway.functions.platform.image_kind();
    let (spec, about) = deployment.spec(id, &*gateway.images, kind, is_trusted).await?;
    gateway.functions.deploy(spec, about).await?;
    Ok(json(202, ""))
}

/// OpenFaaS's word for so many instances, no more and no fewer; 0 ends those that are idle.
async fn scale_to(gateway: &Gateway, name: &str, replicas: u32) -> Result<(), PlatformError> {
    let function = gateway.functions.get(name, None)?;
    let platform = &gateway.functions.platform;
    let most = function.deployment.spec.scale.maximum_instances;
    let scale = Scale {
        minimum_instances: Some(replicas),
        // Zero instances at most could never serve: it means none until the next call.
        maximum_instances: most.map(|most| most.max(replicas)),
        ..Scale::default()
    };
    platform.scale(&function.deployment, &scale).await?;
    if replicas == 0 {
        platform.force_cold(&function.deployment).await?;
    }
    Ok(())
}

/// Lines of JSON: what is there. An answer is sent whole, so logs can't be followed.
async fn logs(gateway: &Gateway, request: &Request) -> Result<Response, PlatformError> {
    check_namespace(&query(request, "namespace").unwrap_or_default())?;
    if query(request, "follow").is_some_and(|follow| !matches!(&*follow, "" | "0" | "false")) {
        return Err(PlatformError::Invalid(
            "logs are not streamed here: ask with `follow=false`, as `faas-cli logs NAME --tail=false` does, and again with \
             `since`"
                .to_owned(),
        ));
    }
    let name = query(request, "name").unwrap_or_default();
    let function = gateway.functions.get(&name, None)?;
    let since = match query(request, "since").filter(|since| !since.is_empty()) {
        None => 0,
        Some(since) => {
            let wrong = || PlatformError::Invalid(format!("`since` is {since:?}: give a time as 2026-11-28T12:00:00Z"));
            let time: Timestamp = since.parse().map_err(|_| wrong())?;
            u64::try_from(time.as_nanosecond()).unwrap_or(0)
        }
    };
    let tail = match query(request, "tail") {
        // As faas-cli asks for all.
        Some(tail) if tail.starts_with('-') => usize::MAX,
        _ => number(request, "tail")?.filter(|tail| *tail > 0).map_or(usize::MAX, |tail| tail as usize),
    };
    let instance = query(request, "instance").filter(|instance| !instance.is_empty());
    let lines = gateway.functions.platform.logs(&function.deployment, since).await?;
    let lines: Vec<_> =
        lines.iter().filter(|line| instance.as_ref().is_none_or(|instance| *instance == line.instance)).collect();
    let mut text = Vec::new();
    for line in &lines[lines.len().saturating_sub(tail)..] {
        let timestamp = Timestamp::from_nanosecond(i128::from(line.unix_ns)).unwrap_or_default().to_string();
        let line =
            Line { name: function.name(), namespace: NAMESPACE, instance: &line.instance, timestamp, text: &line.text };
        // Texts alone, into memory: this can't fail.
        let _ = serde_json::to_writer(&mut text, &line);
        text.push(b'\n');
    }
    let mut response = json(200, text);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    Ok(response)
}

fn information(gateway: &Gateway) -> serde_json::Value {
    let version = value!({ "release": env!("CARGO_PKG_VERSION"), "sha": "" });
    let platform = gateway.functions.platform.name();
    value!({
        "provider": { "provider": "faasbench", "orchestration": platform, "version": version },
        "version": version,
        "arch": std::env::consts::ARCH,
    })
}
