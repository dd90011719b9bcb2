//! A storage to test.

use std::sync::Arc;

use native::Location;
use object::{ObjectStorage, Patience};
use tempfile::TempDir;

use crate::servers::Process;

/// A storage, a bucket of it that is there, and what must live as long.
pub(crate) struct Place {
    pub(crate) storage: Arc<dyn ObjectStorage>,
    pub(crate) bucket: String,
    pub(crate) _folder: Option<TempDir>,
    pub(crate) _process: Option<Process>,
    pub(crate) _endpoint: Option<crate::endpoint::Endpoint>,
}

pub(crate) fn open(location: &str, variables: &[(&str, &str)]) -> Arc<dyn ObjectStorage> {
    let location = Location::parse(location).unwrap();
    let variable = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
    object::open_with(&location, &variable, Patience::default()).unwrap()
}

pub(crate) const AWS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test-secret")];

pub(crate) fn directory() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path().to_str().unwrap(), &[]);
    Place { storage, bucket: "faasbench".to_owned(), _folder: Some(folder), _process: None, _endpoint: None }
}

/// The storage that the environment names, if it does.
pub(crate) fn elsewhere() -> Option<Place> {
    let location = std::env::var("FAASBENCH_TEST_STORAGE").ok()?;
    let storage = object::open(&Location::parse(&location).unwrap()).unwrap();
    let bucket = std::env::var("FAASBENCH_TEST_BUCKET").unwrap_or_else(|_| "faasbench".to_owned());
    Some(Place { storage, bucket, _folder: None, _process: None, _endpoint: None })
}
