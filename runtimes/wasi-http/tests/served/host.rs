//! What serves an image in these tests.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use image_build::{HttpEnvironment, compose_http};

use crate::proxy::Proxy;
use crate::wasmtime_serve::WasmtimeServe;

/// A host with one image.
pub(crate) trait Host {
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// What the image wrote to its standard error so far.
    fn stderr(&self) -> String;
}

/// Which host to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In this process: it offers exactly `wasi:http/proxy`.
    Proxy,
    /// The program `wasmtime serve`.
    WasmtimeServe,
}

impl Kind {
    /// Those that there are on this machine.
    pub(crate) fn all() -> Vec<Kind> {
        let mut kinds = vec![Kind::Proxy];
        if WasmtimeServe::program().is_some() {
            kinds.push(Kind::WasmtimeServe);
        }
        kinds
    }

    /// Serves a function with fixed variables.
    pub(crate) fn serve(self, function: &str, variables: &[(&str, &str)]) -> Box<dyn Host> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let image = image(function, &HttpEnvironment::Fixed(variables));
        match self {
            Kind::Proxy => Box::new(Proxy::start(&image, None)),
            Kind::WasmtimeServe => Box::new(WasmtimeServe::start(&image, None)),
        }
    }

    /// Serves a function with an environment of the host.
    pub(crate) fn serve_with_environment(self, function: &str, variables: &[(&str, &str)]) -> Box<dyn Host> {
        let image = image(function, &HttpEnvironment::OfHost);
        match self {
            Kind::Proxy => Box::new(Proxy::start(&image, Some(variables))),
            Kind::WasmtimeServe => Box::new(WasmtimeServe::start(&image, Some(variables))),
        }
    }
}

/// A function's image.
pub(crate) fn image(function: &str, environment: &HttpEnvironment) -> Vec<u8> {
    compose_http(function, artifacts::component(function).unwrap(), environment).unwrap()
}

/// Without any variables.
pub(crate) fn strict() -> HttpEnvironment {
    HttpEnvironment::Fixed(BTreeMap::new())
}
