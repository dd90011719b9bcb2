//! A deployment's function: looked for, made, changed, removed.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::types::{
    Architecture, Environment, EphemeralStorage, FunctionCode, FunctionConfiguration, LastUpdateStatus, LogFormat,
    LoggingConfig, PackageType, Runtime, State, TracingConfig, TracingMode,
};
use aws_smithy_types::Blob;
use platform::{DeploymentId, PlatformError};
use tokio::time::{Instant, sleep};

use crate::clients::Clients;
use crate::failure::{code, failed, is_busy, is_missing, message, other, taken};
use crate::options::LambdaArchitecture;
use crate::plan::{DEPLOYMENT_TAG, Plan};

/// How long a new role may take until Lambda can use it: IAM tells all its places within seconds.
const PROPAGATION: Duration = Duration::from_secs(60);
/// How long another change of the function may take.
const BUSY: Duration = Duration::from_secs(120);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A function that there is.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) configuration: FunctionConfiguration,
    /// Which deployment it says that it belongs to.
    pub(crate) deployment: Option<String>,
}

impl Found {
    pub(crate) fn is_of(&self, id: &DeploymentId) -> bool {
        self.deployment.as_deref() == Some(id.as_str())
    }

    /// SHA-256 of its code, base64.
    pub(crate) fn code_sha256(&self) -> Option<&str> {
        self.configuration.code_sha256.as_deref()
    }

    pub(crate) fn state(&self) -> Option<&State> {
        self.configuration.state.as_ref()
    }

    /// Whether a change is under way.
    pub(crate) fn is_changing(&self) -> bool {
        self.configuration.last_update_status == Some(LastUpdateStatus::InProgress)
    }

    /// Why it will not serve; `None` where it will.
    pub(crate) fn failure(&self) -> Option<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "no reason is given".to_owned());
        let configuration = &self.configuration;
        if configuration.state == Some(State::Failed) {
            return Some(text(&configuration.state_reason));
        }
        let failed = configuration.last_update_status == Some(LastUpdateStatus::Failed);
        failed.then(|| format!("its last update failed: {}", text(&configuration.last_update_status_reason)))
    }
}

/// What a function runs.
pub(crate) enum Code {
    /// An archive's bytes.
    Zip(Vec<u8>),
    /// An image in ECR, by its digest.
    Image(String),
}

/// What else it is made with.
pub(crate) struct Making<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) role: &'a str,
    pub(crate) tracing: bool,
}

/// Looks for a function.
pub(crate) async fn find(
    clients: &Clients,
    name: &str,
    qualifier: Option<&str>,
) -> Result<Option<Found>, PlatformError> {
    let asked =
        clients.lambda.get_function().function_name(name).set_qualifier(qualifier.map(str::to_owned)).send().await;
    match asked {
        Ok(answer) => {
            let deployment = answer.tags().and_then(|tags| tags.get(DEPLOYMENT_TAG)).cloned();
            let doing = format!("looking for the function {name}");
            let configuration = answer.configuration.ok_or_else(|| other(&doing, "its answer is empty".to_owned()))?;
            Ok(Some(Found { configuration, deployment }))
        }
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed(&format!("looking for the function {name}"), &error)),
    }
}

/// Makes the function. Waits for a new role until Lambda can use it; returns how often it had to ask again for that.
pub(crate) async fn create(clients: &Clients, making: &Making<'_>, made: &Code) -> Result<u32, PlatformError> {
    let Making { plan, role, .. } = *making;
    let doing = format!("creating the function {}", plan.function);
    let begin = Instant::now();
    let mut repetitions = 0;
    loop {
        let mut request = clients
            .lambda
            .create_function()
            .function_name(&plan.function)
            .description("Made by faasbench; its undeploy removes it")
            .role(role)
            .memory_size(plan.settings.memory_mb)
            .timeout(plan.settings.time_s)
            .architectures(architecture(plan.architecture))
            .environment(environment(plan))
            .ephemeral_storage(scratch(plan, &doing)?)
            .logging_config(logging(plan))
            .tracing_config(tracing(making.tracing))
            .set_tags(Some(plan.tags.clone()));
        request = match made {
            Code::Zip(bytes) => request
                .package_type(PackageType::Zip)
                .runtime(Runtime::Providedal2023)
                .handler("bootstrap")
                .code(FunctionCode::builder().zip_file(Blob::new(bytes.clone())).build()),
            Code::Image(reference) => {
                request.package_type(PackageType::Image).code(FunctionCode::builder().image_uri(reference).build())
            }
        };
        match request.send().await {
            Ok(_) => return Ok(repetitions),
            Err(error) if code(&error) == Some("ResourceConflictException") => {
                // Made meanwhile by somebody else: or by a repetition of this very request, whose answer was lost.
                let Some(found) = find(clients, &plan.function, None).await? else {
                    return Err(failed(&doing, &error));
                };
                return if plan.tags.get(DEPLOYMENT_TAG) == found.deployment.as_ref() {
                    Ok(repetitions)
                } else {
                    Err(taken(&plan.function))
                };
            }
            Err(error) if is_unknown_role(code(&error), message(&error)) && begin.elapsed() < PROPAGATION => {
                repetitions += 1;
                tracing::debug!(request = error.request_id(), "the new role can't be used yet");
            }
            Err(error) => return Err(failed(&doing, &error)),
        }
        sleep(PAUSE).await;
    }
}

/// Whether a role that was just made is not known there yet.
fn is_unknown_role(code: Option<&str>, message: &str) -> bool {
    let is_about_role =
        message.contains("cannot be assumed by Lambda") || message.contains("not valid or cannot be assumed");
    // The key of the environment is asked for in the name of the role.
    let is_about_key = message.contains("KMS") && message.contains("does not exist");
    matches!(code, Some("InvalidParameterValueException" | "KMSAccessDeniedException"))
        && (is_about_role || is_about_key)
}

/// Gives the function another configuration, and waits until it has it.
pub(crate) async fn configure(clients: &Clients, making: &Making<'_>, with_image: bool) -> Result<(), PlatformError> {
    let Making { plan, role, .. } = *making;
    let doing = format!("changing the configuration of {}", plan.function);
    let scratch = scratch(plan, &doing)?;
    unless_busy(clients, &plan.function, &doing, || async {
        let request = clients
            .lambda
            .update_function_configuration()
            .function_name(&plan.function)
            .role(role)
            .memory_size(plan.settings.memory_mb)
            .timeout(plan.settings.time_s)
            .environment(environment(plan))
            .ephemeral_storage(scratch.clone())
            .logging_config(logging(plan))
            .tracing_config(tracing(making.tracing));
        let request = if with_image { request } else { request.runtime(Runtime::Providedal2023).handler("bootstrap") };
        request.send().await.map(|_| ())
    })
    .await
}

/// Gives the function other variables, and waits until it has them.
pub(crate) async fn set_environment(
    clients: &Clients,
    name: &str,
    variables: HashMap<String, String>,
) -> Result<(), PlatformError> {
    let doing = format!("changing the environment of {name}");
    unless_busy(clients, name, &doing, || async {
        let environment = Environment::builder().set_variables(Some(variables.clone())).build();
        let request = clients.lambda.update_function_configuration().function_name(name).environment(environment);
        request.send().await.map(|_| ())
    })
    .await
}

/// Gives the function other code, and waits until it is what answers.
pub(crate) async fn set_code(clients: &Clients, plan: &Plan, made: &Code) -> Result<(), PlatformError> {
    let doing = format!("changing the code of {}", plan.function);
    unless_busy(clients, &plan.function, &doing, || async {
        let request = clients.lambda.update_function_code().function_name(&plan.function);
        let request = match made {
            Code::Zip(bytes) => request.zip_file(Blob::new(bytes.clone())),
            Code::Image(reference) => request.image_uri(reference),
        };
        request.architectures(architecture(plan.architecture)).send().await.map(|_| ())
    })
    .await
}

/// Does something that can't be done while the function changes, as soon as it can, and waits until it is done.
pub(crate) async fn unless_busy<E, F>(
    clients: &Clients,
    name: &str,
    doing: &str,
    act: impl Fn() -> F,
) -> Result<(), PlatformError>
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    F: Future<
        Output = Result<
            (),
            aws_smithy_runtime_api::client::result::SdkError<
                E,
                aws_smithy_runtime_api::client::orchestrator::HttpResponse,
            >,
        >,
    >,
{
    let begin = Instant::now();
    loop {
        match act().await {
            Ok(()) => break,
            Err(error) if is_busy(&error) && begin.elapsed() < BUSY => sleep(PAUSE).await,
            Err(error) => return Err(failed(doing, &error)),
        }
    }
    crate::wait::until_settled(clients, name, None, BUSY).await.map(|_| ())
}

/// Removes our function with its versions and all that belongs to it; a success when there is none, or it is not ours.
pub(crate) async fn remove(clients: &Clients, name: &str, id: &DeploymentId) -> Result<(), PlatformError> {
    let begin = Instant::now();
    loop {
        match find(clients, name, None).await? {
            Some(found) if found.is_of(id) => {}
            _ => return Ok(()),
        }
        match clients.lambda.delete_function().function_name(name).send().await {
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) if is_busy(&error) && begin.elapsed() < BUSY => sleep(PAUSE).await,
            Err(error) => return Err(failed(&format!("removing the function {name}"), &error)),
        }
    }
}

fn architecture(of: LambdaArchitecture) -> Architecture {
    match of {
        LambdaArchitecture::X86 => Architecture::X8664,
        LambdaArchitecture::Arm => Architecture::Arm64,
    }
}

fn environment(plan: &Plan) -> Environment {
    let variables = plan.environment.clone().into_iter().collect();
    Environment::builder().set_variables(Some(variables)).build()
}

fn scratch(plan: &Plan, doing: &str) -> Result<EphemeralStorage, PlatformError> {
    EphemeralStorage::builder().size(plan.settings.scratch_mb).build().map_err(|error| other(doing, error.to_string()))
}

fn logging(plan: &Plan) -> LoggingConfig {
    LoggingConfig::builder().log_format(LogFormat::Text).log_group(&plan.log_group).build()
}

fn tracing(active: bool) -> TracingConfig {
    TracingConfig::builder().mode(if active { TracingMode::Active } else { TracingMode::PassThrough }).build()
}
