//! Which requests go through a proxy.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Proxy, Url};

use crate::address::is_this_machine;

/// Which requests go through a proxy.
#[derive(Clone)]
pub(crate) enum Route {
    /// What the environment says, except to this machine itself.
    Environment(Arc<Matcher>),
    /// All of them.
    Through(Url),
}

impl Route {
    /// # Errors
    /// When the address can't be a proxy's.
    pub(crate) fn new(proxy: Option<&str>) -> Result<Route, String> {
        let Some(proxy) = proxy else { return Ok(Route::Environment(Arc::new(Matcher::from_env()))) };
        let url = Url::parse(proxy).map_err(|error| format!("the proxy `{proxy}` is no address: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "the proxy's address holds credentials, which belong in the environment: HTTPS_PROXY".to_owned()
            );
        }
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("the proxy `{proxy}` is not http:// or https:// and a host"));
        }
        Ok(Route::Through(url))
    }

    /// Whether a request to this address goes through one.
    pub(crate) fn is_proxied(&self, url: &Url) -> bool {
        match self {
            Route::Environment(matcher) => {
                let address = url.as_str().parse().ok();
                !is_this_machine(url) && address.is_some_and(|address| matcher.intercept(&address).is_some())
            }
            Route::Through(_) => true,
        }
    }

    /// The one that is named.
    ///
    /// # Errors
    /// When it can't be one.
    pub(crate) fn named(&self) -> Result<Option<Proxy>, reqwest::Error> {
        match self {
            Route::Environment(_) => Ok(None),
            Route::Through(url) => Proxy::all(url.clone()).map(Some),
        }
    }
}

/// Without addresses, which may hold credentials.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::Environment(_) => "Environment",
            Route::Through(_) => "Through",
        })
    }
}
