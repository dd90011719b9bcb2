//! The interface of a platform.

use std::time::Duration;

use async_trait::async_trait;
use image_kind::ImageKind;

use crate::{
    Allowed, Answer, Billing, CallId, Capabilities, Deployment, DeploymentSpec, Found, HttpCall, Invocation, Ledger,
    LogLine, PlannedRequest, PlatformError, ProviderMetric, Reached, Resource, Scale, Status,
};

/// A place that runs images.
#[async_trait]
pub trait Platform: Send + Sync {
    /// The platform's name: `wasm`, `openfaas`.
    fn name(&self) -> &str;

    /// The named installation; the platform's name where it has no other.
    fn target(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Memory sizes that instances can have, bytes, where memory can be limited.
    fn memory_bytes_allowed(&self) -> Allowed {
        Allowed::Any
    }

    /// Shares of processors that instances can have, where they can be limited.
    fn cpus_allowed(&self) -> Allowed {
        Allowed::Any
    }

    /// The kind of image that it takes.
    fn image_kind(&self) -> ImageKind;

    /// Asks whether it is there and lets us work.
    ///
    /// # Errors
    /// Why not, and what to do.
    async fn reach(&self) -> Result<Reached, PlatformError>;

    /// Creates or updates a deployment. Every thing that it creates is in the ledger before it exists. Returns when the
    /// platform has accepted it; see [`Platform::wait_until_ready`].
    ///
    /// # Errors
    /// When it could not be made; what was made of it is in the ledger.
    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError>;

    /// Every request that [`Platform::deploy`] would make, in order; makes none and creates nothing. Names, regions and
    /// settings are checked as `deploy` would.
    ///
    /// # Errors
    /// What `deploy` would refuse before its first request.
    fn requests(&self, _: &DeploymentSpec) -> Result<Vec<PlannedRequest>, PlatformError> {
        Err(self.unsupported("tell its requests beforehand"))
    }

    /// Waits until the deployment answers with this image.
    ///
    /// # Errors
    /// When it fails, or is not ready within `patience`.
    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError>;

    /// Invokes the function and waits for its answer. A function's own error is an answer.
    ///
    /// # Errors
    /// When there is no answer.
    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError>;

    /// Invokes the function without waiting; the answer is fetched with [`Platform::take_result`].
    ///
    /// # Errors
    /// When the call is not accepted, or the platform has no such calls.
    async fn invoke_async(&self, _: &Deployment, _: &Invocation) -> Result<CallId, PlatformError> {
        Err(self.unsupported("invoke without waiting"))
    }

    /// The answer of a call without waiting; `None` while it is not there yet.
    ///
    /// # Errors
    /// When there is no such call.
    async fn take_result(&self, _: &Deployment, _: &CallId) -> Result<Option<Answer>, PlatformError> {
        Err(self.unsupported("invoke without waiting"))
    }

    /// How any HTTP client calls the function; `None` where only the platform's own interface does.
    ///
    /// # Errors
    /// When its way or a credential can't be had.
    async fn http_call(&self, deployment: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        Ok(deployment.url.clone().map(HttpCall::to))
    }

    /// Makes the next invocation a cold one. Returns when that is certain.
    ///
    /// # Errors
    /// When it could not be brought about, or the platform has no way to.
    async fn force_cold(&self, _: &Deployment) -> Result<(), PlatformError> {
        Err(self.unsupported("force a cold start"))
    }

    /// Changes how many instances there may be; what is `None` stays.
    ///
    /// # Errors
    /// When it is refused, or the platform can't.
    async fn scale(&self, _: &Deployment, _: &Scale) -> Result<(), PlatformError> {
        Err(self.unsupported("change the number of instances"))
    }

    /// How the deployment is.
    ///
    /// # Errors
    /// When the platform can't be asked; a deployment that is not there is a status.
    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError>;

    /// What its instances wrote, from `since_unix_ns` on, in the order of time.
    ///
    /// # Errors
    /// When it can't be read, or the platform keeps none.
    async fn logs(&self, _: &Deployment, _since_unix_ns: u64) -> Result<Vec<LogLine>, PlatformError> {
        Err(self.unsupported("show logs"))
    }

    /// What the platform itself measured of a deployment.
    ///
    /// # Errors
    /// When it can't be read, or the platform measures nothing.
    async fn metrics(&self, _: &Deployment) -> Result<Vec<ProviderMetric>, PlatformError> {
        Err(self.unsupported("measure by itself"))
    }

    /// What the platform bills for a call; `None` while it does not know yet.
    ///
    /// # Errors
    /// When it can't be read, or the platform bills nothing.
    async fn billing(&self, _: &Deployment, _: &CallId) -> Result<Option<Billing>, PlatformError> {
        Err(self.unsupported("tell what it bills"))
    }

    /// Removes one thing that the ledger names. Removing what is gone already is a success; what we did not create is never
    /// touched.
    ///
    /// # Errors
    /// When it is, or may be, still there.
    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError>;

    /// Everything there that carries our mark.
    ///
    /// # Errors
    /// When the platform can't be asked, or can't tell.
    async fn find_marked(&self) -> Result<Vec<Found>, PlatformError> {
        Err(self.unsupported("list what carries our mark"))
    }

    /// How often a request to the platform's interface was made again, for want of an answer or as it was busy, since it was
    /// connected; `None` where nobody counts. Calls of functions are never repeated.
    fn repeated_requests(&self) -> Option<u64> {
        None
    }

    /// The error of something that this platform can't do.
    fn unsupported(&self, what: &'static str) -> PlatformError {
        PlatformError::Unsupported { platform: self.name().to_owned(), what }
    }
}
