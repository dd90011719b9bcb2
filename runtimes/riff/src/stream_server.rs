//! The gRPC server: HTTP/2 without TLS.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use runtime::{MAXIMUM_EVENT_BYTES, Runtime, Shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;

use crate::streams::Invoke;

/// Connections at the same time: an adapter or a processor holds one.
const CONNECTIONS: usize = 64;
/// Streams at the same time on one connection.
const STREAMS: u32 = 256;

/// Serves `streaming.Riff/Invoke` until the shutdown; what was begun then has the grace to finish. Returns whether all of it
/// was.
pub async fn serve_streams(runtime: Arc<Runtime>, shutdown: Shutdown, listener: TcpListener) -> bool {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let accept = async {
        loop {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (runtime, shutdown) = (runtime.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        connection(stream, runtime, shutdown).await;
                        drop(place);
                    });
                }
                // No more files: that changes when others close, not by trying at once.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::select! {
        () = shutdown.requested() => {}
        () = accept => {}
    }
    drop(listener);
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    timeout(shutdown.grace(), places.acquire_many(all)).await.is_ok()
}

async fn connection(stream: TcpStream, runtime: Arc<Runtime>, shutdown: Shutdown) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let runtime = runtime.clone();
        async move { Ok::<_, Infallible>(respond(runtime, request).await) }
    });
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
    builder.keep_alive_interval(Duration::from_secs(60)).keep_alive_timeout(Duration::from_secs(20));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // Its error is the client's: there is nobody to tell.
        _ = &mut serving => return,
        () = shutdown.requested() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn respond(runtime: Arc<Runtime>, request: hyper::Request<Incoming>) -> hyper::Response<tonic::body::Body> {
    if request.uri().path() != "/streaming.Riff/Invoke" {
        return Status::unimplemented("the only method is streaming.Riff/Invoke").into_http();
    }
    // Around the event stand a few names and headers.
    let most = MAXIMUM_EVENT_BYTES + (64 << 10);
    let mut server = Grpc::new(ProstCodec::default()).max_decoding_message_size(most);
    server.streaming(Invoke(runtime), request).await
}

#[cfg(test)]
#[path = "stream_tests.rs"]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
