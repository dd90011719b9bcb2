//! Google Cloud: a POST with an ID token.

mod metadata;
mod token;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper::header::AUTHORIZATION;
use metadata::Metadata;
use token::Token;

use crate::call::{Answer, Call, Failure};
use crate::client::Client;
use crate::error::{CallerError, Variables};
use crate::template::Template;

/// The longest name of a service.
const NAME: usize = 63;

/// Calls services of Cloud Run.
pub(crate) struct GoogleCloud {
    url: Template,
    metadata: Metadata,
    /// The project's number, once it was asked for.
    project: RefCell<Option<String>>,
    /// Tokens by the service that they are for. A token that was refused is dropped.
    tokens: RefCell<HashMap<String, Token>>,
    /// How many tokens were put there: which one was refused is told by it.
    made: Cell<u64>,
}

impl GoogleCloud {
    /// The most bytes of an event, and of its answer: what Cloud Run takes.
    pub(crate) const READ: usize = 32 << 20;

    /// # Errors
    /// When there is no URL.
    pub(crate) fn new(variables: Variables<'_>) -> Result<GoogleCloud, CallerError> {
        Ok(GoogleCloud {
            url: Template::new(variables, true)?,
            metadata: Metadata::new(variables)?,
            project: RefCell::default(),
            tokens: RefCell::default(),
            made: Cell::new(0),
        })
    }

    pub(crate) async fn call(&self, client: &Client, call: Call) -> Result<Answer, Failure> {
        let name = call.name(b"", NAME)?;
        let project = if self.url.needs_project() { self.project(client).await? } else { String::new() };
        let url = self.url.url(name, &project)?;
        let audience = origin(&url);
        let token = self.token(client, &audience).await?;
        let request = call
            .post()
            .uri(url)
            .header(AUTHORIZATION, &token.authorization)
            .body(Full::<Bytes>::new(call.body.clone()))
            .map_err(|error| (500, "internal", format!("`{name}` can't be called: {error}")))?;
        let (parts, body) = client.send(request, &format!("calling `{name}`"), GoogleCloud::READ).await?;
        let advice = match parts.status.as_u16() {
            401 => {
                self.forget(&audience, &token);
                "its token was refused; the next call has another one"
            }
            403 => "give the account that this function runs as the role roles/run.invoker on it",
            404 => "deploy a service of that name, whose ingress takes calls from here",
            _ => "",
        };
        call.answered("Cloud Run", parts.status, body, advice)
    }

    /// The number of the project that this instance is in.
    async fn project(&self, client: &Client) -> Result<String, Failure> {
        if let Some(project) = self.project.borrow().as_ref() {
            return Ok(project.clone());
        }
        let project = self.metadata.project_number(client).await?;
        *self.project.borrow_mut() = Some(project.clone());
        Ok(project)
    }

    /// A token that a service takes for a while yet.
    async fn token(&self, client: &Client, audience: &str) -> Result<Token, Failure> {
        if let Some(token) = self.tokens.borrow().get(audience).filter(|token| token.lasts()) {
            return Ok(token.clone());
        }
        self.made.set(self.made.get() + 1);
        let token = Token::new(&self.metadata.id_token(client, audience).await?, self.made.get())?;
        self.tokens.borrow_mut().insert(audience.to_owned(), token.clone());
        Ok(token)
    }

    /// Forgets a token, unless there is another one since.
    fn forget(&self, audience: &str, token: &Token) {
        let mut tokens = self.tokens.borrow_mut();
        if tokens.get(audience).is_some_and(|kept| kept.number == token.number) {
            tokens.remove(audience);
        }
    }
}

/// `https://HOST` of a URL: whom a token is for.
fn origin(url: &Uri) -> String {
    format!("https://{}", url.authority().map_or("", |authority| authority.as_str()))
}
