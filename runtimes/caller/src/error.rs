//! Why no calls can be made.

/// What a variable of the environment is.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why no calls can be made.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    /// The environment is not that of an instance.
    #[error("{0} is not set, as the platform or its deployer sets it for every instance")]
    Environment(&'static str),
    /// A variable holds something else than it should. Its value is not told, as it may be a secret.
    #[error("{variable} can't be used: it has to be {accepted}")]
    Value {
        /// The variable.
        variable: &'static str,
        /// What it may hold.
        accepted: &'static str,
    },
    /// TLS can't be used.
    #[error("TLS can't be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The socket can't be listened at.
    #[error("the standard input is no listening unix socket: {0}; this program is started by an image")]
    Socket(#[from] std::io::Error),
}

/// A variable that is not empty.
pub(crate) fn value(variables: Variables<'_>, name: &str) -> Option<String> {
    variables(name).filter(|value| !value.is_empty())
}

/// A variable that has to be there.
pub(crate) fn needed(variables: Variables<'_>, name: &'static str) -> Result<String, CallerError> {
    value(variables, name).ok_or(CallerError::Environment(name))
}
