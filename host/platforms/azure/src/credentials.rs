//! Tokens: of a variable, or of Azure's own chain.

use std::sync::Arc;

use azure_core::credentials::{Secret, TokenCredential};
use azure_identity::{
    ClientSecretCredential, DeveloperToolsCredential, ManagedIdentityCredential, WorkloadIdentityCredential,
};
use platform::PlatformError;
use remote_platform::Authorization;

/// The platform's name.
pub(crate) const PLATFORM: &str = "azure";

/// Reads a variable of the environment.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where tokens come from.
#[derive(Clone)]
pub(crate) enum Tokens {
    /// One that is given, for everything.
    Given(String),
    /// Azure's own chain, which makes them and keeps them while they last.
    Chain(Arc<dyn TokenCredential>),
}

impl Tokens {
    /// The first of the chain that the environment has.
    pub(crate) fn new(token_variable: &str, variables: Variables<'_>) -> Result<Tokens, PlatformError> {
        let variable = |name: &str| variables(name).filter(|value| !value.is_empty());
        if let Some(token) = variable(token_variable) {
            return Ok(Tokens::Given(token));
        }
        let secret = (variable("AZURE_TENANT_ID"), variable("AZURE_CLIENT_ID"), variable("AZURE_CLIENT_SECRET"));
        let refused = |error: azure_core::Error| denied(&error.to_string());
        let credential: Arc<dyn TokenCredential> = match secret {
            (Some(tenant), Some(client), Some(secret)) => {
                ClientSecretCredential::new(&tenant, client, Secret::from(secret), None).map_err(refused)?
            }
            _ if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() => {
                WorkloadIdentityCredential::new(None).map_err(refused)?
            }
            _ if variable("IDENTITY_ENDPOINT").is_some() => ManagedIdentityCredential::new(None).map_err(refused)?,
            _ => DeveloperToolsCredential::new(None).map_err(refused)?,
        };
        Ok(Tokens::Chain(credential))
    }

    /// How a request for this scope is let in.
    pub(crate) async fn authorization(&self, scope: &str) -> Result<Authorization, PlatformError> {
        let token = match self {
            Tokens::Given(token) => token.clone(),
            Tokens::Chain(credential) => {
                let token = credential.get_token(&[scope], None).await;
                token.map_err(|error| denied(&error.to_string()))?.token.secret().to_owned()
            }
        };
        Authorization::new(&format!("Bearer {}", token.trim()))
            .ok_or_else(|| PlatformError::Invalid("the access token can't stand in a header".to_owned()))
    }
}

fn denied(reason: &str) -> PlatformError {
    PlatformError::Denied {
        platform: PLATFORM.to_owned(),
        reason: format!("there is no token: {reason}"),
        advice: "log in with `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET".to_owned(),
    }
}
