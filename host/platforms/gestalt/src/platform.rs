//! The platform itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;
use platform::{
    Answer, CallId, Capabilities, ColdStart, Deployment, DeploymentSpec, Found, Invocation, Ledger, PlannedRequest,
    Platform, PlatformError, Reached, Resource, Scale, Status,
};
use remote_platform::{Api as Http, ApiRequest, Connection, InvokeWay, Method};

use crate::token::{PLATFORM, Security};
use crate::{Api, Options, check};

/// One installation of Gestalt.
pub(crate) struct Gestalt {
    pub(crate) connection: Connection,
    pub(crate) options: Options,
    /// Where lambdas are made.
    pub(crate) api: Http,
    /// Where they are called.
    pub(crate) laser: Http,
    pub(crate) security: Option<Security>,
}

/// The Gestalt of a target. Asks it nothing yet.
///
/// # Errors
/// When the options or an address can't be used, or Meta's user is not named.
pub fn connect(connection: Connection) -> Result<Arc<dyn Platform>, PlatformError> {
    connect_with(connection, &|name| std::env::var(name).ok())
}

/// The same with an environment of the caller's own.
///
/// # Errors
/// When the options or an address can't be used, or Meta's user is not named.
pub fn connect_with(
    connection: Connection,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Platform>, PlatformError> {
    let options: Options = connection.options()?;
    check::options(&options)?;
    let needed = |key: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| {
            PlatformError::Invalid(format!(
                "the target `{}` does not say where Gestalt is; set `{key}`",
                connection.target
            ))
        })
    };
    let api = Http::new(PLATFORM, &needed("endpoint", &connection.endpoint)?, None)?;
    let (laser, security) = match options.api {
        Api::Laser => (api.clone(), None),
        Api::Meta => {
            let laser = Http::new(PLATFORM, &needed("laser-endpoint", &options.laser_endpoint)?, None)?;
            let issuer = Http::new(PLATFORM, &needed("security-endpoint", &options.security_endpoint)?, None)?;
            let variable = |name: &str| {
                variables(name).filter(|value| !value.is_empty()).ok_or_else(|| PlatformError::Denied {
                    platform: PLATFORM.to_owned(),
                    reason: "Meta's user is not known".to_owned(),
                    advice: format!("set {} and {}", options.user_variable, options.password_variable),
                })
            };
            let user = variable(&options.user_variable)?;
            let password = variable(&options.password_variable)?;
            (laser, Some(Security::new(issuer, user, password)))
        }
    };
    Ok(Arc::new(Gestalt { connection, options, api, laser, security }))
}

impl Gestalt {
    pub(crate) fn invoke_way(&self) -> Option<InvokeWay> {
        self.options.invoke_url.clone().map(|url| InvokeWay { url, authorization: None })
    }

    pub(crate) fn failed(&self, doing: &str, reason: &str) -> PlatformError {
        PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason: reason.to_owned() }
    }
}

#[async_trait]
impl Platform for Gestalt {
    fn name(&self) -> &str {
        PLATFORM
    }

    fn target(&self) -> &str {
        &self.connection.target
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            asynchronous: true,
            // A process for each call; what is warm is the executor that starts it.
            cold_start: ColdStart::Always,
            scale: true,
            keep_alive: false,
            memory_limit: true,
            cpu_limit: true,
            concurrency: false,
            logs: false,
            metrics: false,
            billing: false,
            // Laser's own API sets no variables, so functions could not be told where to call.
            nested_calls: self.options.invoke_url.is_some() && self.options.api == Api::Meta,
            local_processes: false,
        }
    }

    fn repeated_requests(&self) -> Option<u64> {
        Some(self.api.repeated())
    }

    fn image_kind(&self) -> ImageKind {
        ImageKind::GestaltZip
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        let request = ApiRequest::new("asking Laser whether it is well", Method::GET, "/health");
        self.laser.ask(&request, &[]).await?;
        self.all().await?;
        let way = match self.options.api {
            Api::Meta => "Meta",
            Api::Laser => "Laser",
        };
        let remarks = vec!["Gestalt is dead upstream: this was never tried against a live one".to_owned()];
        Ok(Reached { version: format!("Gestalt, through {way}"), remarks })
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.create_or_update(spec, ledger).await
    }

    fn requests(&self, spec: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        self.planned(spec)
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.wait_for_function(deployment, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.call(deployment, invocation).await
    }

    async fn invoke_async(&self, deployment: &Deployment, invocation: &Invocation) -> Result<CallId, PlatformError> {
        self.call_without_waiting(deployment, invocation).await
    }

    async fn take_result(&self, _: &Deployment, call: &CallId) -> Result<Option<Answer>, PlatformError> {
        self.result_of(call).await
    }

    async fn force_cold(&self, deployment: &Deployment) -> Result<(), PlatformError> {
        self.end_executors(deployment).await
    }

    async fn scale(&self, deployment: &Deployment, scale: &Scale) -> Result<(), PlatformError> {
        self.change_scale(deployment, scale).await
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        self.status_of(deployment).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.remove_one(resource).await
    }

    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        self.marked().await
    }
}
