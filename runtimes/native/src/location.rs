//! Where objects are: one notation for the host and for images.

use std::fmt;
use std::path::PathBuf;

use lab::Error;

use crate::{validate_bucket, validate_key};

/// A place for the functions' objects.
///
/// | notation | place |
/// |---|---|
/// | `/path`, `file:///path` | a directory: a folder per bucket, a file per object |
/// | `s3://[BUCKET[/PREFIX]]` | Amazon S3, or with `?endpoint=http://127.0.0.1:9000` a server of its protocol; `&region=NAME` |
/// | `gs://[BUCKET[/PREFIX]]` | Google Cloud Storage, or with `?endpoint=URL` a server of its XML protocol |
/// | `azure://ACCOUNT[/CONTAINER[/PREFIX]]` | Azure Blob Storage, or with `?endpoint=http://127.0.0.1:10000` Azurite |
///
/// Events name buckets (`faasbench`, or any other), and nobody can make a bucket of any name: those of S3 and Google are taken
/// world-wide. So where the location has a bucket, all objects are in that one, and an event's bucket is the first segment of
/// their keys, below the prefix: `s3://mine/lab` holds object `input/a` of bucket `faasbench` under
/// `lab/faasbench/input/a`. Where it has none (`s3://`, `azure://ACCOUNT`), an event's bucket is a real bucket or container,
/// which must be there: for servers of one's own.
///
/// Requests name the bucket in the path, not in the host name. Credentials are never part of a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The absolute path of a directory.
    Directory(PathBuf),
    /// A service that is reached over the network.
    Remote(RemoteLocation),
}

/// A service that stores objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Amazon S3 and what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    GoogleCloud,
    /// Azure Blob Storage.
    Azure,
}

/// A place in a service that is reached over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLocation {
    /// The service.
    pub service: Service,
    /// Azure's storage account; `None` for the others.
    pub account: Option<String>,
    /// The bucket that holds all objects; `None` where each bucket of an event is one of the service.
    pub bucket: Option<String>,
    /// What stands before all keys in that bucket, without slashes around it; often empty.
    pub prefix: String,
    /// The URL of the server, when it is not the service's own.
    pub endpoint: Option<String>,
    /// The region's name; only S3 has one.
    pub region: Option<String>,
}

impl Service {
    /// The scheme of its locations.
    pub fn scheme(self) -> &'static str {
        match self {
            Service::S3 => "s3",
            Service::GoogleCloud => "gs",
            Service::Azure => "azure",
        }
    }
}

impl Location {
    /// The directory of a location that is one: an absolute path, or `file://` and one. All that images need that have no
    /// client of services.
    pub fn directory(text: &str) -> Option<PathBuf> {
        let path = text.strip_prefix("file://").unwrap_or(text);
        path.starts_with('/').then(|| path.into())
    }

    /// Reads a location.
    ///
    /// # Errors
    /// A bad request for what is none. Its message repeats nothing of the text but the scheme, as people put secrets there.
    pub fn parse(text: &str) -> Result<Location, Error> {
        if text.contains('\0') {
            return Err(Error::bad_request("the storage location contains a NUL"));
        }
        if let Some(path) = Location::directory(text) {
            return Ok(Location::Directory(path));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Error::bad_request(
                "the storage location is not one: give the absolute path of a directory, s3://…, gs://… or azure://…",
            ));
        };
        let service = match scheme {
            "file" => return Err(refused("file", "the path is not absolute: give file:///path")),
            "s3" => Service::S3,
            "gs" => Service::GoogleCloud,
            "azure" => Service::Azure,
            _ => {
                return Err(Error::bad_request(
                    "the storage location's scheme is not known: give a path, file://, s3://, gs:// or azure://",
                ));
            }
        };
        RemoteLocation::parse(service, rest).map(Location::Remote)
    }
}

impl RemoteLocation {
    fn parse(service: Service, rest: &str) -> Result<RemoteLocation, Error> {
        let refused = |problem: &str| refused(service.scheme(), problem);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.contains('@') || path.contains('#') {
            return Err(refused("it holds '@' or '#': credentials come from the environment, never from a location"));
        }
        let mut path = path.trim_end_matches('/');
        let mut account = None;
        if service == Service::Azure {
            let (name, rest) = path.split_once('/').unwrap_or((path, ""));
            let ordinary = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            if !(3..=24).contains(&name.len()) || !name.bytes().all(ordinary) {
                return Err(refused(
                    "its account is not 3 to 24 lower-case letters and digits: give azure://ACCOUNT/…",
                ));
            }
            account = Some(name.to_owned());
            path = rest;
        }
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        if bucket.is_empty() && !prefix.is_empty() {
            return Err(refused("it has a prefix and no bucket"));
        }
        if !bucket.is_empty() && validate_bucket(bucket).is_err() {
            return Err(refused("its bucket's name is not 1 to 63 letters, digits, '-', '_' or '.'"));
        }
        // Room is left for an event's bucket and key.
        if !prefix.is_empty() && (prefix.len() > 512 || validate_key(prefix).is_err()) {
            return Err(refused("its prefix is longer than 512 bytes, or has empty segments, '.' or '..'"));
        }
        let (mut endpoint, mut region) = (None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("endpoint", url)) => {
                    endpoint = Some(parse_endpoint(url).ok_or_else(|| {
                        refused("its endpoint is not http:// or https:// with a host, and perhaps a port and a path")
                    })?)
                }
                Some(("region", name)) if service == Service::S3 && validate_bucket(name).is_ok() => {
                    region = Some(name.to_owned());
                }
                _ if service == Service::S3 => {
                    return Err(refused(
                        "after '?' it can have endpoint=URL and region=NAME, joined by '&', and nothing else",
                    ));
                }
                _ => return Err(refused("after '?' it can have endpoint=URL and nothing else")),
            }
        }
        Ok(RemoteLocation {
            service,
            account,
            bucket: (!bucket.is_empty()).then(|| bucket.to_owned()),
            prefix: prefix.to_owned(),
            endpoint,
            region,
        })
    }

    /// The service's bucket that holds the objects of an event's bucket, and what stands before their keys there.
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

fn refused(scheme: &str, problem: &str) -> Error {
    Error::bad_request(format!("the storage location {scheme}://… can't be used: {problem}"))
}

/// A server's URL, without a slash at its end.
fn parse_endpoint(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/[]".contains(&byte);
    (!host.is_empty() && rest.bytes().all(ordinary)).then(|| url.trim_end_matches('/').to_owned())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Directory(path) => write!(f, "{}", path.display()),
            Location::Remote(remote) => remote.fmt(f),
        }
    }
}

impl fmt::Display for RemoteLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.service.scheme())?;
        let parts = [self.account.as_deref(), self.bucket.as_deref(), Some(self.prefix.as_str())];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        f.write_str(&parts.collect::<Vec<_>>().join("/"))?;
        let parameters = [("endpoint", &self.endpoint), ("region", &self.region)];
        let mut separator = '?';
        for (name, value) in parameters {
            if let Some(value) = value {
                write!(f, "{separator}{name}={value}")?;
                separator = '&';
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn remote(text: &str) -> RemoteLocation {
        match Location::parse(text).unwrap() {
            Location::Remote(remote) => remote,
            Location::Directory(path) => panic!("{text} is the directory {}", path.display()),
        }
    }

    #[test]
    fn a_directory_is_an_absolute_path_or_a_file_url() {
        for text in ["/srv/objects", "file:///srv/objects"] {
            assert_eq!(Location::parse(text), Ok(Location::Directory("/srv/objects".into())));
        }
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in [
            "/srv/objects",
            "s3://",
            "s3://mine",
            "s3://mine/a/b",
            "s3://?endpoint=http://127.0.0.1:9000&region=eu-west-1",
            "s3://mine?endpoint=http://[::1]:9000",
            "gs://mine/lab",
            "azure://account1",
            "azure://devstoreaccount1/container/lab?endpoint=http://127.0.0.1:10000/devstoreaccount1",
        ] {
            assert_eq!(Location::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            remote("s3://mine/?endpoint=http://127.0.0.1:9000/").to_string(),
            "s3://mine?endpoint=http://127.0.0.1:9000"
        );
    }

    #[test]
    fn an_events_bucket_is_a_prefix_of_the_locations_bucket_or_else_a_bucket() {
        let resolve = |text, bucket| remote(text).resolve(bucket).unwrap();
        assert_eq!(resolve("s3://", "faasbench"), ("faasbench".to_owned(), String::new()));
        assert_eq!(resolve("azure://account1", "b"), ("b".to_owned(), String::new()));
        assert_eq!(resolve("s3://mine", "faasbench"), ("mine".to_owned(), "faasbench/".to_owned()));
        assert_eq!(resolve("gs://mine/lab/x", "b"), ("mine".to_owned(), "lab/x/b/".to_owned()));
        assert!(remote("s3://mine").resolve("../other").is_err());
    }

    #[test]
    fn what_is_no_location_is_refused_without_repeating_it() {
        for text in [
            "",
            "relative/SECRET",
            "http://SECRET",
            "file://SECRET",
            "s3://KEY:SECRET@bucket",
            "s3://bucket/../SECRET",
            "s3://bucket//SECRET",
            "s3:///SECRET",
            "s3://SECRET$",
            "s3://bucket?secret_access_key=SECRET",
            "s3://bucket?SECRET",
            "s3://bucket?endpoint=http://user:SECRET@host",
            "s3://bucket?endpoint=ftp://SECRET",
            "s3://bucket?endpoint=http://",
            "gs://bucket?region=SECRET",
            "azure://",
            "azure://SECRET/container",
            "azure://account1/container?sig=SECRET",
            "/a\0SECRET",
        ] {
            let message = Location::parse(text).unwrap_err().message;
            assert!(!message.contains("SECRET"), "{message}");
        }
    }
}
