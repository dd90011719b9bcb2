//! The table `options` of a target.

use schemars::JsonSchema;
use serde::Deserialize;

/// Which of Gestalt's APIs makes lambdas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Meta: with users, organisations and environments. It can set variables.
    #[default]
    Meta,
    /// Laser itself, without any credentials: for who reaches it inside the cluster. It can't set variables.
    Laser,
}

/// The table `[targets.NAME.options]` of Gestalt.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// Which API makes lambdas; the target's `endpoint` is its address.
    pub api: Api,
    /// Laser's address, where calls go, when lambdas are made through Meta.
    pub laser_endpoint: Option<String>,
    /// The address of gestalt-security, which makes tokens for Meta.
    pub security_endpoint: Option<String>,
    /// The organisation's fully qualified name, as in `root.engineering`.
    pub organisation: String,
    /// The id of the environment of lambdas.
    pub environment: Option<String>,
    /// The id of the provider of kind Laser.
    pub provider: Option<String>,
    /// The runtime whose executor runs binaries: `golang`, `custom` or `bash`.
    pub runtime: String,
    /// Where Laser fetches archives, `{function}` and `{digest}` (of 64 digits) being the image's: whoever runs Gestalt puts the
    /// archives there. Needed with Meta; with Laser, its absence has the archive sent along.
    pub package_url: Option<String>,
    /// Where functions call each other, with `{name}`: a plain `http://` address of endpoints that are there already, such as
    /// Kong's. Absent: they can't.
    pub invoke_url: Option<String>,
    /// The name of the environment variable with the user's name.
    pub user_variable: String,
    /// The name of the environment variable with the user's password.
    pub password_variable: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            api: Api::default(),
            laser_endpoint: None,
            security_endpoint: None,
            organisation: "root".to_owned(),
            environment: None,
            provider: None,
            runtime: "golang".to_owned(),
            package_url: None,
            invoke_url: None,
            user_variable: "GESTALT_USER".to_owned(),
            password_variable: "GESTALT_PASSWORD".to_owned(),
        }
    }
}
