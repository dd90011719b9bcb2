//! Nested calls between functions in this process.

use std::sync::Weak;

use async_trait::async_trait;
use lab::{Error, ErrorKind};
use platform::Invocation;

use crate::driver::CallOthers;
use crate::failure::as_functions_error;
use crate::local_platform::Inner;

/// Calls other functions of the platform, as long as there is one.
pub(crate) struct Others(pub(crate) Weak<Inner>);

#[async_trait]
impl CallOthers for Others {
    async fn call(&self, name: &str, invocation: Invocation) -> Result<String, Error> {
        let Some(platform) = self.0.upgrade() else {
            return Err(Error::new(ErrorKind::Unavailable, "the platform is shutting down"));
        };
        let answer = platform.nested(name, &invocation).await.map_err(|error| as_functions_error(&error).1)?;
        answer.response()?;
        String::from_utf8(answer.body.into()).map_err(|_| Error::internal("the response is not UTF-8 text"))
    }
}
