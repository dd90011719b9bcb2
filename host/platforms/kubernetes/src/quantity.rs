//! Quantities of Kubernetes.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use platform::{Limits, PlatformError};

/// The limits of a container; `None` when there are none. Requests are left out: Kubernetes takes them to be the limits.
///
/// # Errors
/// For a limit that a container can't have.
pub(crate) fn resources(limits: &Limits) -> Result<Option<ResourceRequirements>, PlatformError> {
    let mut quantities = BTreeMap::new();
    if let Some(cpus) = limits.cpus {
        quantities.insert("cpu".to_owned(), Quantity(cpu(cpus)?));
    }
    if let Some(bytes) = limits.memory_bytes {
        // The least that container runtimes start anything with.
        if bytes < 4 << 20 {
            return Err(PlatformError::Invalid(format!(
                "{bytes} bytes of memory start no container; give at least 4 MiB"
            )));
        }
        quantities.insert("memory".to_owned(), Quantity(bytes.to_string()));
    }
    if let Some(bytes) = limits.scratch_bytes {
        quantities.insert("ephemeral-storage".to_owned(), Quantity(bytes.to_string()));
    }
    Ok((!quantities.is_empty()).then(|| ResourceRequirements { limits: Some(quantities), ..Default::default() }))
}

/// Processors, to the thousandth: `500m`.
fn cpu(cpus: f64) -> Result<String, PlatformError> {
    let thousandths = (cpus * 1000.0).round();
    if !(1.0..=1_000_000.0).contains(&thousandths) {
        return Err(PlatformError::Invalid(format!("{cpus} processors can't be given; from 0.001 to 1000 can")));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 to 1,000,000")]
    let thousandths = thousandths as u32;
    Ok(format!("{thousandths}m"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn limits_become_quantities() {
        let limits =
            Limits { cpus: Some(0.5), memory_bytes: Some(128 << 20), scratch_bytes: Some(1000), ..Limits::default() };
        let resources = serde_json::to_value(resources(&limits).unwrap().unwrap()).unwrap();
        let expected = serde_json::json!({"cpu": "500m", "memory": "134217728", "ephemeral-storage": "1000"});
        assert_eq!(resources["limits"], expected);
    }

    #[test]
    fn what_no_container_can_have_is_refused() {
        for cpus in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.0001] {
            assert!(cpu(cpus).is_err(), "{cpus}");
        }
        assert!(resources(&Limits { memory_bytes: Some(1), ..Limits::default() }).is_err());
        assert_eq!(resources(&Limits::default()).unwrap(), None);
    }
}
