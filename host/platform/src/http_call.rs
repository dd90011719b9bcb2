//! Calling a function with any HTTP client.

use std::fmt;

/// Where a POST with an event calls a function, and what is asked of whoever sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// The address.
    pub url: String,
    /// Headers, by name, beside the event's own: the name under which an ingress knows the function, a credential. Values are
    /// never shown.
    pub headers: Vec<(&'static str, String)>,
}

impl HttpCall {
    /// Of an address that asks for nothing.
    pub fn to(url: impl Into<String>) -> HttpCall {
        HttpCall { url: url.into(), headers: Vec::new() }
    }

    /// The same with a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> HttpCall {
        self.headers.push((name, value.into()));
        self
    }
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpCall").field("url", &self.url).field("headers", &names).finish()
    }
}
