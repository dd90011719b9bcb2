//! The catalogue of platforms: one entry each.

use image_build::ImageKind;
use thiserror::Error;

use super::connectors;
use super::drivers::{self, MakeDriver};
use super::remote::Connect;

/// A platform that functions can be deployed to.
#[derive(Debug)]
pub struct PlatformKind {
    /// Its name in flags, the configuration and results.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The kind of image that it takes.
    pub image: ImageKind,
    /// Whether its instances are on this machine.
    pub on_this_machine: bool,
    /// Makes what starts single instances, for a platform of this machine.
    pub driver: Option<MakeDriver>,
    /// Reaches an installation, for a platform that is elsewhere or has a server of its own.
    pub connect: Option<Connect>,
}

/// All platforms, in the order of lists and reports.
pub static CATALOGUE: &[PlatformKind] = &[
    PlatformKind {
        name: "wasm",
        summary: "WASM components in wasmtime, a pool of instances in one server process",
        image: ImageKind::Component,
        on_this_machine: true,
        driver: Some(drivers::wasm),
        connect: None,
    },
    PlatformKind {
        name: "process",
        summary: "native images, an instance is a process of this machine behind a unix socket",
        image: ImageKind::Binary,
        on_this_machine: true,
        driver: Some(drivers::process),
        connect: None,
    },
    PlatformKind {
        name: "container",
        summary: "native images from scratch in Docker or Podman, an instance is a container",
        image: ImageKind::Oci,
        on_this_machine: true,
        driver: Some(drivers::container),
        connect: None,
    },
    PlatformKind {
        name: "openfaas",
        summary: "OpenFaaS through its gateway: faasd, or on Kubernetes",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::openfaas),
    },
    PlatformKind {
        name: "knative",
        summary: "Knative Serving on a Kubernetes cluster",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::knative),
    },
    PlatformKind {
        name: "fn",
        summary: "Fn: functions of images on an agent of containers, through its API",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::function_project),
    },
    PlatformKind {
        name: "openwhisk",
        summary: "Apache OpenWhisk: actions of an archive or an image, through its API",
        image: ImageKind::OpenWhiskZip,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::openwhisk),
    },
    PlatformKind {
        name: "nuclio",
        summary: "Nuclio through its dashboard",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::nuclio),
    },
    PlatformKind {
        name: "riff",
        summary: "Riff on a Kubernetes cluster; dead upstream",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::riff),
    },
    PlatformKind {
        name: "gestalt",
        summary: "Gestalt through Meta or Laser; dead upstream",
        image: ImageKind::GestaltZip,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::gestalt),
    },
    PlatformKind {
        name: "kubernetes",
        summary: "a plain Deployment and Service on a Kubernetes cluster: what there is without FaaS",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::kubernetes),
    },
    PlatformKind {
        name: "fission",
        summary: "Fission on a Kubernetes cluster, its executor of containers",
        image: ImageKind::Oci,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::fission),
    },
    PlatformKind {
        name: "lambda",
        summary: "AWS Lambda, through AWS's interface and its credentials here",
        image: ImageKind::LambdaZip,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::lambda),
    },
    PlatformKind {
        name: "azure",
        summary: "Azure Functions with a custom handler, through Azure's resource manager",
        image: ImageKind::AzureZip,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::azure),
    },
    PlatformKind {
        name: "gcp",
        summary: "Google Cloud Run, through Google's interface and credentials",
        image: ImageKind::OciWithCaller,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::gcp),
    },
    PlatformKind {
        name: "wasmtime-serve",
        summary: "wasmtime serve, a process of this machine for each deployment",
        image: ImageKind::HttpComponent,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::wasmtime_serve),
    },
    PlatformKind {
        name: "spin",
        summary: "Spin, a process of this machine for each deployment",
        image: ImageKind::SpinApplication,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::spin),
    },
    PlatformKind {
        name: "wasmcloud",
        summary: "wasmCloud hosts, over NATS",
        image: ImageKind::HttpComponent,
        on_this_machine: false,
        driver: None,
        connect: Some(connectors::wasmcloud),
    },
];

/// A name that no platform has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no platform `{name}`; the platforms are {}", names())]
pub struct UnknownPlatform {
    name: String,
}

/// The names of all platforms, for a message.
pub fn names() -> String {
    CATALOGUE.iter().map(|platform| platform.name).collect::<Vec<_>>().join(", ")
}

/// The platform of that name.
///
/// # Errors
/// When there is none; the error lists those that there are.
pub fn find(name: &str) -> Result<&'static PlatformKind, UnknownPlatform> {
    CATALOGUE.iter().find(|platform| platform.name == name).ok_or_else(|| UnknownPlatform { name: name.to_owned() })
}
