//! All that is to be made for a deployment, decided before the first request.

use std::collections::{BTreeMap, HashMap};

use image_kind::ImageKind;
use native::{Location, Service};
use platform::{DeploymentId, DeploymentSpec, PlatformError};
use remote_platform::{Connection, instance_environment};

use crate::failure::PLATFORM;
use crate::options::{FunctionUrl, LambdaArchitecture, Options, Package};
use crate::settings::Settings;
use crate::{name, nested, policy};

/// The tag of everything that is made: its value is the deployment's id.
pub const DEPLOYMENT_TAG: &str = "faasbench-deployment";
/// The tag that tells the deployment's name.
pub const NAME_TAG: &str = "faasbench-name";

/// The path of roles in IAM, by which they are found again.
pub(crate) const ROLE_PATH: &str = "/faasbench/";
/// The name of a role's only policy.
pub(crate) const POLICY_NAME: &str = "faasbench";
/// The most bytes of an archive that a request can bring, unpacked from base64.
const LARGEST_ZIP: u64 = 50 * 1024 * 1024;
/// The most bytes of environment variables.
const LARGEST_ENVIRONMENT: usize = 4096;
/// How long CloudWatch Logs can be told to keep a log, days.
const RETENTIONS: [i32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// Variables that are Lambda's own and can't be set.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime>
const RESERVED: [&str; 21] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_METADATA_TOKEN",
];

/// What is made for a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) function: String,
    /// Name of the role that is made; `None` where one is given.
    pub(crate) role: Option<String>,
    pub(crate) log_group: String,
    pub(crate) architecture: LambdaArchitecture,
    pub(crate) settings: Settings,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) tags: HashMap<String, String>,
}

impl Plan {
    /// The plan of a deployment.
    ///
    /// # Errors
    /// When Lambda would refuse something of it.
    pub(crate) fn new(
        spec: &DeploymentSpec,
        connection: &Connection,
        options: &Options,
        endpoint: Option<&str>,
    ) -> Result<Plan, PlatformError> {
        check_options(options)?;
        let function = name::function(&options.prefix, &spec.name)?;
        check_id(&spec.id)?;
        let settings = Settings::new(spec)?;
        let architecture = architecture(spec, options)?;
        let mut filled = spec.clone();
        settings.fill(&mut filled);
        let way = nested::way(spec, options, endpoint)?;
        let mut environment = instance_environment(connection, &filled, way.as_ref().map(|way| &way.invoke));
        for (name, value) in way.iter().flat_map(|way| &way.environment) {
            environment.insert(name.clone(), value.clone());
        }
        check_environment(&mut environment, spec, connection)?;
        Ok(Plan {
            role: options.role.is_none().then(|| role_name(&spec.id)),
            log_group: format!("/aws/lambda/{function}-{}", spec.id),
            tags: tags(spec),
            function,
            architecture,
            settings,
            environment,
        })
    }
}

/// The name of a deployment's role.
pub(crate) fn role_name(id: &DeploymentId) -> String {
    format!("faasbench-{id}")
}

fn tags(spec: &DeploymentSpec) -> HashMap<String, String> {
    let all = [(DEPLOYMENT_TAG, spec.id.to_string()), (NAME_TAG, spec.name.clone())];
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Checks what the options say, as far as AWS need not be asked.
pub(crate) fn check_options(options: &Options) -> Result<(), PlatformError> {
    if let Some(region) = &options.region {
        name::check_region(region)?;
    }
    if let Some(role) = &options.role {
        name::check_arn("role", role, "role")?;
    }
    if let Some(boundary) = &options.permissions_boundary {
        name::check_arn("permissions-boundary", boundary, "policy")?;
    }
    if options.invoke_by_url && options.url != FunctionUrl::Public {
        return Err(PlatformError::Invalid(
            "the option `invoke-by-url` of lambda needs `url = \"public\"`: requests to another URL must be signed, which the \
             service's Invoke does"
                .to_owned(),
        ));
    }
    if !RETENTIONS.contains(&options.log_retention_days) {
        return Err(PlatformError::Invalid(format!(
            "CloudWatch Logs keeps no log for {} days; give `log-retention-days` as 1, 3, 5, 7, 14, 30, 60, 90 or more that it knows",
            options.log_retention_days
        )));
    }
    name::function(&options.prefix, "f").map(|_| ())
}

/// An id stands in names; it is ours, or out of a store that somebody may have changed.
pub(crate) fn check_id(id: &DeploymentId) -> Result<(), PlatformError> {
    let text = id.as_str();
    if !text.is_empty() && text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Ok(());
    }
    Err(PlatformError::Invalid(format!("{:?} is no id of a deployment", text.chars().take(40).collect::<String>())))
}

fn architecture(spec: &DeploymentSpec, options: &Options) -> Result<LambdaArchitecture, PlatformError> {
    let wanted = match options.package {
        Package::Zip => ImageKind::LambdaZip,
        Package::Image => ImageKind::OciWithCaller,
    };
    // One without the program calls nobody, and is one for all that.
    let is_without = options.package == Package::Image && spec.image.kind == ImageKind::Oci;
    if spec.image.kind != wanted && !is_without {
        return Err(PlatformError::Invalid(format!(
            "lambda takes {wanted} with the option `package` as it is, and the image of {} is {}; run `faasbench build --platform \
             lambda {}`, or set `package`",
            spec.name, spec.image.kind, spec.function,
        )));
    }
    if spec.image.kind == ImageKind::LambdaZip && spec.image.bytes > LARGEST_ZIP {
        return Err(PlatformError::Invalid(format!(
            "the archive of {} has {} bytes, and lambda takes at most {LARGEST_ZIP} with a request; set `package = \"image\"`",
            spec.name, spec.image.bytes
        )));
    }
    let Some(own) = LambdaArchitecture::of_image(&spec.image.architecture) else {
        return Err(PlatformError::Invalid(format!(
            "a function of lambda has one architecture, x86_64 or arm64, and the image of {} is for {}; build it for one",
            spec.name, spec.image.architecture
        )));
    };
    match options.architecture {
        Some(asked) if asked != own => Err(PlatformError::Invalid(format!(
            "the image of {} is for {}, and the option `architecture` of lambda is {}; build it with `--arch {}`",
            spec.name,
            own.name(),
            asked.name(),
            asked.name()
        ))),
        _ => Ok(own),
    }
}

/// Takes out what only stands for the role's own credentials, and refuses what Lambda would refuse.
fn check_environment(
    environment: &mut BTreeMap<String, String>,
    spec: &DeploymentSpec,
    connection: &Connection,
) -> Result<(), PlatformError> {
    if let Some(name) = spec.environment.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(PlatformError::Invalid(format!("lambda sets {name} by itself; leave it away from --env")));
    }
    let plain = |name: &&String| {
        let name = name.as_bytes();
        name.len() >= 2
            && name[0].is_ascii_alphabetic()
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    if let Some(name) = spec.environment.keys().find(|name| !plain(name)) {
        return Err(PlatformError::Invalid(format!(
            "lambda takes no variable {:?}: a name has two or more letters, digits or '_' and begins with a letter",
            name.chars().take(40).collect::<String>()
        )));
    }
    let reserved = |name: &String| RESERVED.contains(&name.as_str());
    if let Some(Ok(Location::Directory(_))) = connection.storage.as_deref().map(Location::parse) {
        return Err(PlatformError::Invalid(
            "instances of lambda share no directory; give the target `storage = \"s3://BUCKET\"`, gs:// or azure://"
                .to_owned(),
        ));
    }
    if connection.storage_environment.keys().any(reserved) {
        match connection.storage.as_deref().map(Location::parse) {
            // The instance's own credentials, of its role, have the same names.
            Some(Ok(Location::Remote(remote))) if policy::is_aws(&remote) => {}
            Some(Ok(Location::Remote(remote))) if remote.service == Service::S3 => {
                return Err(PlatformError::Invalid(
                    "instances of lambda have the credentials of their role under the names that a storage like S3 asks for, so \
                     they can use Amazon's own S3 only; give `storage = \"s3://BUCKET\"`, or gs:// or azure://"
                        .to_owned(),
                ));
            }
            _ => {}
        }
    }
    environment.retain(|name, _| !reserved(name));
    let bytes: usize = environment.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > LARGEST_ENVIRONMENT {
        return Err(PlatformError::Invalid(format!(
            "the environment of {} has {bytes} bytes, and {PLATFORM} takes at most {LARGEST_ENVIRONMENT}; give less with --env",
            spec.name
        )));
    }
    Ok(())
}
