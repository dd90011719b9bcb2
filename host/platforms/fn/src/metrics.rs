//! What the server measures by itself.

use std::collections::BTreeMap;

use platform::{PlatformError, ProviderMetric};
use remote_platform::{ApiRequest, Method, Sample, samples};

use crate::api::FnApi;

/// The number of calls that containers have served. That of starts counts those too whose image could not be pulled.
const SERVED: &str = "fn_container_busy_duration_seconds_count";

impl FnApi {
    /// All series of the server; `None` where it shows none.
    async fn series(&self) -> Result<Option<Vec<Sample>>, PlatformError> {
        let request = ApiRequest::new("reading Fn's metrics", Method::GET, "/metrics");
        let response = self.api.ask(&request, &[404]).await?;
        if response.status.as_u16() == 404 {
            return Ok(None);
        }
        Ok(Some(samples(&String::from_utf8_lossy(&response.body))))
    }

    /// What it measured of a function, of all its images together; `None` where it shows nothing.
    pub(crate) async fn metrics(&self, function: &str) -> Result<Option<Vec<ProviderMetric>>, PlatformError> {
        Ok(self.series().await?.map(|series| of_function(&series, function)))
    }

    /// How many calls of a function the containers of each image have served; `None` where it does not tell.
    pub(crate) async fn served(&self, function: &str) -> Option<BTreeMap<String, u64>> {
        let series = self.series().await.ok()??;
        let mut served = BTreeMap::new();
        for sample in series.iter().filter(|sample| sample.name == SERVED && is_of(sample, function)) {
            // A counter: whole, and far below 2^53.
            *served.entry(sample.label("image_name")?.to_owned()).or_insert(0) += sample.value as u64;
        }
        (!served.is_empty()).then_some(served)
    }
}

fn is_of(sample: &Sample, function: &str) -> bool {
    sample.label("fn_id") == Some(function)
}

fn of_function(series: &[Sample], function: &str) -> Vec<ProviderMetric> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in series.iter().filter(|sample| is_of(sample, function) && !sample.name.ends_with("_bucket")) {
        *sums.entry(&sample.name).or_insert(0.0) += sample.value;
    }
    sums.into_iter().map(|(name, value)| ProviderMetric { name: name.to_owned(), value, unit: unit(name) }).collect()
}

/// The unit of a series. Durations are milliseconds, whatever their names say: `api/agent/stats.go`.
fn unit(name: &str) -> String {
    if name.ends_with("_duration_seconds_sum") || name.ends_with("_latency_sum") { "ms" } else { "1" }.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TEXT: &str = r#"
# TYPE fn_container_start_duration_seconds histogram
fn_container_start_duration_seconds_bucket{app_id="a",fn_id="f",image_name="i:1",le="1"} 0
fn_container_start_duration_seconds_sum{app_id="a",fn_id="f",image_name="i:1"} 400
fn_container_start_duration_seconds_count{app_id="a",fn_id="f",image_name="i:1"} 1
fn_container_start_duration_seconds_sum{app_id="a",fn_id="f",image_name="i:2"} 350
fn_container_start_duration_seconds_count{app_id="a",fn_id="f",image_name="i:2"} 1
fn_container_start_duration_seconds_count{app_id="a",fn_id="other",image_name="i:2"} 9
fn_calls 77
"#;

    #[test]
    fn a_functions_series_are_summed_over_its_images_and_have_their_true_unit() {
        let metrics = of_function(&samples(TEXT), "f");
        let of = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap();
        assert_eq!(metrics.len(), 2);
        let sum = of("fn_container_start_duration_seconds_sum");
        assert_eq!((sum.value, sum.unit.as_str()), (750.0, "ms"));
        assert_eq!(of("fn_container_start_duration_seconds_count").value, 2.0);
    }
}
