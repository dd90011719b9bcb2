//! What the environment says.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use crate::error::{Error, Kind};
use crate::names::{validate_bucket, validate_key};
use crate::url::{PLACEHOLDER, Url};

/// The name in records where the environment gives none.
pub const DEFAULT_PLATFORM: &str = "wasi-http";

/// What an image was told by its environment. An empty variable counts as absent.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `FAASBENCH_PLATFORM` | the platform's name in records | `wasi-http` |
/// | `FAASBENCH_STORAGE` | the object storage in S3: `s3://[BUCKET[/PREFIX]][?endpoint=URL][&region=NAME]`, as for native images (`native::Location`) | none: storage is refused |
/// | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` | who asks for objects | none: anonymous |
/// | `AWS_REGION`, or `AWS_DEFAULT_REGION` | the storage's region, where its location has none | `us-east-1` |
/// | `FAASBENCH_INVOKE_URL` | where nested calls go: a URL with `{name}` in it | none: nested calls are refused |
/// | `FAASBENCH_INVOKE_TIMEOUT_MS` | the longest that a nested call may take, ms, 1 to 3,600,000 | 60000 |
/// | `FAASBENCH_INVOKE_AUTHORIZATION` | the `Authorization` header of nested calls | none |
pub struct Settings {
    /// `FAASBENCH_PLATFORM`.
    pub platform: String,
    /// The object storage.
    pub storage: Result<Storage, Error>,
    /// Nested calls.
    pub invoke: Result<Invoke, Error>,
}

/// Who asks for objects.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`; a secret.
    pub secret_key: String,
    /// `AWS_SESSION_TOKEN`; a secret.
    pub session_token: Option<String>,
}

/// The object storage.
pub struct Storage {
    /// Where buckets are folders.
    pub endpoint: Url,
    /// The bucket that holds all objects; `None` where an event's buckets are real ones.
    pub bucket: Option<String>,
    /// What stands before all keys in that bucket, without slashes around it; often empty.
    pub prefix: String,
    /// Who asks; `None` for an anonymous request.
    pub credentials: Option<Credentials>,
    /// Its region.
    pub region: String,
}

/// Where nested calls go.
pub struct Invoke {
    /// Holds [`PLACEHOLDER`] in its authority or its path.
    pub template: Url,
    /// The longest that one may take, ns.
    pub timeout_ns: u64,
    /// A secret.
    pub authorization: Option<String>,
}

impl Settings {
    /// Reads the variables.
    pub fn read(variables: &[(String, String)]) -> Settings {
        let text = |name: &str| {
            let found = variables.iter().find(|(variable, value)| variable == name && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        Settings {
            platform: text("FAASBENCH_PLATFORM").unwrap_or_else(|| DEFAULT_PLATFORM.to_owned()),
            storage: storage(&text),
            invoke: invoke(&text),
        }
    }
}

impl Storage {
    /// The real bucket that holds the objects of an event's bucket, and what stands before their keys there, as
    /// `native::RemoteLocation::resolve` has it.
    ///
    /// # Errors
    /// A bad request for a name that no bucket can have.
    pub fn resolve(&self, bucket: &str) -> Result<(String, String), Error> {
        validate_bucket(bucket)?;
        Ok(match &self.bucket {
            None => (bucket.to_owned(), String::new()),
            Some(real) if self.prefix.is_empty() => (real.clone(), format!("{bucket}/")),
            Some(real) => (real.clone(), format!("{}/{bucket}/", self.prefix)),
        })
    }
}

fn storage(text: &dyn Fn(&str) -> Option<String>) -> Result<Storage, Error> {
    let Some(location) = text("FAASBENCH_STORAGE") else {
        let message = "this instance was given no object storage: its image needs FAASBENCH_STORAGE";
        return Err(Error::new(Kind::Denied, message));
    };
    let given_region = text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION"));
    // The value is not repeated: people put secrets there.
    let mut storage = location_of(&location, given_region).ok_or_else(|| {
        let message = "FAASBENCH_STORAGE can't be used: give s3://[BUCKET[/PREFIX]][?endpoint=URL][&region=NAME], the only \
                       storage that this image has a client of";
        Error::new(Kind::Denied, message)
    })?;
    storage.credentials = match (text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY")) {
        (Some(access_key), Some(secret_key)) => {
            Some(Credentials { access_key, secret_key, session_token: text("AWS_SESSION_TOKEN") })
        }
        (None, None) => None,
        _ => {
            let message = "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is missing: give both, or none for \
                           anonymous requests";
            return Err(Error::new(Kind::Denied, message));
        }
    };
    Ok(storage)
}

fn location_of(location: &str, given_region: Option<String>) -> Option<Storage> {
    let (path, query) = location.strip_prefix("s3://")?.split_once('?').unwrap_or((&location[5..], ""));
    let (bucket, prefix) = path.trim_end_matches('/').split_once('/').unwrap_or((path.trim_end_matches('/'), ""));
    if bucket.is_empty() && !prefix.is_empty()
        || !bucket.is_empty() && validate_bucket(bucket).is_err()
        || !prefix.is_empty() && (prefix.len() > 512 || validate_key(prefix).is_err())
    {
        return None;
    }
    let (mut endpoint, mut region) = (None, given_region);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=')? {
            ("endpoint", url) => endpoint = Some(Url::parse(url).filter(|url| !url.path.contains('?'))?),
            ("region", name) if validate_bucket(name).is_ok() => region = Some(name.to_owned()),
            _ => return None,
        }
    }
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint.unwrap_or_else(|| Url {
        secure: true,
        authority: format!("s3.{region}.amazonaws.com"),
        path: String::new(),
    });
    let bucket = (!bucket.is_empty()).then(|| bucket.to_owned());
    Some(Storage { endpoint, bucket, prefix: prefix.to_owned(), credentials: None, region })
}

fn invoke(text: &dyn Fn(&str) -> Option<String>) -> Result<Invoke, Error> {
    let Some(template) = text("FAASBENCH_INVOKE_URL") else {
        let message = "this instance can't call other functions: its image needs FAASBENCH_INVOKE_URL";
        return Err(Error::new(Kind::Denied, message));
    };
    // The value is not repeated: a URL may hold a password.
    let template = Url::parse(&template).filter(|_| template.contains(PLACEHOLDER)).ok_or_else(|| {
        let message = "FAASBENCH_INVOKE_URL can't be used: give a URL such as http://gateway:8080/function/{name}";
        Error::new(Kind::Denied, message)
    })?;
    let timeout_ms = match text("FAASBENCH_INVOKE_TIMEOUT_MS") {
        None => 60_000,
        Some(value) => value.trim().parse().ok().filter(|ms| (1..=3_600_000).contains(ms)).ok_or_else(|| {
            let message = format!("FAASBENCH_INVOKE_TIMEOUT_MS is {value:?}: give a whole number from 1 to 3600000");
            Error::new(Kind::Denied, message)
        })?,
    };
    let authorization = text("FAASBENCH_INVOKE_AUTHORIZATION");
    Ok(Invoke { template, timeout_ns: timeout_ms * 1_000_000, authorization })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Settings {
        let owned: Vec<_> = variables.iter().map(|(name, value)| (String::from(*name), String::from(*value))).collect();
        Settings::read(&owned)
    }

    fn message<T>(result: Result<T, Error>) -> String {
        let error = result.err().unwrap();
        assert_eq!(error.kind, Kind::Denied);
        error.message
    }

    #[test]
    fn what_is_absent_or_empty_is_refused_with_the_variables_name() {
        let settings = read(&[("FAASBENCH_STORAGE", ""), ("OTHER", "x")]);
        assert_eq!(settings.platform, DEFAULT_PLATFORM);
        assert!(message(settings.storage).contains("FAASBENCH_STORAGE"));
        assert!(message(settings.invoke).contains("FAASBENCH_INVOKE_URL"));
    }

    #[test]
    fn a_value_that_is_not_accepted_is_named_with_what_is() {
        for location in
            ["/dir", "gs://b", "s3:///p", "s3://b?x=1", "s3://?endpoint=ftp://h", "s3://u:p@b", "s3://b/../c"]
        {
            let message = message(read(&[("FAASBENCH_STORAGE", location)]).storage);
            assert!(message.contains("s3://[BUCKET") && !message.contains(&format!("is {location}")), "{message}");
        }
        for url in ["http://h/f", "http://me:hidden@h/f", "ftp://me:hidden@h/{name}"] {
            let message = message(read(&[("FAASBENCH_INVOKE_URL", url)]).invoke);
            assert!(message.contains("{name}") && !message.contains("hidden"), "{message}");
        }
        let both = [("FAASBENCH_INVOKE_URL", "http://h/{name}"), ("FAASBENCH_INVOKE_TIMEOUT_MS", "0")];
        assert!(message(read(&both).invoke).contains("from 1 to 3600000"));
    }

    #[test]
    fn half_of_the_credentials_is_refused_without_showing_it() {
        let settings = read(&[("FAASBENCH_STORAGE", "s3://b"), ("AWS_SECRET_ACCESS_KEY", "hidden")]);
        let message = message(settings.storage);
        assert!(message.contains("AWS_ACCESS_KEY_ID") && !message.contains("hidden"), "{message}");
    }

    #[test]
    fn what_is_given_is_taken() {
        let settings = read(&[
            ("FAASBENCH_PLATFORM", "spin"),
            ("FAASBENCH_STORAGE", "s3://?endpoint=http://127.0.0.1:9000/"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("FAASBENCH_INVOKE_URL", "http://{name}.functions:80"),
            ("FAASBENCH_INVOKE_TIMEOUT_MS", "1500"),
        ]);
        assert_eq!(settings.platform, "spin");
        let storage = settings.storage.ok().unwrap();
        assert_eq!((&*storage.endpoint.authority, &*storage.endpoint.path), ("127.0.0.1:9000", ""));
        assert_eq!((&*storage.region, storage.resolve("b").unwrap()), ("eu-west-1", ("b".into(), "".into())));
        assert!(storage.credentials.is_some_and(|credentials| credentials.session_token.is_none()));
        let invoke = settings.invoke.ok().unwrap();
        assert_eq!((&*invoke.template.authority, invoke.timeout_ns), ("{name}.functions:80", 1_500_000_000));
    }

    #[test]
    fn one_bucket_holds_all_buckets_of_events() {
        let resolved = |location: &str| {
            let storage = read(&[("FAASBENCH_STORAGE", location)]).storage.ok().unwrap();
            (storage.resolve("b").unwrap(), storage.endpoint)
        };
        let (place, endpoint) = resolved("s3://mine/lab/?region=eu-north-1");
        assert_eq!(place, ("mine".into(), "lab/b/".into()));
        assert_eq!(endpoint, Url::parse("https://s3.eu-north-1.amazonaws.com").unwrap());
        assert_eq!(resolved("s3://mine").0, ("mine".into(), "b/".into()));
    }
}
