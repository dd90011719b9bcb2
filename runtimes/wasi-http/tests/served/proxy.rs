//! A host in this process that offers exactly `wasi:http/proxy`, and an environment where one is asked for. It makes an
//! instance for each request.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, OptLevel, Store};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::host::Host;

/// More than any test writes.
const STDERR_BYTES: usize = 1 << 20;

/// A host that serves.
pub(crate) struct Proxy {
    address: SocketAddr,
    stderr: MemoryOutputPipe,
    runtime: Option<Runtime>,
}

struct Served {
    pre: ProxyPre<State>,
    variables: Vec<(String, String)>,
    stderr: MemoryOutputPipe,
}

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: Default::default() }
    }
}

impl Proxy {
    /// Serves an image; with variables the host offers an environment too.
    pub(crate) fn start(image: &[u8], variables: Option<&[(&str, &str)]>) -> Proxy {
        let engine = Engine::new(Config::new().cranelift_opt_level(OptLevel::None)).unwrap();
        let component = Component::from_binary(&engine, image).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi_http::p2::add_to_linker_async(&mut linker).unwrap();
        if variables.is_some() {
            let environment = wasmtime_wasi::p2::bindings::cli::environment::add_to_linker::<State, WasiCli>;
            environment(&mut linker, State::cli).unwrap();
        }
        let pre = ProxyPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
        let stderr = MemoryOutputPipe::new(STDERR_BYTES);
        let variables = variables.unwrap_or_default();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let served = Arc::new(Served { pre, variables, stderr: stderr.clone() });

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = served.clone();
                let service = service_fn(move |request| {
                    let served = served.clone();
                    async move { served.handle(request).await }
                });
                tokio::spawn(async move {
                    // Clients that end early are part of the tests.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Proxy { address, stderr, runtime: Some(runtime) }
    }
}

impl Served {
    async fn handle(
        &self,
        request: hyper::Request<hyper::body::Incoming>,
    ) -> wasmtime::Result<hyper::Response<HyperOutgoingBody>> {
        let wasi = WasiCtx::builder().envs(&self.variables).stderr(self.stderr.clone()).build();
        let state = State { wasi, http: WasiHttpCtx::new(), table: ResourceTable::new() };
        let mut store = Store::new(self.pre.engine(), state);
        let (sender, receiver) = oneshot::channel();
        let request = store.data_mut().http().new_incoming_request(Scheme::Http, request)?;
        let out = store.data_mut().http().new_response_outparam(sender)?;
        let pre = self.pre.clone();
        let task = tokio::spawn(async move {
            let proxy = pre.instantiate_async(&mut store).await?;
            proxy.wasi_http_incoming_handler().call_handle(store, request, out).await
        });
        match receiver.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(task.await.map_err(wasmtime::Error::from).flatten().err().unwrap()),
        }
    }
}

impl Host for Proxy {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.contents()).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
