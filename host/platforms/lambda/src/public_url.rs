//! A function's URL, and who may call it.

use aws_sdk_lambda::types::{FunctionUrlAuthType, InvokeMode};
use platform::PlatformError;

use crate::clients::Clients;
use crate::failure::{code, failed, is_missing};
use crate::options::FunctionUrl;

/// The permissions of a public URL: since October 2025 a caller needs both.
/// <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
const STATEMENTS: [&str; 2] = ["faasbench-url", "faasbench-url-invoke"];

/// Makes the URL, or finds the one that was made before.
pub(crate) async fn ensure(clients: &Clients, function: &str, kind: FunctionUrl) -> Result<String, PlatformError> {
    let doing = format!("making the URL of {function}");
    let auth = if kind == FunctionUrl::Public { FunctionUrlAuthType::None } else { FunctionUrlAuthType::AwsIam };
    let request = clients.lambda.create_function_url_config().function_name(function).auth_type(auth.clone());
    match request.invoke_mode(InvokeMode::Buffered).send().await {
        Ok(answer) => Ok(answer.function_url),
        Err(error) if code(&error) == Some("ResourceConflictException") => {
            let request = clients.lambda.update_function_url_config().function_name(function).auth_type(auth);
            let answer = request.send().await.map_err(|error| failed(&doing, &error))?;
            Ok(answer.function_url)
        }
        Err(error) => Err(failed(&doing, &error)),
    }
}

/// Lets everybody call the function by its URL, and in no other way.
pub(crate) async fn open(clients: &Clients, function: &str) -> Result<(), PlatformError> {
    for statement in STATEMENTS {
        let request = clients.lambda.add_permission().function_name(function).statement_id(statement).principal("*");
        let request = if statement == STATEMENTS[0] {
            request.action("lambda:InvokeFunctionUrl").function_url_auth_type(FunctionUrlAuthType::None)
        } else {
            request.action("lambda:InvokeFunction").invoked_via_function_url(true)
        };
        match request.send().await {
            Ok(_) => {}
            Err(error) if code(&error) == Some("ResourceConflictException") => {}
            Err(error) => return Err(failed(&format!("opening the URL of {function}"), &error)),
        }
    }
    Ok(())
}

/// Takes that away.
pub(crate) async fn close(clients: &Clients, function: &str) -> Result<(), PlatformError> {
    for statement in STATEMENTS {
        match clients.lambda.remove_permission().function_name(function).statement_id(statement).send().await {
            Ok(_) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(failed(&format!("closing the URL of {function}"), &error)),
        }
    }
    Ok(())
}

/// Removes the URL.
pub(crate) async fn remove(clients: &Clients, function: &str) -> Result<(), PlatformError> {
    match clients.lambda.delete_function_url_config().function_name(function).send().await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(failed(&format!("removing the URL of {function}"), &error)),
    }
}
