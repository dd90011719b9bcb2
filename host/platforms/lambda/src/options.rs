//! What the configuration says of Lambda.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The table `[targets.NAME.options]` of a target whose platform is `lambda`. Credentials are never part of it: they come by
/// AWS's own chain (environment, profiles, SSO, `credential_process`, web identity, the machine's role).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The region, as in `eu-central-1`; absent: that of `AWS_REGION` or the profile.
    pub region: Option<String>,
    /// The profile of `~/.aws/config`; absent: that of `AWS_PROFILE`, or `default`.
    pub profile: Option<String>,
    /// ARN of a role that there is already; absent: one is made for each deployment.
    pub role: Option<String>,
    /// ARN of the permissions boundary of roles that are made, for accounts that ask for one.
    pub permissions_boundary: Option<String>,
    /// The architecture; absent: that of the image.
    pub architecture: Option<LambdaArchitecture>,
    /// How functions are packaged.
    pub package: Package,
    /// Whether functions get a URL, and who may call it.
    pub url: FunctionUrl,
    /// Whether invocations go to the function's URL, which must be `public`, and not through the service's Invoke.
    pub invoke_by_url: bool,
    /// What the names of all functions begin with: letters, digits, `-` and `_`. A function may call those with the same prefix,
    /// and no others.
    pub prefix: String,
    /// Whether an invocation's answer brings the end of its log, which tells what it was billed.
    pub log_tail: bool,
    /// How long logs are kept, days; one of those that CloudWatch Logs knows.
    pub log_retention_days: i32,
    /// Whether X-Ray records the invocations.
    pub tracing: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            region: None,
            profile: None,
            role: None,
            permissions_boundary: None,
            architecture: None,
            package: Package::Zip,
            url: FunctionUrl::None,
            invoke_by_url: false,
            prefix: "faasbench-".to_owned(),
            log_tail: true,
            log_retention_days: 7,
            tracing: false,
        }
    }
}

/// How a function is packaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Package {
    /// An archive, sent with the request that makes the function: at most 50 MB.
    Zip,
    /// A container image in Amazon ECR: the target's `registry`.
    Image,
}

/// Who may call a function's URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionUrl {
    /// There is none.
    None,
    /// Who signs requests and is allowed to.
    Iam,
    /// Everybody.
    Public,
}

/// The instruction set of a function's instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LambdaArchitecture {
    /// Intel's and AMD's.
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm,
}

impl LambdaArchitecture {
    /// Lambda's name of it.
    pub fn name(self) -> &'static str {
        match self {
            LambdaArchitecture::X86 => "x86_64",
            LambdaArchitecture::Arm => "arm64",
        }
    }

    /// That of an image; `None` for one that Lambda has not.
    pub fn of_image(architecture: &str) -> Option<LambdaArchitecture> {
        match architecture {
            "x86_64" => Some(LambdaArchitecture::X86),
            "aarch64" => Some(LambdaArchitecture::Arm),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn options_are_in_kebab_case_and_unknown_ones_are_refused() {
        let options: Options = serde_json::from_str(
            r#"{"region": "eu-west-1", "package": "image", "url": "iam", "architecture": "arm64"}"#,
        )
        .unwrap();
        assert_eq!((options.package, options.url), (Package::Image, FunctionUrl::Iam));
        assert_eq!((options.architecture, options.log_retention_days), (Some(LambdaArchitecture::Arm), 7));
        let error = serde_json::from_str::<Options>(r#"{"access-key": "SECRET"}"#).unwrap_err().to_string();
        assert!(error.contains("access-key") && !error.contains("SECRET"), "{error}");
    }
}
