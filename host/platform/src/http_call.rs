//! Calling a function with any HTTP client.

use std::fmt;
use std::time::Duration;

/// Where a POST with an event calls a function, and what is asked of whoever sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// The address.
    pub url: String,
    /// Headers, by name, beside the event's own: the name under which an ingress knows the function, a credential. Values are
    /// never shown.
    pub headers: Vec<(&'static str, String)>,
    /// How long the credential in the headers lets calls in, from when this was made; `None` where there is none, or nobody knows.
    pub valid_for: Option<Duration>,
}

impl HttpCall {
    /// Of an address that asks for nothing.
    pub fn to(url: impl Into<String>) -> HttpCall {
        HttpCall { url: url.into(), headers: Vec::new(), valid_for: None }
    }

    /// The same with a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> HttpCall {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a bound on how long its credential lets calls in.
    pub fn valid_for(mut self, time: Option<Duration>) -> HttpCall {
        self.valid_for = time;
        self
    }
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let mut shown = f.debug_struct("HttpCall");
        shown.field("url", &self.url).field("headers", &names).field("valid_for", &self.valid_for).finish()
    }
}
