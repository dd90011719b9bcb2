//! What the cluster itself measures, with metrics-server.

use hyper::Method;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use platform::{DeploymentId, PlatformError, ProviderMetric};
use serde_json::Value;

use crate::cluster::{Ask, Cluster};
use crate::mark::DEPLOYMENT_LABEL;
use crate::object::Kind;

const POD_METRICS: Kind = Kind {
    word: "pod-metrics",
    api_version: "metrics.k8s.io/v1beta1",
    kind: "PodMetrics",
    plural: "pods",
    product: Some("metrics-server"),
    has_pods: false,
};

impl Cluster {
    /// Processors and memory of each container of a deployment's pods, as metrics-server last saw them.
    pub(crate) async fn metrics(&self, id: &DeploymentId) -> Result<Vec<ProviderMetric>, PlatformError> {
        let path =
            format!("{}?labelSelector={DEPLOYMENT_LABEL}%3D{id}", POD_METRICS.collection(Some(self.namespace())));
        let ask = Ask::new("reading what metrics-server measured", Method::GET, path).of(&POD_METRICS);
        let list: Value = self.read(&ask).await?.unwrap_or_default();
        let mut metrics = Vec::new();
        for pod in list["items"].as_array().into_iter().flatten() {
            let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
            for container in pod["containers"].as_array().into_iter().flatten() {
                let container_name = container["name"].as_str().unwrap_or_default();
                for (name, unit) in [("cpu", "processors"), ("memory", "bytes")] {
                    let value = container["usage"][name].as_str().and_then(|text| number(&Quantity(text.to_owned())));
                    metrics.extend(value.map(|value| ProviderMetric {
                        name: format!("{pod_name}/{container_name}/{name}"),
                        value,
                        unit: unit.to_owned(),
                    }));
                }
            }
        }
        Ok(metrics)
    }
}

/// A quantity of Kubernetes as a number; `None` when it is none.
fn number(quantity: &Quantity) -> Option<f64> {
    let text = quantity.0.trim();
    let digits = text.find(|other: char| !matches!(other, '0'..='9' | '.' | '-' | '+')).unwrap_or(text.len());
    let (value, suffix) = text.split_at(digits);
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return text.parse().ok(),
    };
    Some(value.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read() {
        let of = |text: &str| number(&Quantity(text.to_owned()));
        assert_eq!(of("250m"), Some(0.25));
        assert_eq!(of("10Mi"), Some(10_485_760.0));
        assert_eq!(of("1e3"), Some(1000.0));
        assert!(of("12345678n").is_some_and(|value| (value - 0.012_345_678).abs() < 1e-12));
        assert_eq!(of("many"), None);
    }
}
