//! Where functions are called.

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};

use crate::call::Failure;
use crate::error::{CallerError, Variables, needed};

const VARIABLE: &str = "FAASBENCH_CALLER_URL";
/// What stands for the function's name.
const NAME: &str = "{name}";
/// What stands for the number of the project that an instance is in.
const PROJECT: &str = "{project-number}";

/// A URL with TLS in which `{name}` stands for the function, and `{project-number}` for the number of the instance's project.
pub(crate) struct Template(String);

impl Template {
    /// The one in the environment. Without TLS there is none: what lets calls in is worth stealing.
    ///
    /// # Errors
    /// When it is missing, or no such URL.
    pub(crate) fn new(variables: Variables<'_>, with_project: bool) -> Result<Template, CallerError> {
        let text = needed(variables, VARIABLE)?;
        let wrong = || CallerError::Value { variable: VARIABLE, accepted: "https://HOST/PATH with {name} in it" };
        let filled = text.replace(NAME, "name");
        let filled = if with_project { filled.replace(PROJECT, "1") } else { filled };
        let url: Uri = filled.parse().map_err(|_| wrong())?;
        let is_fine = text.contains(NAME) && url.scheme() == Some(&Scheme::HTTPS) && url.authority().is_some_and(plain);
        if is_fine { Ok(Template(text)) } else { Err(wrong()) }
    }

    /// Whether it holds the project's number.
    pub(crate) fn needs_project(&self) -> bool {
        self.0.contains(PROJECT)
    }

    /// The URL of a function, whose name has been checked.
    pub(crate) fn url(&self, name: &str, project: &str) -> Result<Uri, Failure> {
        let filled = self.0.replace(NAME, name).replace(PROJECT, project);
        filled.parse().map_err(|error| (500, "internal", format!("`{name}` can't be called at {filled}: {error}")))
    }
}

/// Without a password.
fn plain(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, CallerError> {
        Template::new(&|name| (name == VARIABLE).then(|| text.to_owned()), true)
    }

    #[test]
    fn a_url_is_filled() {
        let run = template("https://{name}-{project-number}.europe-west1.run.app").unwrap();
        assert!(run.needs_project());
        assert_eq!(run.url("f2", "123").unwrap(), "https://f2-123.europe-west1.run.app/");
        let azure = template("https://lab-{name}.azurewebsites.net/api/{name}").unwrap();
        assert!(!azure.needs_project());
        assert_eq!(azure.url("f2", "").unwrap(), "https://lab-f2.azurewebsites.net/api/f2");
    }

    #[test]
    fn one_without_tls_or_a_name_is_none_and_is_not_shown() {
        for text in
            ["http://{name}.test", "https://test/", "https://me:hidden@test/{name}", "{name}", "https:///{name}"]
        {
            let error = template(text).err().unwrap().to_string();
            assert!(error.contains(VARIABLE) && !error.contains("hidden"), "{error}");
        }
        assert!(matches!(Template::new(&|_| None, false), Err(CallerError::Environment(VARIABLE))));
    }
}
