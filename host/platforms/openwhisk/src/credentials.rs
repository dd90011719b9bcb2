//! The key, and where the API is: from the environment, or from the file of OpenWhisk's own command line.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::PlatformError;
use remote_platform::Authorization;

/// The platform's name.
pub(crate) const PLATFORM: &str = "openwhisk";

/// Reads a variable of the environment.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What `~/.wskprops` may hold.
#[derive(Default)]
pub(crate) struct Properties {
    auth: Option<String>,
    /// Where the API is: `http://HOST:PORT`, or a host alone.
    pub(crate) api_host: Option<String>,
}

impl Properties {
    /// Reads the file that `WSK_CONFIG_FILE` names, or `~/.wskprops`; nothing where there is none.
    pub(crate) fn read(variables: Variables<'_>) -> Properties {
        let home = || variables("HOME").map(|home| PathBuf::from(home).join(".wskprops"));
        let path = variables("WSK_CONFIG_FILE").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
        path.and_then(|path| std::fs::read_to_string(path).ok())
            .map(|text| Properties::parse(&text))
            .unwrap_or_default()
    }

    /// Lines `KEY=VALUE`; other lines say nothing.
    fn parse(text: &str) -> Properties {
        let mut properties = Properties::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim() {
                _ if value.is_empty() => {}
                "AUTH" => properties.auth = Some(value),
                "APIHOST" => properties.api_host = Some(value),
                _ => {}
            }
        }
        properties
    }

    /// The API's address: a host alone is reached with TLS, as OpenWhisk's own command line does.
    pub(crate) fn endpoint(&self) -> Option<String> {
        let host = self.api_host.as_deref()?;
        Some(if host.contains("://") { host.to_owned() } else { format!("https://{host}") })
    }
}

/// The header that a key makes: of the variable, or of the file.
pub(crate) fn basic(
    variable: &str,
    variables: Variables<'_>,
    properties: &Properties,
) -> Result<String, PlatformError> {
    let key = variables(variable).filter(|key| !key.is_empty()).or_else(|| properties.auth.clone());
    let denied = |reason: &str| PlatformError::Denied {
        platform: PLATFORM.to_owned(),
        reason: reason.to_owned(),
        advice: format!("set {variable} to the key, UUID:KEY, or log in with `wsk property set --auth UUID:KEY`"),
    };
    let key = key.ok_or_else(|| denied("there is no key"))?;
    let key = key.trim();
    if !key.contains(':') || key.chars().any(char::is_control) {
        return Err(denied("the key is not UUID:KEY"));
    }
    Ok(format!("Basic {}", STANDARD.encode(key)))
}

/// The same, for requests.
pub(crate) fn authorization(basic: &str) -> Result<Authorization, PlatformError> {
    Authorization::new(basic).ok_or_else(|| PlatformError::Invalid("the key can't stand in a header".to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_command_line_tells_key_and_host() {
        let properties = Properties::parse("# mine\nAPIHOST=10.0.0.1:3233\nAUTH=a:b\nNAMESPACE=\nX\n");
        assert_eq!(properties.endpoint().unwrap(), "https://10.0.0.1:3233");
        assert_eq!(basic("OPENWHISK_AUTH", &|_| None, &properties).unwrap(), "Basic YTpi");
        // The environment's is the one that counts.
        let variables = |_: &str| Some("c:d".to_owned());
        assert_eq!(basic("OPENWHISK_AUTH", &variables, &properties).unwrap(), "Basic Yzpk");
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_being_shown() {
        let variables = |_: &str| Some("hidden".to_owned());
        let message = basic("MY_KEY", &variables, &Properties::default()).unwrap_err().to_string();
        assert!(message.contains("MY_KEY") && !message.contains("hidden"), "{message}");
        assert!(basic("MY_KEY", &|_| None, &Properties::default()).is_err());
    }
}
