//! The way to a function, and calling it.

use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use platform::{Answer, HttpCall, Invocation, PlatformError};
use remote_platform::{Api, ApiRequest, Begin, Url, answer_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::timeout;

use crate::cluster::{Ask, Cluster, Reply};
use crate::object::{DEPLOYMENT, Kind, SERVICE};

/// How a function is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Route {
    /// Through the API server, to a Service.
    Proxy {
        /// Its namespace.
        namespace: String,
        /// Its name.
        service: String,
    },
    /// At an address.
    Address {
        /// Where, with `http://`.
        url: String,
        /// The name under which the ingress knows it, where the address has another.
        host: Option<String>,
    },
}

impl Route {
    /// The address of the option or the endpoint, with the names put in.
    ///
    /// # Errors
    /// When it is none of HTTP.
    pub(crate) fn of_template(template: &str, name: &str, namespace: &str) -> Result<Route, PlatformError> {
        let url = template.replace("{name}", name).replace("{namespace}", namespace);
        Ok(Route::Address { url: checked(&url)?, host: None })
    }

    /// The deployment's address, for anybody's client; `None` through the API server, which wants the kubeconfig's credentials.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Route::Proxy { .. } => None,
            Route::Address { url, host: None } => Some(url.clone()),
            // Who can resolve the name needs no more than it.
            Route::Address { host: Some(host), .. } => Some(format!("http://{host}/")),
        }
    }
}

impl Route {
    /// How any client goes this way; `None` through the API server, which wants the kubeconfig's credentials.
    pub(crate) fn http_call(&self) -> Option<HttpCall> {
        match self {
            Route::Proxy { .. } => None,
            Route::Address { url, host: None } => Some(HttpCall::to(url)),
            Route::Address { url, host: Some(host) } => Some(HttpCall::to(url).with("host", host)),
        }
    }
}

/// An address of HTTP without credentials and with a path.
pub(crate) fn checked(url: &str) -> Result<String, PlatformError> {
    let wrong = |shown: &str| {
        PlatformError::Invalid(format!(
            "{shown} is no address to call functions at; give one as in `http://127.0.0.1:8080`, without credentials"
        ))
    };
    let parsed = Url::parse(url).map_err(|_| wrong(&format!("`{url}`")))?;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(wrong("what holds credentials"));
    }
    let is_plain = matches!(parsed.scheme(), "http" | "https") && parsed.host_str().is_some();
    if is_plain { Ok(parsed.to_string()) } else { Err(wrong(&format!("`{url}`"))) }
}

/// What calls functions at the address' origin, with its kept connections, and the path there.
fn origin(cluster: &Cluster, url: &str) -> Result<(Api, String), PlatformError> {
    let parsed = Url::parse(&checked(url)?).map_err(|error| PlatformError::Invalid(error.to_string()))?;
    let query = parsed.query().map(|query| format!("?{query}")).unwrap_or_default();
    let api = cluster.api_at(&parsed.origin().ascii_serialization())?;
    Ok((api, format!("{}{query}", parsed.path())))
}

fn proxy_path(namespace: &str, service: &str) -> String {
    format!("{}/proxy/", SERVICE.path(namespace, &format!("{service}:http")))
}

/// Calls a function.
///
/// # Errors
/// When there is no answer of it.
pub(crate) async fn invoke(
    cluster: &Cluster,
    route: &Route,
    name: &str,
    invocation: &Invocation,
    patience: Duration,
) -> Result<Answer, PlatformError> {
    let mut headers = headers_of(invocation);
    match route {
        Route::Address { url, host } => {
            set_host(&mut headers, host.as_deref())?;
            let (api, _) = origin(cluster, url)?;
            let answer = api.invoke(name, url, headers, invocation.event.clone(), false, patience).await?;
            if answer.status == 404 && answer.instance.is_none() && !is_functions_own(&answer.body) {
                return Err(PlatformError::NotFound { platform: cluster.platform().to_owned(), name: name.to_owned() });
            }
            Ok(answer)
        }
        Route::Proxy { namespace, service } => {
            let begin = Begin::now();
            let doing = format!("calling {name}");
            let path = proxy_path(namespace, service);
            let exchange = cluster.exchange(&doing, Method::POST, &path, headers, invocation.event.clone());
            let reply = timeout(patience, exchange)
                .await
                .map_err(|_| PlatformError::NoAnswer { name: name.to_owned(), waited: patience })??;
            if let Some(error) = proxys_own(cluster, &doing, name, &reply) {
                return Err(error);
            }
            Ok(answer_of(reply.status, &reply.headers, reply.body, begin, None, None))
        }
    }
}

/// Calls a function without waiting: `header` with `value` asks for that, and the answer's header `named` names the call.
///
/// # Errors
/// When it is not accepted.
pub(crate) async fn accept(
    cluster: &Cluster,
    route: &Route,
    name: &str,
    invocation: &Invocation,
    [header, value, named]: [&'static str; 3],
) -> Result<String, PlatformError> {
    let doing = format!("calling {name} without waiting");
    let Route::Address { url, host } = route else {
        return Err(cluster.failed(&doing, "the API server's proxy has no such calls".to_owned()));
    };
    let mut headers = headers_of(invocation);
    headers.insert(HeaderName::from_static(header), HeaderValue::from_static(value));
    set_host(&mut headers, host.as_deref())?;
    let (api, path) = origin(cluster, url)?;
    let mut request =
        ApiRequest::new(doing.clone(), Method::POST, path).bytes(invocation.event.clone(), "application/json");
    request.headers = headers;
    let response = api.call(&request).await?;
    match response.status.as_u16() {
        202 => {}
        501 => {
            return Err(cluster.failed(
                &doing,
                "this cluster has no calls without waiting; Fission's chart turns them on with its statestore"
                    .to_owned(),
            ));
        }
        _ => return Err(response.refusal()),
    }
    let call = response.headers.get(named).and_then(|call| call.to_str().ok());
    call.map(str::to_owned)
        .ok_or_else(|| cluster.failed(&doing, format!("the answer does not name the call in {named}")))
}

fn headers_of(invocation: &Invocation) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let patience_ms = invocation.patience.map(|patience| patience.as_millis().max(1).to_string());
    let texts = [
        ("traceparent", invocation.traceparent.as_deref()),
        ("tracestate", invocation.tracestate.as_deref()),
        ("x-timeout-ms", patience_ms.as_deref()),
    ];
    for (name, value) in texts {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

fn set_host(headers: &mut HeaderMap, host: Option<&str>) -> Result<(), PlatformError> {
    if let Some(host) = host {
        let host = HeaderValue::from_str(host)
            .map_err(|_| PlatformError::Invalid(format!("{host:?} can't be the name of a host")))?;
        headers.insert(HOST, host);
    }
    Ok(())
}

/// Whether a body is an error of a function: `{"error": {"type", "message"}}`.
fn is_functions_own(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["error"]["type"].is_string())
}

/// What the API server says in place of the function.
fn proxys_own(cluster: &Cluster, doing: &str, name: &str, reply: &Reply) -> Option<PlatformError> {
    if reply.is_success() {
        return None;
    }
    let status = reply.status_object()?;
    Some(match reply.status {
        404 => PlatformError::NotFound { platform: cluster.platform().to_owned(), name: name.to_owned() },
        401 | 403 => cluster.refusal(&Ask::new(doing, Method::POST, ""), reply),
        code => cluster.failed(doing, format!("the API server's proxy says {code}: {}", status.message)),
    })
}

/// The answer to a GET on the path `/` of a function, which is about its health and is no invocation: its status; `None` when
/// there was none.
pub(crate) async fn health(cluster: &Cluster, route: &Route) -> Option<u16> {
    let patience = Duration::from_secs(10);
    match route {
        Route::Proxy { namespace, service } => {
            let path = proxy_path(namespace, service);
            let exchange =
                cluster.exchange("asking for its health", Method::GET, &path, HeaderMap::new(), bytes::Bytes::new());
            let reply = timeout(patience, exchange).await.ok()?.ok()?;
            Some(reply.status)
        }
        Route::Address { url, host } => {
            let (api, path) = origin(cluster, url).ok()?;
            let mut request = ApiRequest::new("asking for its health", Method::GET, path);
            if let Some(host) = host {
                request = request.header(HOST, HeaderValue::from_str(host).ok()?);
            }
            request.repeatable = false;
            let response = timeout(patience, api.call(&request)).await.ok()?.ok()?;
            Some(response.status.as_u16())
        }
    }
}

/// The address at which a Service of the cluster is reached from outside: its load balancer's, or a port of the nodes. `None`
/// when there is no such Service, or it is not reached from outside.
pub(crate) async fn outside(
    cluster: &Cluster,
    namespace: &str,
    service: &str,
    node_address: Option<&str>,
) -> Result<Option<String>, PlatformError> {
    let Some(service) = cluster.get_in(namespace, &SERVICE, service).await? else { return Ok(None) };
    let ports = service["spec"]["ports"].as_array().cloned().unwrap_or_default();
    let is_plain =
        |port: &&Value| matches!(port["name"].as_str(), Some("http" | "http2" | "http1")) || port["port"] == 80;
    let Some(port) = ports.iter().find(is_plain) else { return Ok(None) };
    let balancer = &service["status"]["loadBalancer"]["ingress"][0];
    if let Some(host) = balancer["ip"].as_str().or_else(|| balancer["hostname"].as_str()) {
        let port = port["port"].as_u64().unwrap_or(80);
        return Ok(Some(format!("http://{}:{port}/", bracketed(host))));
    }
    let Some(node_port) = port["nodePort"].as_u64() else { return Ok(None) };
    Ok(Some(format!("http://{}:{node_port}/", bracketed(&node(cluster, node_address).await?))))
}

/// A node's address: the option's, or the first node's, or, where nodes may not be listed, the API server's.
pub(crate) async fn node(cluster: &Cluster, given: Option<&str>) -> Result<String, PlatformError> {
    const NODE: Kind =
        Kind { word: "node", api_version: "v1", kind: "Node", plural: "nodes", product: None, has_pods: false };
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let nodes = match cluster.list(&NODE, None, "").await {
        Ok(nodes) => nodes,
        Err(PlatformError::Denied { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let addresses: Vec<&Value> =
        nodes.iter().filter_map(|node| node["status"]["addresses"].as_array()).flatten().collect();
    let of_type = |wanted: &str| addresses.iter().find(|address| address["type"] == wanted)?["address"].as_str();
    of_type("ExternalIP").or_else(|| of_type("InternalIP")).or_else(|| cluster.host()).map(str::to_owned).ok_or_else(
        || {
            PlatformError::Invalid(
                "no node of the cluster has an address that can be found; set `node-address` in the target's options"
                    .to_owned(),
            )
        },
    )
}

/// An address as a URL has it.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// The version of what is installed, as the labels of a Deployment tell; `None` when they don't, or it may not be read.
pub(crate) async fn installed_version(cluster: &Cluster, namespace: &str, deployment: &str) -> Option<String> {
    let there = cluster.get_in(namespace, &DEPLOYMENT, deployment).await.ok()??;
    let label = |name: &str| there["metadata"]["labels"][name].as_str().map(str::to_owned);
    label("app.kubernetes.io/version").or_else(|| label("serving.knative.dev/release")).or_else(|| label("chart"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_into_an_address() {
        let route = Route::of_template("http://{name}.{namespace}.example.test:81", "f", "lab").unwrap();
        assert_eq!(route, Route::Address { url: "http://f.lab.example.test:81/".to_owned(), host: None });
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "f.example.test", "ftp://f", "http://user:secret@f"] {
            assert!(checked(text).is_err(), "{text}");
        }
    }
}
