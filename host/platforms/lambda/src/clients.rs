//! The clients of AWS's services.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use platform::PlatformError;
use tokio::sync::OnceCell;

use crate::failure::{failed, other};
use crate::{Options, name};

/// The longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest that a request of administration may take: the largest archive has 70 MB.
const ANSWER: Duration = Duration::from_secs(180);
/// How often a request of administration is made at most when it is slowed down, or the service fails.
const ATTEMPTS: u32 = 4;

/// Who we are there.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Twelve digits.
    pub(crate) number: String,
    /// The ARN of the user or the role.
    pub(crate) arn: String,
}

/// The clients, and where they lead.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) lambda: aws_sdk_lambda::Client,
    /// For invocations: nothing is repeated.
    pub(crate) calls: aws_sdk_lambda::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    sts: aws_sdk_sts::Client,
    pub(crate) region: String,
    /// Where the services are when they are not AWS's own.
    pub(crate) endpoint: Option<String>,
    account: OnceCell<Account>,
}

impl Clients {
    /// Where it all is, in words: the endpoint that was given, or Amazon's own.
    pub(crate) fn place(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("Amazon's own endpoint")
    }

    /// Clients with the configuration.
    ///
    /// # Errors
    /// When it names no region.
    pub(crate) fn new(config: &SdkConfig, endpoint: Option<String>) -> Result<Clients, PlatformError> {
        let region = config.region().map(ToString::to_string).ok_or_else(no_region)?;
        name::check_region(&region)?;
        // A function may take its time to answer, and its answer must be the first one.
        let calls = aws_sdk_lambda::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Ok(Clients {
            lambda: aws_sdk_lambda::Client::new(config),
            calls: aws_sdk_lambda::Client::from_conf(calls),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            region,
            endpoint,
            account: OnceCell::new(),
        })
    }

    /// Who we are there; asked once.
    pub(crate) async fn account(&self) -> Result<&Account, PlatformError> {
        const DOING: &str = "asking who we are";
        let ask = || async {
            let identity = self.sts.get_caller_identity().send().await.map_err(|error| failed(DOING, &error))?;
            match (identity.account, identity.arn) {
                (Some(number), Some(arn)) if name::is_account(&number) => Ok(Account { number, arn }),
                _ => Err(other(DOING, "the answer names no account".to_owned())),
            }
        };
        self.account.get_or_try_init(ask).await
    }

    /// Asks anew who we are: credentials may have expired meanwhile.
    pub(crate) async fn ask_account(&self) -> Result<Account, PlatformError> {
        let identity =
            self.sts.get_caller_identity().send().await.map_err(|error| failed("asking who we are", &error))?;
        Ok(Account { number: identity.account.unwrap_or_default(), arn: identity.arn.unwrap_or_default() })
    }

    pub(crate) fn partition(&self) -> &'static str {
        name::partition(&self.region)
    }
}

/// The configuration by AWS's own chain, with what the options say.
pub(crate) async fn configuration(options: &Options, endpoint: Option<&str>) -> SdkConfig {
    // Not the machine's own service of metadata: outside of AWS there is none, and it would be waited for.
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(named) = &options.profile {
        profile = profile.profile_name(named);
    }
    let region = RegionProviderChain::first_try(options.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build());
    let mut loader = defaults().region(region);
    if let Some(named) = &options.profile {
        loader = loader.profile_name(named);
    }
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader.load().await
}

/// What every configuration has: AWS's own chain of credentials, our client of HTTP, repetitions, limits of time.
pub fn defaults() -> aws_config::ConfigLoader {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER).build();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
}

/// HTTP over rustls with ring, through the proxy that the environment names.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env())
            .enable_tcp_nodelay(true);
        if let Some(settings) = settings {
            builder = builder.connector_settings(settings.clone());
        }
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}

fn no_region() -> PlatformError {
    PlatformError::Invalid(
        "no region of AWS is given; set `region = \"eu-central-1\"` in the target's options, AWS_REGION, or the profile's region"
            .to_owned(),
    )
}
