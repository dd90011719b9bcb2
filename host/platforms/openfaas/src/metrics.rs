//! What the gateway measures of a function.

use platform::{PlatformError, ProviderMetric};

use crate::gateway::{Gateway, PLATFORM};

/// What is there of it; what the installation does not measure is left out.
pub(crate) async fn read(gateway: &Gateway, name: &str) -> Result<Vec<ProviderMetric>, PlatformError> {
    let status = gateway
        .find_with_usage(name)
        .await?
        .ok_or_else(|| PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.to_owned() })?;
    let metric =
        |name: &str, value: f64, unit: &str| ProviderMetric { name: name.to_owned(), value, unit: unit.to_owned() };
    let mut metrics = vec![
        metric("replicas", status.replicas.into(), "instances"),
        metric("availableReplicas", status.available_replicas.into(), "instances"),
    ];
    if let Some(usage) = status.usage {
        metrics.push(metric("usage.cpu", usage.cpu, "thousandths of a processor"));
        metrics.push(metric("usage.totalMemoryBytes", usage.total_memory_bytes, "bytes"));
    }
    // The community edition counts in Prometheus and tells it in the list only.
    let count = match status.invocation_count {
        Some(count) => Some(count),
        None => {
            let all = gateway.list().await.unwrap_or_default();
            all.into_iter().find(|function| function.name == name).and_then(|function| function.invocation_count)
        }
    };
    if let Some(count) = count {
        metrics.push(metric("invocationCount", count, "invocations"));
    }
    Ok(metrics)
}
