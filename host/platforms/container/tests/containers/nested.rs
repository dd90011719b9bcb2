//! Functions in containers call each other through the socket of the others.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use local_platform::{Instance, Prepared};
use platform::Invocation;
use serde_json::{Value, json};
use tokio::net::UnixListener;

use crate::engines::{Engine, on_both};
use crate::scene::{LONG, Scene, answer, invoke};

on_both!(nested_calls_one_after_another_and_at_once);

async fn nested_calls_one_after_another_and_at_once(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "function1", |spec| spec.scale.concurrency = Some(4)).await else { return };
    let others = Others::default();
    serve(&scene.surroundings.others_socket, others.clone());
    let start = async |prepared: Arc<dyn Prepared>| prepared.start(scene.request()).await.unwrap();
    let first = scene.start().await;
    let second = start(scene.another("function2").await).await;
    let third = start(scene.another("function3").await).await;
    others.lock().unwrap().extend([("function2", second.clone()), ("function3", third.clone())]);
    for parallel in [false, true] {
        let leaf = json!({"function_name": "x-function3", "invoke_payload": {"sleep": 0.05}});
        let branch = json!({"function_name": "function2", "invoke_payload": {"invoke_nested": [leaf, leaf], "parallel": parallel}});
        let event = json!({"invoke_nested": [branch, leaf], "parallel": parallel});
        let body = answer(&invoke(&*first, &event, LONG).await);
        let records = body["records"].as_object().unwrap();
        let mut names: Vec<_> = records.values().map(|record| record["function_name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["function1", "function2", "function3", "function3", "function3"], "{body}");
        assert!(records.values().all(|record| record["error"].is_null()), "{body}");
        let served_by = |name: &str| {
            let record = records.values().find(|record| record["function_name"] == name).unwrap();
            record["instance_identifier"].as_str().unwrap().to_owned()
        };
        assert_eq!(served_by("function2"), second.id());
        assert_eq!(served_by("function3"), third.id());
    }
    // Somebody who is not there is a record with an error, not a failure.
    let event = json!({"invoke_nested": [{"function_name": "nobody", "invoke_payload": {}}]});
    let body = answer(&invoke(&*first, &event, LONG).await);
    let failed = body["records"].as_object().unwrap().values().filter(|record| !record["error"].is_null()).count();
    assert_eq!(failed, 1, "{body}");
    for instance in [first, second, third] {
        instance.stop().await;
    }
    scene.end().await;
}

/// Who can be called.
type Others = Arc<Mutex<HashMap<&'static str, Arc<dyn Instance>>>>;

/// Serves `POST /function/NAME` there, as a platform does.
fn serve(socket: &Path, others: Others) {
    std::fs::remove_file(socket).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let others = others.clone();
            let service = service_fn(move |request| {
                let others = others.clone();
                async move { Ok::<_, Infallible>(call(&others, request).await) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

async fn call(others: &Others, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let name = request.uri().path().trim_start_matches("/function/").to_owned();
    let event = request.into_body().collect().await.unwrap().to_bytes();
    let other = others.lock().unwrap().get(name.as_str()).cloned();
    let (status, body) = match other {
        Some(instance) => {
            let served = instance.invoke(&Invocation::new(event), Instant::now() + LONG).await;
            (served.status, served.body)
        }
        None => {
            let error: Value = json!({"error": {"type": "not-found", "message": "nobody of that name"}});
            (404, error.to_string().into())
        }
    };
    Response::builder().status(status).body(Full::new(body)).unwrap()
}
