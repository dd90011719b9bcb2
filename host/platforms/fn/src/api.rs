//! The requests of administration.

use platform::PlatformError;
use remote_platform::{Api, ApiRequest, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::objects::{App, Function, Page, Trigger};

/// The platform's name.
pub(crate) const PLATFORM: &str = "fn";
/// How many things a page of a list has: the most that the server gives.
const PER_PAGE: u32 = 100;
/// How many pages are read at most.
const PAGES: u32 = 1_000;

/// Fn's API.
#[derive(Debug, Clone)]
pub(crate) struct FnApi {
    pub(crate) api: Api,
}

impl FnApi {
    /// The server's version.
    pub(crate) async fn version(&self) -> Result<String, PlatformError> {
        let request = ApiRequest::new("asking Fn for its version", Method::GET, "/version");
        let version: Value = self.api.ask(&request, &[]).await?.json()?;
        Ok(version["version"].as_str().unwrap_or("of an unknown version").to_owned())
    }

    pub(crate) async fn apps(&self) -> Result<Vec<App>, PlatformError> {
        self.list("listing apps", "/v2/apps?").await
    }

    /// The app of that name: a letter, digit, `-` or `_` is its own escape.
    pub(crate) async fn app(&self, name: &str) -> Result<Option<App>, PlatformError> {
        let found: Vec<App> =
            self.list(&format!("looking for the app {name}"), &format!("/v2/apps?name={name}&")).await?;
        Ok(found.into_iter().find(|app| app.name == name))
    }

    pub(crate) async fn functions(&self, app: &App) -> Result<Vec<Function>, PlatformError> {
        let path = format!("/v2/fns?app_id={}&", id(&app.id)?);
        self.list(&format!("listing the functions of the app {}", app.name), &path).await
    }

    pub(crate) async fn function(&self, app: &App, name: &str) -> Result<Option<Function>, PlatformError> {
        let path = format!("/v2/fns?app_id={}&name={name}&", id(&app.id)?);
        let found: Vec<Function> = self.list(&format!("looking for the function {name}"), &path).await?;
        Ok(found.into_iter().find(|function| function.name == name))
    }

    /// The function with this id.
    pub(crate) async fn function_by_id(&self, function: &str) -> Result<Option<Function>, PlatformError> {
        let path = format!("/v2/fns/{}", id(function)?);
        let response = self.api.ask(&ApiRequest::new("asking for a function", Method::GET, path), &[404]).await?;
        if response.status.as_u16() == 404 { Ok(None) } else { response.json().map(Some) }
    }

    pub(crate) async fn triggers(&self, app: &App) -> Result<Vec<Trigger>, PlatformError> {
        let path = format!("/v2/triggers?app_id={}&", id(&app.id)?);
        self.list(&format!("listing the triggers of the app {}", app.name), &path).await
    }

    pub(crate) async fn trigger(&self, app: &App, name: &str) -> Result<Option<Trigger>, PlatformError> {
        let path = format!("/v2/triggers?app_id={}&name={name}&", id(&app.id)?);
        let found: Vec<Trigger> = self.list(&format!("looking for the trigger {name}"), &path).await?;
        Ok(found.into_iter().find(|trigger| trigger.name == name))
    }

    /// Creates something; `None` when the name is taken.
    pub(crate) async fn create<T: DeserializeOwned>(&self, request: &ApiRequest) -> Result<Option<T>, PlatformError> {
        let response = self.api.ask(request, &[409]).await?;
        if response.status.as_u16() == 409 { Ok(None) } else { response.json().map(Some) }
    }

    /// Changes a function.
    pub(crate) async fn update_function(&self, function: &str, body: Value) -> Result<Function, PlatformError> {
        let path = format!("/v2/fns/{}", id(function)?);
        let request = ApiRequest::new("updating a function", Method::PUT, path).json(body);
        self.api.ask(&request, &[]).await?.json()
    }

    /// Deletes something of `kind`, `apps`, `fns` or `triggers`; a success when it is gone already.
    pub(crate) async fn delete(&self, kind: &str, thing: &str, name: &str) -> Result<(), PlatformError> {
        let path = format!("/v2/{kind}/{}", id(thing)?);
        let request = ApiRequest::new(format!("deleting {name} of {kind}"), Method::DELETE, path);
        self.api.ask(&request, &[404]).await.map(|_| ())
    }

    /// All of a list, whose path ends with `?` or `&`.
    async fn list<T: DeserializeOwned>(&self, doing: &str, path: &str) -> Result<Vec<T>, PlatformError> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let mut page_path = format!("{path}per_page={PER_PAGE}");
            if !cursor.is_empty() {
                page_path.push_str(&format!("&cursor={}", escaped(&cursor)));
            }
            let response = self.api.ask(&ApiRequest::new(doing, Method::GET, page_path), &[404]).await?;
            if response.status.as_u16() == 404 {
                // What the list is of has gone.
                return Ok(all);
            }
            let page: Page<T> = response.json()?;
            all.extend(page.items.unwrap_or_default());
            if page.next_cursor.is_empty() {
                return Ok(all);
            }
            cursor = page.next_cursor;
        }
        Err(failed(doing, format!("the list does not end after {PAGES} pages")))
    }
}

/// Something that failed on Fn.
pub(crate) fn failed(doing: &str, reason: String) -> PlatformError {
    PlatformError::Failed { platform: PLATFORM.to_owned(), doing: doing.to_owned(), reason }
}

/// An id that the server gave, before it becomes a part of a path.
fn id(id: &str) -> Result<&str, PlatformError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    // Oracle's ids have dots; one that is nothing but dots would be another path.
    let is_id = !id.is_empty() && id.bytes().all(is_plain) && id.bytes().any(|byte| byte.is_ascii_alphanumeric());
    if is_id { Ok(id) } else { Err(failed("reading an id", format!("{id:?} is none"))) }
}

/// A cursor as a query's value: it is base64.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_no_path() {
        assert_eq!(id("01M8J8XN4KR00040J70M000001").unwrap(), "01M8J8XN4KR00040J70M000001");
        assert_eq!(id("ocid1.fnfunc.oc1..x").unwrap(), "ocid1.fnfunc.oc1..x");
        for wrong in ["", "..", "a/b", "a?b", "a%2fb", "a b"] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_is_one_value() {
        assert_eq!(escaped("YQ==&b"), "YQ%3D%3D%26b");
    }
}
