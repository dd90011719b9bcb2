//! How the installations of platforms that are elsewhere are reached.

use std::future::{Ready, ready};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use platform::{Platform, PlatformError};
use remote_platform::Connection;

type Connected = Result<Arc<dyn Platform>, PlatformError>;
type Connecting = BoxFuture<'static, Connected>;

/// A connector that waits for nothing.
fn at_once(connected: Connected) -> Connecting {
    let ready: Ready<Connected> = ready(connected);
    ready.boxed()
}

pub(super) fn function_project(connection: Connection) -> Connecting {
    at_once(fn_platform::connect(connection))
}

pub(super) fn kubernetes(connection: Connection) -> Connecting {
    kubernetes_platform::connect_kubernetes(connection).boxed()
}

pub(super) fn knative(connection: Connection) -> Connecting {
    kubernetes_platform::connect_knative(connection).boxed()
}

pub(super) fn fission(connection: Connection) -> Connecting {
    kubernetes_platform::connect_fission(connection).boxed()
}

pub(super) fn riff(connection: Connection) -> Connecting {
    kubernetes_platform::connect_riff(connection).boxed()
}

pub(super) fn openwhisk(connection: Connection) -> Connecting {
    at_once(openwhisk_platform::connect(connection))
}

pub(super) fn openfaas(connection: Connection) -> Connecting {
    at_once(openfaas_platform::connect(connection))
}

pub(super) fn nuclio(connection: Connection) -> Connecting {
    at_once(nuclio_platform::connect(connection))
}

pub(super) fn gestalt(connection: Connection) -> Connecting {
    at_once(gestalt_platform::connect(connection))
}

pub(super) fn azure(connection: Connection) -> Connecting {
    at_once(azure_platform::connect(connection))
}

pub(super) fn wasmtime_serve(connection: Connection) -> Connecting {
    at_once(component_hosts::connect_wasmtime_serve(connection))
}

pub(super) fn spin(connection: Connection) -> Connecting {
    at_once(component_hosts::connect_spin(connection))
}

pub(super) fn wasmcloud(connection: Connection) -> Connecting {
    at_once(component_hosts::connect_wasmcloud(connection))
}

pub(super) fn gcp(connection: Connection) -> Connecting {
    at_once(gcp_platform::connect(connection))
}

pub(super) fn lambda(connection: Connection) -> Connecting {
    lambda_platform::connect(connection).boxed()
}
