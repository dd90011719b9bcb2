//! How functions call each other.

use std::collections::BTreeMap;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};
use remote_platform::{Callee, Carried, InvokeWay, instance_environment};

use crate::platform::CloudRun;
use crate::{Access, Options};

/// Where the program is that carries calls, in images of the kind that has it.
const ROOT: &str = "/";

/// The plain way that the options name, if they do.
///
/// # Errors
/// When it can't be one.
pub(crate) fn plain(
    options: &Options,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<InvokeWay>, PlatformError> {
    let Some(url) = options.invoke_url.as_ref().filter(|_| options.nested_calls) else { return Ok(None) };
    if !url.starts_with("http://") || !url.contains("{name}") {
        return Err(PlatformError::Invalid(format!(
            "the option `invoke-url` is {url:?}; give an address without TLS as in http://10.0.0.2/{{name}}, or leave it out: \
             functions call each other at their services' own addresses then"
        )));
    }
    let authorization = match &options.invoke_authorization_variable {
        None => None,
        Some(name) => Some(variable(name).ok_or_else(|| {
            PlatformError::Invalid(format!("{name} is not set, which `invoke-authorization-variable` names"))
        })?),
    };
    Ok(Some(InvokeWay { url: url.clone(), authorization }))
}

/// Whether functions call services at their own addresses. The account that they run as is let in by each service, which takes
/// one that is named: the project's default one often may do much more.
pub(crate) fn is_carried(options: &Options) -> bool {
    let is_let_in = options.service_account.is_some() || options.access != Access::Private;
    options.nested_calls && options.invoke_url.is_none() && is_let_in
}

impl CloudRun {
    /// Whether functions can call each other.
    pub(crate) fn has_nested_calls(&self) -> bool {
        self.plain_way.is_some() || is_carried(&self.options)
    }

    /// The environment of a deployment's instances.
    pub(crate) fn environment(&self, spec: &DeploymentSpec) -> BTreeMap<String, String> {
        if !is_carried(&self.options) || spec.image.kind != ImageKind::OciWithCaller {
            return instance_environment(&self.connection, spec, self.plain_way.as_ref());
        }
        // The address that a service has in any case, before it is made too
        // (cloud.google.com/run/docs/triggering/https-request#deterministic); the instance knows its project's number.
        let url = format!("https://{{name}}-{{project-number}}.{}.run.app", self.region);
        let carried = Carried::new(ROOT, Callee::CloudRun { url: &url });
        let mut environment = instance_environment(&self.connection, spec, Some(&carried.invoke));
        environment.extend(carried.environment);
        environment
    }
}
