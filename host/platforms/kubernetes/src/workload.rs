//! The container that a deployment's instances run, the same on every platform.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvFromSource, EnvVar, EnvVarSource, LocalObjectReference, ObjectFieldSelector,
    SecretEnvSource,
};
use platform::{DeploymentSpec, PlatformError};

use crate::mark::REVISION_VARIABLE;
use crate::options::PullPolicy;
use crate::quantity;

/// The port that functions listen on.
pub(crate) const PORT: i32 = 8080;

/// What runs.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    /// The image's name with its digest.
    pub(crate) image: String,
    pub(crate) pull_policy: PullPolicy,
    pub(crate) pull_secret: Option<String>,
    /// Variables that may be seen.
    pub(crate) variables: BTreeMap<String, String>,
    /// The Secret with the others.
    pub(crate) secret: Option<String>,
    /// Tells these instances from those of before.
    pub(crate) revision: String,
    /// No instance is started before the first call, where the platform can do that.
    pub(crate) starts_empty: bool,
}

impl Workload {
    /// The container. With `knows_its_pod` its identity is the pod's name.
    ///
    /// # Errors
    /// For limits that can't be.
    pub(crate) fn container(
        &self,
        name: &str,
        port_name: &str,
        spec: &DeploymentSpec,
        knows_its_pod: bool,
    ) -> Result<Container, PlatformError> {
        let mut variables: Vec<EnvVar> =
            self.variables.iter().map(|(name, value)| variable(name, &literal(value))).collect();
        variables.push(variable(REVISION_VARIABLE, &self.revision));
        if knows_its_pod {
            let field = ObjectFieldSelector { field_path: "metadata.name".to_owned(), ..Default::default() };
            variables.push(EnvVar {
                name: "FAASBENCH_INSTANCE_ID".to_owned(),
                value_from: Some(EnvVarSource { field_ref: Some(field), ..Default::default() }),
                ..Default::default()
            });
        }
        let secret = self.secret.as_ref().map(|name| {
            vec![EnvFromSource {
                secret_ref: Some(SecretEnvSource { name: name.clone(), ..Default::default() }),
                ..Default::default()
            }]
        });
        Ok(Container {
            name: name.to_owned(),
            image: Some(self.image.clone()),
            image_pull_policy: Some(self.pull_policy.name().to_owned()),
            env: Some(variables),
            env_from: secret,
            ports: Some(vec![ContainerPort {
                name: Some(port_name.to_owned()),
                container_port: PORT,
                protocol: Some("TCP".to_owned()),
                ..Default::default()
            }]),
            resources: quantity::resources(&spec.limits)?,
            ..Default::default()
        })
    }

    /// The Secrets that images are pulled with.
    pub(crate) fn pull_secrets(&self) -> Option<Vec<LocalObjectReference>> {
        self.pull_secret.as_ref().map(|name| vec![LocalObjectReference { name: name.clone() }])
    }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..Default::default() }
}

/// A value that Kubernetes hands on as it is: it would put other variables in place of `$(NAME)`, and takes `$$` for `$`.
fn literal(value: &str) -> String {
    value.replace('$', "$$")
}

/// Refuses variables that Kubernetes does not take, or that the platform sets itself.
///
/// # Errors
/// Which one, and why.
pub(crate) fn check_variables(spec: &DeploymentSpec) -> Result<(), PlatformError> {
    for name in spec.environment.keys() {
        let is_first = |first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '-' | '.');
        let is_name = name.chars().next().is_some_and(is_first)
            && name.chars().all(|other| is_first(other) || other.is_ascii_digit());
        if !is_name {
            return Err(PlatformError::Invalid(format!(
                "Kubernetes takes no variable {name:?}: letters, digits, `_`, `-` and `.`, and no digit at its beginning"
            )));
        }
        if matches!(name.as_str(), "PORT" | "K_SERVICE" | "K_CONFIGURATION" | "K_REVISION" | REVISION_VARIABLE) {
            return Err(PlatformError::Invalid(format!("the variable {name} is set by the platform; leave it out")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_stay_dollars() {
        // What Kubernetes makes of it again: `$$` is `$`.
        assert_eq!(literal("a$(HOME)$$b$").replace("$$", "$"), "a$(HOME)$$b$");
    }
}
