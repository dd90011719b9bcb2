//! Which cluster, and as whom: the kubeconfig's chain.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use platform::PlatformError;
use remote_platform::Api;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::timeout;

use super::failure;
use crate::options::ClusterOptions;

/// A cluster.
pub(crate) struct Cluster {
    pub(super) platform: &'static str,
    config: Config,
    /// Made at the first request, as that may run a command for the credentials.
    client: OnceCell<Client>,
    /// The context's name, as it is shown.
    pub(super) context: String,
    pub(super) namespace: String,
    /// The longest that one request may take.
    pub(super) patience: Duration,
    pub(super) repetitions: AtomicU32,
    /// What calls functions elsewhere than through the API server, by origin.
    outside: Mutex<HashMap<String, Api>>,
}

impl Cluster {
    /// Reads the kubeconfig; makes no request.
    ///
    /// # Errors
    /// When there is none, or it does not have the context.
    pub(crate) async fn of(platform: &'static str, options: &ClusterOptions) -> Result<Cluster, PlatformError> {
        let wanted = KubeConfigOptions { context: options.context.clone(), cluster: None, user: None };
        let (mut config, context) = match read_kubeconfig(options.kubeconfig.as_deref()) {
            Ok(kubeconfig) => {
                let names: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
                let context = options.context.clone().or_else(|| kubeconfig.current_context.clone());
                let config = Config::from_custom_kubeconfig(kubeconfig, &wanted)
                    .await
                    .map_err(|error| unusable(platform, &error, &names))?;
                (config, context.unwrap_or_default())
            }
            // Inside a cluster there is a service account instead.
            Err(error) if options.kubeconfig.is_none() && options.context.is_none() => match Config::incluster() {
                Ok(config) => (config, "the service account of this pod".to_owned()),
                Err(_) => return Err(unusable(platform, &error, &[])),
            },
            Err(error) => return Err(unusable(platform, &error, &[])),
        };
        // Requests are repeated by us, and counted.
        config.default_retry = false;
        config.connect_timeout = Some(super::ask::CONNECT);
        let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        if !is_label(&namespace) {
            return Err(PlatformError::Invalid(format!(
                "{namespace:?} can't be a namespace: lower-case letters, digits and `-`, at most 63"
            )));
        }
        let patience =
            options.request_timeout_seconds.map_or(super::ask::ANSWER, |s| Duration::from_secs(u64::from(s.max(1))));
        Ok(Cluster {
            platform,
            config,
            client: OnceCell::new(),
            context,
            namespace,
            patience,
            repetitions: AtomicU32::new(0),
            outside: Mutex::default(),
        })
    }

    /// The API server's address, without credentials.
    pub(crate) fn server(&self) -> String {
        let url = &self.config.cluster_url;
        let host = url.authority().map_or("", |authority| {
            let authority = authority.as_str();
            authority.rsplit_once('@').map_or(authority, |(_, host)| host)
        });
        format!("{}://{host}{}", url.scheme_str().unwrap_or("https"), url.path().trim_end_matches('/'))
    }

    /// Its host alone.
    pub(crate) fn host(&self) -> Option<&str> {
        self.config.cluster_url.host()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn platform(&self) -> &'static str {
        self.platform
    }

    /// What calls functions at an origin: always the same one, as connections are kept in it.
    pub(crate) fn api_at(&self, origin: &str) -> Result<Api, PlatformError> {
        // Nothing in here panics half way.
        let mut outside = self.outside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(api) = outside.get(origin) {
            return Ok(api.clone());
        }
        let api = Api::new(self.platform, origin, None)?;
        outside.insert(origin.to_owned(), api.clone());
        Ok(api)
    }

    /// The client, within the patience of one request.
    ///
    /// # Errors
    /// When the credentials can't be had, or not in time.
    pub(super) async fn client(&self) -> Result<&Client, PlatformError> {
        let make = async || {
            // Another part of the program may have chosen one before; each of them will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let (sender, made) = oneshot::channel();
            let (config, runtime) = (self.config.clone(), Handle::current());
            // It waits for a command. Not on one of the runtime's threads, whose end the end of this program waits for.
            thread::spawn(move || {
                let _entered = runtime.enter();
                // Nobody may wait for it any more.
                let _ = sender.send(Client::try_from(config));
            });
            match timeout(self.patience, made).await {
                Ok(Ok(client)) => client.map_err(|error| self.unanswered("making a client", &error)),
                Ok(Err(_)) => Err(self.failed("making a client", "its thread ended early".to_owned())),
                Err(_) => Err(self.no_credentials_in_time()),
            }
        };
        self.client.get_or_try_init(make).await
    }
}

fn read_kubeconfig(file: Option<&str>) -> Result<Kubeconfig, KubeconfigError> {
    match file {
        Some(file) => Kubeconfig::read_from(PathBuf::from(file)),
        None => Kubeconfig::read(),
    }
}

fn unusable(platform: &str, error: &KubeconfigError, contexts: &[String]) -> PlatformError {
    let advice = "give one in KUBECONFIG, in ~/.kube/config or as `kubeconfig` in the target's options; \
                  `kind get kubeconfig` and /etc/rancher/k3s/k3s.yaml are such"
        .to_owned();
    let unreachable =
        |reason: String, advice: String| PlatformError::Unreachable { platform: platform.to_owned(), reason, advice };
    match error {
        KubeconfigError::ReadConfig(cause, path) => {
            unreachable(format!("there is no kubeconfig at {}: {cause}", path.display()), advice)
        }
        KubeconfigError::FindPath => unreachable("there is no kubeconfig".to_owned(), advice),
        KubeconfigError::CurrentContextNotSet => PlatformError::Invalid(format!(
            "the kubeconfig has no current context; set `context` in the target's options{}",
            known(contexts)
        )),
        KubeconfigError::LoadContext(name) => {
            PlatformError::Invalid(format!("the kubeconfig has no context `{name}`{}", known(contexts)))
        }
        // Its text would show the file's lines, and there are tokens among them.
        KubeconfigError::Parse(_) => PlatformError::Invalid("the kubeconfig is not one: it can't be parsed".to_owned()),
        other => PlatformError::Invalid(format!("the kubeconfig can't be used: {}", failure::chain(other))),
    }
}

fn known(contexts: &[String]) -> String {
    if contexts.is_empty() { String::new() } else { format!("; it has {}", contexts.join(", ")) }
}

/// Whether Kubernetes takes it as a name of the strict kind (RFC 1123).
pub(crate) fn is_label(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}
