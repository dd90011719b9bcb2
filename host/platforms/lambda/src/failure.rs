//! What an error of AWS's means, and what to do about it.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use platform::PlatformError;

/// The platform's name.
pub(crate) const PLATFORM: &str = "lambda";

/// How much of an error's text is shown.
const SHOWN: usize = 600;

/// The code of an error that the service answered with.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(|error| error.meta().code())
}

/// Whether the thing that was asked for is not there.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(
        code(error),
        Some("ResourceNotFoundException" | "NoSuchEntity" | "ProvisionedConcurrencyConfigNotFoundException")
    )
}

/// Whether something else is being done to the function, so that this may be tried again.
pub(crate) fn is_busy<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    code(error) == Some("ResourceConflictException") && !message(error).contains("already exist")
}

/// What the service said.
pub(crate) fn message<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> &str {
    error.as_service_error().and_then(|error| error.meta().message()).unwrap_or_default()
}

/// What an error means that happened while `doing`.
pub(crate) fn failed<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> PlatformError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(problem) = credentials(error) {
        return problem;
    }
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            service(doing, answer.err().meta().code(), answer.err().meta().message(), status)
        }
        SdkError::TimeoutError(_) => unreachable(doing, "no answer in time".to_owned()),
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => unreachable(doing, chain(error)),
        _ => other(doing, chain(error)),
    }
}

/// What the service's own error means.
fn service(doing: &str, code: Option<&str>, message: Option<&str>, status: u16) -> PlatformError {
    let code = code.unwrap_or("no code");
    let said = shown(message.unwrap_or_default());
    let reason = format!("{doing}: {code} (status {status}): {said}");
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
            denied(reason, "the credentials have expired: get new ones, as with `aws sso login`".to_owned())
        }
        "RequestExpired" | "RequestTimeTooSkewed" => denied(reason, SKEWED.to_owned()),
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            let skewed = said.contains("Signature expired") || said.contains("Signature not yet current");
            denied(
                reason,
                if skewed {
                    SKEWED
                } else {
                    "the secret key does not belong to the access key: look at the credentials"
                }
                .to_owned(),
            )
        }
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignature" => denied(
            reason,
            "AWS does not know these credentials: look at the profile, and at AWS_ACCESS_KEY_ID in the environment"
                .to_owned(),
        ),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "AuthorizationError" => {
            let action = action(&said).unwrap_or("what is being done");
            denied(reason, format!("allow {action} to whom `aws sts get-caller-identity` names"))
        }
        "OptInRequired" | "SubscriptionRequiredException" => {
            denied(reason, "enable the region or the service for this account".to_owned())
        }
        "Throttling" | "ThrottlingException" | "TooManyRequestsException" | "RequestLimitExceeded" => other(
            doing,
            format!("{code}: {said}; AWS slows requests down, and went on after several repetitions: try again later"),
        ),
        "LimitExceeded"
        | "LimitExceededException"
        | "CodeStorageExceededException"
        | "ServiceQuotaExceededException" => other(
            doing,
            format!(
                "{code}: {said}; a quota of the account is reached: remove what is not needed, or ask Service Quotas for more"
            ),
        ),
        "InvalidParameterValueException" if said.contains("UnreservedConcurrentExecution") => other(
            doing,
            format!(
                "{said}; the account's quota of concurrent executions leaves too few: give a lower --max, or ask Service Quotas for more"
            ),
        ),
        _ if status >= 500 => unreachable(doing, format!("{code} (status {status}): {said}")),
        _ => other(doing, format!("{code} (status {status}): {said}")),
    }
}

const SKEWED: &str =
    "this machine's clock is wrong: AWS takes requests within 5 minutes of its own; set it, as with NTP";

/// What is wrong with the credentials, where it is that.
fn credentials(error: &(dyn Error + 'static)) -> Option<PlatformError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(problem) = error.downcast_ref::<CredentialsError>() {
            let reason = chain(problem);
            let words = reason.to_lowercase();
            // The machine's own service of metadata is the last that is asked.
            let has_none = matches!(problem, CredentialsError::CredentialsNotLoaded(_)) || words.contains("imds");
            let advice = if words.contains("sso") {
                "sign in with `aws sso login`, with `--profile` for another profile than the default one"
            } else {
                match problem {
                    _ if has_none => {
                        "there are none: set AWS_PROFILE or the option `profile`, sign in with `aws sso login`, or set \
                         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    }
                    CredentialsError::InvalidConfiguration(_) => "look at ~/.aws/config and ~/.aws/credentials",
                    _ => "try the same with `aws sts get-caller-identity`",
                }
            };
            return Some(denied(format!("no credentials of AWS: {reason}"), advice.to_owned()));
        }
        next = error.source();
    }
    None
}

/// An error with its causes, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    shown(&parts.join(": "))
}

/// The action in "User: … is not authorized to perform: iam:CreateRole on resource: …".
fn action(said: &str) -> Option<&str> {
    let rest = said.split_once("to perform: ")?.1;
    let action = rest.split([' ', ',']).next()?;
    action.contains(':').then_some(action)
}

fn denied(reason: String, advice: String) -> PlatformError {
    PlatformError::Denied { platform: PLATFORM.to_owned(), reason, advice }
}

/// Something that failed while `doing`.
pub(crate) fn other(doing: &str, reason: String) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}

fn unreachable(doing: &str, reason: String) -> PlatformError {
    PlatformError::Unreachable {
        platform: PLATFORM.to_owned(),
        reason: format!("{doing}: {reason}"),
        advice: "look whether the region or the endpoint is right, and whether a proxy (HTTPS_PROXY) is in between"
            .to_owned(),
    }
}

/// A name that is somebody else's.
pub(crate) fn taken(name: &str) -> PlatformError {
    PlatformError::NameTaken { platform: PLATFORM.to_owned(), name: name.to_owned() }
}

fn shown(text: &str) -> String {
    text.trim().chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, message: &str) -> String {
        service("creating the role", Some(code), Some(message), 403).to_string()
    }

    #[test]
    fn what_is_not_allowed_names_the_action() {
        let said = told(
            "AccessDenied",
            "User: arn:aws:iam::123456789012:user/u is not authorized to perform: iam:CreateRole on resource: r because no policy",
        );
        assert!(said.contains("allow iam:CreateRole to"), "{said}");
        assert!(told("AccessDeniedException", "no").contains("allow what is being done"));
    }

    #[test]
    fn a_wrong_clock_is_told_from_a_wrong_key() {
        let late = "Signature expired: 20261128T000000Z is now earlier than 20261128T001000Z";
        assert!(told("SignatureDoesNotMatch", late).contains("clock is wrong"));
        assert!(told("RequestExpired", "Request has expired.").contains("clock is wrong"));
        let wrong = told(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        );
        assert!(wrong.contains("secret key"), "{wrong}");
    }

    #[test]
    fn expired_quota_and_throttling_say_what_to_do() {
        assert!(
            told("ExpiredTokenException", "The security token included in the request is expired")
                .contains("aws sso login")
        );
        assert!(told("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000").contains("Service Quotas"));
        assert!(told("TooManyRequestsException", "Rate exceeded").contains("later"));
        assert!(service("invoking", Some("ServiceException"), None, 500).to_string().contains("can't be reached"));
    }
}
