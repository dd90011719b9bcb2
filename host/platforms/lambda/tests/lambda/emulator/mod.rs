//! A strict emulator of the parts of AWS that the platform uses, for what moto has not: requests without a signature are refused,
//! a function is changed over several looks and refuses other changes meanwhile (409), old code answers until then, a new role is
//! unknown at first, every answer can bring the end of the log, instances are started beforehand.

mod functions;
mod roles_and_logs;
mod state;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use base64::Engine;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use state::{ACCOUNT, Fault};
use state::{Function, State};

/// A running emulator; it ends with this.
pub(crate) struct Emulator {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

impl Emulator {
    pub(crate) async fn start() -> Emulator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move {
                    let service = service_fn(|request| serve(shared.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Emulator { endpoint, state, serving }
    }

    /// Every request until now, as in `PUT /2017-10-31/functions/f/concurrency`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The next requests whose line holds a text fail.
    pub(crate) fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push(fault);
    }

    /// A function is being changed by somebody else, for so many looks at it.
    pub(crate) fn keep_busy(&self, function: &str, looks: u32) {
        self.state.lock().unwrap().functions.get_mut(function).unwrap().changing = looks;
    }

    /// Somebody else's function, without our tag.
    pub(crate) fn add_foreign(&self, function: &str) {
        self.state.lock().unwrap().functions.insert(function.to_owned(), Function::default());
    }

    /// What a function has.
    pub(crate) fn function<T>(&self, name: &str, look: impl FnOnce(&Function) -> T) -> T {
        look(&self.state.lock().unwrap().functions[name])
    }

    /// What a role allows.
    pub(crate) fn policy(&self, role: &str) -> Option<String> {
        self.state.lock().unwrap().roles.get(role)?.policy.clone()
    }

    pub(crate) fn left(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        state.functions.keys().chain(state.roles.keys()).chain(state.groups.keys()).cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left().is_empty()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Reply {
        Reply {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string().into_bytes(),
        }
    }

    pub(crate) fn empty(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn xml(status: u16, body: String) -> Reply {
        Reply { status, headers: vec![("content-type", "text/xml".to_owned())], body: body.into_bytes() }
    }
}

async fn serve(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    // `Credential=KEY/DATE/REGION/SERVICE/aws4_request`: without it, nobody is served.
    let scope: Vec<_> = header("authorization").split(['/', ',']).map(str::to_owned).collect();
    let service = if header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=")
        && scope.get(2).is_some_and(|region| !region.is_empty())
    {
        scope.get(3).cloned().unwrap_or_default()
    } else {
        String::new()
    };
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let action = form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone()).unwrap_or_default();
    let line = match service.as_str() {
        "iam" | "sts" => format!("POST /?Action={action}"),
        "logs" => format!("POST /?X-Amz-Target={}", header("x-amz-target")),
        _ if query.is_empty() => format!("{} {path}", parts.method),
        _ => format!("{} {path}?{query}", parts.method),
    };
    let mut state = state.lock().unwrap();
    state.calls.push(line.clone());
    let reply = if service.is_empty() {
        error("lambda", 403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    } else if let Some(fault) = state.fault(&line) {
        error(&service, fault.status, fault.code, fault.message)
    } else {
        let text = |name: &str| form.iter().find(|(is, _)| is == name).map(|(_, value)| value.clone());
        let json = || serde_json::from_slice::<Value>(&body).unwrap_or(Value::Null);
        let answered = match service.as_str() {
            "sts" => Ok(Reply::xml(
                200,
                format!(
                    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::{ACCOUNT}:user/tester</Arn><UserId>AID</UserId><Account>{ACCOUNT}</Account>\
                 </GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
                ),
            )),
            "iam" => state.iam(&action, &text, &form),
            "logs" => state.logs(header("x-amz-target").rsplit('.').next().unwrap_or_default(), &json()),
            "lambda" => state.lambda(parts.method.as_str(), &path, &query, &header, &body),
            _ => Err((400, "UnknownService", service.clone())),
        };
        answered.unwrap_or_else(|(status, code, message)| error(&service, status, code, &message))
    };
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    let has_id = response.headers().contains_key("x-amzn-requestid");
    if !has_id {
        response.headers_mut().insert("x-amzn-requestid", state.next_id().parse().unwrap());
    }
    Ok(response)
}

/// A service's error, each in its own way.
fn error(service: &str, status: u16, code: &str, message: &str) -> Reply {
    match service {
        "iam" | "sts" => Reply::xml(
            status,
            format!(
                "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            ),
        ),
        "logs" => Reply::json(status, &json!({ "__type": code, "message": message })),
        _ => {
            let mut reply = Reply::json(status, &json!({ "Type": "User", "Message": message, "message": message }));
            reply.headers.push(("x-amzn-errortype", code.to_owned()));
            reply
        }
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
