//! How the gateway's API is allowed in: from the environment, or as `faas-cli login` left it.

use std::path::PathBuf;

use platform::PlatformError;
use remote_platform::Authorization;
use serde::Deserialize;

use crate::Options;

/// faas-cli's variable for the folder of its `config.yml`.
const FOLDER_VARIABLE: &str = "OPENFAAS_CONFIG";

/// Credentials, and where they are from or should be.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) authorization: Option<Authorization>,
    /// What to do when they do not do.
    pub(crate) advice: String,
}

/// faas-cli's file.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    auths: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    gateway: String,
    #[serde(default)]
    auth: String,
    #[serde(default)]
    token: String,
}

impl Credentials {
    /// Those for the gateway at `endpoint`.
    ///
    /// # Errors
    /// When they can't be sent. That there are none is no error: a gateway may want none.
    pub(crate) fn find(options: &Options, endpoint: &str) -> Result<Credentials, PlatformError> {
        let variable = &options.password_environment;
        if let Ok(password) = std::env::var(variable)
            && !password.is_empty()
        {
            let authorization = Authorization::basic(&options.user, password.trim_end()).ok_or_else(|| {
                PlatformError::Invalid(format!(
                    "the user or the password of openfaas ({variable}) can't be sent: a user has no colon, and neither has \
                     control characters"
                ))
            })?;
            let advice =
                format!("the password in {variable} is not the gateway's, or its user is another (option `user`)");
            return Ok(Credentials { authorization: Some(authorization), advice });
        }
        let file = file();
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        if let Some(authorization) = text.as_deref().and_then(|text| of_file(text, endpoint)) {
            let advice = format!("run `faas-cli login` anew, or put the gateway's password into {variable}");
            return Ok(Credentials { authorization: Some(authorization), advice });
        }
        let advice =
            format!("put the gateway's password into the environment variable {variable}, or run `faas-cli login`");
        Ok(Credentials { authorization: None, advice })
    }
}

/// Where faas-cli keeps what it was told.
fn file() -> Option<PathBuf> {
    let folder = match std::env::var_os(FOLDER_VARIABLE) {
        Some(folder) if !folder.is_empty() => PathBuf::from(folder),
        _ => std::env::home_dir()?.join(".openfaas"),
    };
    Some(folder.join("config.yml"))
}

/// What faas-cli's file has for a gateway; nothing where it can't be read, as faas-cli wrote it and not our user.
fn of_file(text: &str, endpoint: &str) -> Option<Authorization> {
    let configuration: Configuration = serde_saphyr::from_str(text).ok()?;
    let is_same = |gateway: &str| gateway.trim_end_matches('/') == endpoint.trim_end_matches('/');
    let entry = configuration.auths.into_iter().find(|entry| is_same(&entry.gateway) && !entry.token.is_empty())?;
    match entry.auth.as_str() {
        "basic" => Authorization::new(&format!("Basic {}", entry.token)),
        "oauth2" => Authorization::new(&format!("Bearer {}", entry.token)),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// As `faas-cli login` writes it.
    const FILE: &str = "auths:\n- gateway: http://127.0.0.1:8080\n  auth: basic\n  token: YWRtaW46c2VzYW1l\n\
                        - gateway: https://other.example.com\n  auth: oauth2\n  token: abc\n  options: []\n";

    #[test]
    fn what_faas_cli_was_told_is_used_for_that_gateway_alone() {
        assert!(of_file(FILE, "http://127.0.0.1:8080/").is_some());
        assert!(of_file(FILE, "https://other.example.com").is_some());
        for other in ["http://127.0.0.1:8081", "https://127.0.0.1:8080", "http://127.0.0.1:8080.example.com", ""] {
            assert!(of_file(FILE, other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_none_of_faas_cli_is_no_credentials() {
        for text in ["", "auths: 7", "auths: []", "auths:\n- gateway: http://a\n  auth: basic\n", ": [", "\u{0}"] {
            assert!(of_file(text, "http://a").is_none(), "{text:?}");
        }
    }
}
