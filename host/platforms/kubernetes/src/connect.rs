//! From a configuration to a platform.

use std::sync::Arc;

use platform::{Platform, PlatformError};
use remote_platform::Connection;

use crate::cluster::Cluster;
use crate::flavours::{Fission, Flavour, Knative, Plain, Riff};
use crate::options::{ClusterOptions, FissionOptions, KnativeOptions, KubernetesOptions, RiffOptions};
use crate::platform_on_cluster::PlatformOnCluster;

/// A plain Deployment and Service, options [`KubernetesOptions`]. Reads the kubeconfig and makes no request.
///
/// # Errors
/// When the options or the kubeconfig can't be used.
pub async fn connect_kubernetes(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: KubernetesOptions = connection.options()?;
    let flavour = Plain::new(&options, connection.endpoint.as_deref())?;
    connect(connection, options.cluster(), flavour).await
}

/// Knative Serving, options [`KnativeOptions`]. Reads the kubeconfig and makes no request.
///
/// # Errors
/// When the options or the kubeconfig can't be used.
pub async fn connect_knative(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: KnativeOptions = connection.options()?;
    let flavour = Knative::new(&options, connection.endpoint.as_deref())?;
    connect(connection, options.cluster(), flavour).await
}

/// Fission's container executor, options [`FissionOptions`]. Reads the kubeconfig and makes no request.
///
/// # Errors
/// When the options or the kubeconfig can't be used.
pub async fn connect_fission(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: FissionOptions = connection.options()?;
    let flavour = Fission::new(&options, connection.endpoint.as_deref())?;
    connect(connection, options.cluster(), flavour).await
}

/// Riff's core or Knative runtime, options [`RiffOptions`]. Reads the kubeconfig and makes no request.
///
/// # Errors
/// When the options or the kubeconfig can't be used.
pub async fn connect_riff(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: RiffOptions = connection.options()?;
    let flavour = Riff::new(&options, connection.endpoint.as_deref())?;
    connect(connection, options.cluster(), flavour).await
}

async fn connect(
    connection: Connection,
    options: ClusterOptions,
    flavour: impl Flavour + 'static,
) -> Result<Arc<dyn Platform>, PlatformError> {
    let cluster = Cluster::of(flavour.name(), &options).await?;
    Ok(Arc::new(PlatformOnCluster::new(connection, options, cluster, Box::new(flavour))))
}
