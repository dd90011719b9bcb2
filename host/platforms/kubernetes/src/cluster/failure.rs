//! What the API server's refusals, and its silence, mean.

use kube::client::AuthError;
use kube::core::Status;
use platform::PlatformError;

use super::{Ask, Cluster, Reply};
use crate::object::Kind;

/// How much of a text that is not the API's is shown.
const SHOWN: usize = 300;

impl Cluster {
    /// What a reply without success means.
    pub(crate) fn refusal(&self, ask: &Ask, reply: &Reply) -> PlatformError {
        let status = reply.status_object();
        let said = match &status {
            Some(status) if !status.message.is_empty() => status.message.clone(),
            _ => reply.text(SHOWN),
        };
        let doing = &ask.doing;
        match reply.status {
            401 => self.denied(
                format!("{doing}: it does not accept the credentials of the context `{}` (401)", self.context),
                "they may have expired: renew them, and try `kubectl get pods` with the same kubeconfig",
            ),
            403 if said.contains("exceeded quota") => {
                self.failed(doing, format!("the namespace's quota is used up: {said}"))
            }
            403 => self.denied(
                format!("{doing}: {said}"),
                "ask for a Role in this namespace that allows it, or use another context",
            ),
            404 if status.as_ref().is_some_and(is_namespace) => PlatformError::Invalid(format!(
                "{doing}: the cluster has no namespace `{0}`; `kubectl create namespace {0}` makes it",
                self.namespace
            )),
            404 if status.as_ref().is_none_or(is_unknown_kind) => match ask.kind.and_then(|kind| kind.product) {
                Some(product) => self.not_installed(product, ask.kind),
                None => self.failed(doing, format!("{} does not know the path {}: {said}", self.server(), ask.path)),
            },
            407 => self.denied(
                format!("{doing}: the proxy in between asks for credentials"),
                "give them in the kubeconfig's `proxy-url` or in HTTPS_PROXY, or name the host in NO_PROXY",
            ),
            400 | 422 if status.is_some() => {
                PlatformError::Invalid(format!("{doing}: {} refuses it: {said}", self.platform))
            }
            code if status.is_none() => self.failed(
                doing,
                format!(
                    "status {code} of something that is no API server of Kubernetes; is a proxy in between? {said}"
                ),
            ),
            code => self.failed(doing, format!("status {code}: {said}")),
        }
    }

    /// A product whose kinds the cluster does not have.
    pub(crate) fn not_installed(&self, product: &str, kind: Option<&Kind>) -> PlatformError {
        let missing = kind.map(|kind| format!(" (no {} of {})", kind.plural, kind.api_version)).unwrap_or_default();
        PlatformError::Unreachable {
            platform: self.platform.to_owned(),
            reason: format!("{product} is not installed in the cluster at {}{missing}", self.server()),
            advice: format!(
                "install it, see docs/platforms/{}.md, or use the context of a cluster that has it",
                self.platform
            ),
        }
    }

    /// Why there was no reply.
    pub(super) fn unanswered(&self, doing: &str, error: &kube::Error) -> PlatformError {
        if let Some(reason) = credentials(error) {
            return self.denied(
                format!("{doing}: the credentials of the context `{}` can't be had: {reason}", self.context),
                "log in again with the tool that the kubeconfig names, and try `kubectl get pods`",
            );
        }
        self.unreachable(&format!("{doing}: no answer of {}: {}", self.server(), chain(error)))
    }

    /// The command that the kubeconfig names for credentials does not end.
    pub(super) fn no_credentials_in_time(&self) -> PlatformError {
        self.denied(
            format!(
                "the credentials of the context `{}` can't be had: the command for them did not end within {} s",
                self.context,
                self.patience.as_secs()
            ),
            "log in again with the tool that the kubeconfig names, and try `kubectl get pods`",
        )
    }

    pub(super) fn unreachable(&self, reason: &str) -> PlatformError {
        PlatformError::Unreachable {
            platform: self.platform.to_owned(),
            reason: reason.to_owned(),
            advice: format!(
                "look whether the cluster of the context `{}` runs, and whether a proxy is in between",
                self.context
            ),
        }
    }

    fn denied(&self, reason: String, advice: &str) -> PlatformError {
        PlatformError::Denied { platform: self.platform.to_owned(), reason, advice: advice.to_owned() }
    }

    pub(crate) fn failed(&self, doing: &str, reason: String) -> PlatformError {
        PlatformError::Failed { platform: self.platform.to_owned(), doing: doing.to_owned(), reason }
    }
}

fn is_namespace(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

/// A kind that is not there has no name in what is told of it.
fn is_unknown_kind(status: &Status) -> bool {
    status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

/// Why credentials can't be had, without what a command for them printed: they may be in there.
fn credentials(error: &kube::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<AuthError>() {
            return Some(match error {
                AuthError::AuthExecRun { cmd, out } => format!("the command `{cmd}` ended with {}", out.status),
                AuthError::AuthExecParse(_) => "the command for them printed something else".to_owned(),
                AuthError::ParseTokenKey(_) => "the token file holds something else".to_owned(),
                other => other.to_string(),
            });
        }
        cause = error.source();
    }
    None
}

/// An error and its causes, the innermost last; no cause twice.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
