//! Object storage in a service.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_util::StreamExt;
use lab::{Error, ErrorKind, Object, ObjectWriter, Page};
use native::{DirectoryStorage, Location, RemoteLocation, Service, Storage, validate_key};
use object_store::list::PaginatedListOptions;
use object_store::path::Path;

use crate::configuration::Configuration;
use crate::details::plain_etag;
use crate::driver::Driver;
use crate::failure::Request;
use crate::reader::ObjectReader;
use crate::stores::{Bucket, Stores};
use crate::writer::Upload;
use crate::{ObjectDetails, ObjectPage, Patience, Variables};

/// Objects in one page of a listing, as the services have them.
const PAGE_OBJECTS: usize = 1000;
/// Places in listings that are remembered.
const MARKERS: usize = 32;

/// Opens the storage at `location`. Nothing is connected before the first request. Credentials come from `variables`, under the
/// names that the services' own tools use: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`,
/// `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`; `GOOGLE_APPLICATION_CREDENTIALS`; `AZURE_STORAGE_ACCOUNT_KEY`,
/// `AZURE_STORAGE_SAS_TOKEN`, `AZURE_CLIENT_ID` and others; without any, from the machine that this runs on in the cloud.
///
/// # Errors
/// A bad request for what is no location of a service.
pub fn open(location: &str, variables: Variables<'_>) -> Result<Box<dyn Storage>, Error> {
    match Location::parse(location)? {
        Location::Remote(location) => Ok(Box::new(CloudStorage::new(location, variables, Patience::default()))),
        Location::Directory(path) => Ok(Box::new(DirectoryStorage::new(path)?)),
    }
}

/// Object storage in a service. Its debug output holds no credentials.
pub struct CloudStorage {
    location: RemoteLocation,
    configuration: Configuration,
    patience: Patience,
    connected: OnceLock<Result<Connected, Error>>,
    /// Azure goes on with a listing by its own token only: those of the last pages, by bucket, prefix and last key.
    markers: Mutex<VecDeque<(Marker, String)>>,
}

type Marker = (String, String, String);

struct Connected {
    driver: Arc<Driver>,
    stores: Stores,
}

impl CloudStorage {
    /// Storage at `location`.
    pub fn new(location: RemoteLocation, variables: Variables<'_>, patience: Patience) -> CloudStorage {
        let configuration = Configuration::read(location.service, variables);
        CloudStorage { location, configuration, patience, connected: OnceLock::new(), markers: Mutex::default() }
    }

    /// Where it is.
    pub fn location(&self) -> &RemoteLocation {
        &self.location
    }

    /// One page of the objects whose keys start with `prefix`, from the first key greater than `after`.
    ///
    /// A folder's marker, an empty object whose key ends with a slash, as consoles of the clouds make them, is no object.
    ///
    /// # Errors
    /// When the bucket is missing, or the storage does not answer or refuses.
    pub fn list_details(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<ObjectPage, Error> {
        let request = self.request("listing", bucket, None);
        let (store, base) = self.bucket(bucket)?;
        let mut full = format!("{base}{prefix}");
        if self.location.service == Service::Azure && !full.ends_with('/') {
            // The client drops an object whose key is all of the prefix, so it gets a shorter one.
            full.pop();
        }
        let mut token = None;
        let mut offset = None;
        if let Some(after) = after {
            match self.location.service {
                Service::Azure => token = self.marker(bucket, prefix, after),
                Service::S3 | Service::GoogleCloud => offset = Some(format!("{base}{after}")),
            }
        }
        let mut objects: Vec<ObjectDetails> = Vec::new();
        loop {
            let (store, full) = (store.clone(), full.clone());
            let options = PaginatedListOptions {
                offset: offset.clone(),
                max_keys: Some(PAGE_OBJECTS),
                page_token: token.take(),
                ..PaginatedListOptions::default()
            };
            let listed = self.connected()?.driver.run(async move {
                let prefix = (!full.is_empty()).then_some(full.as_str());
                store.list_paginated(prefix, options).await
            })?;
            let page = listed.map_err(|error| request.failed(&error))?;
            for object in page.result.objects {
                let Some(key) = object.location.as_ref().strip_prefix(base.as_str()) else { continue };
                // The client takes the slash from a marker's end, so it may not have the prefix any more.
                if key.starts_with(prefix) && after.is_none_or(|after| key > after) {
                    let etag = plain_etag(object.e_tag);
                    objects.push(ObjectDetails { key: key.to_owned(), size_bytes: object.size, etag });
                }
            }
            token = page.page_token;
            if token.is_none() || !objects.is_empty() {
                break;
            }
        }
        objects.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        remove_markers(&mut objects);
        let next = token.and_then(|token| {
            let last = objects.last()?.key.clone();
            if self.location.service == Service::Azure {
                self.remember((bucket.to_owned(), prefix.to_owned(), last.clone()), token);
            }
            Some(last)
        });
        Ok(ObjectPage { objects, next })
    }

    /// What the storage tells of an object; `None` when there is none.
    ///
    /// # Errors
    /// When the storage does not answer or refuses.
    pub fn details(&self, bucket: &str, key: &str) -> Result<Option<ObjectDetails>, Error> {
        let (store, path, request) = self.object("looking at", bucket, key)?;
        let options = object_store::GetOptions { head: true, ..Default::default() };
        let found = self.connected()?.driver.run(async move { store.get_opts(&path, options).await })?;
        match found {
            Ok(result) => {
                let etag = plain_etag(result.meta.e_tag);
                Ok(Some(ObjectDetails { key: key.to_owned(), size_bytes: result.meta.size, etag }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(request.failed(&error)),
        }
    }

    /// Removes objects, in batches where the service has them. One that is not there is no error.
    ///
    /// # Errors
    /// The first that could not be removed; the others have been tried.
    pub fn remove(&self, bucket: &str, keys: &[String]) -> Result<(), Error> {
        let request = self.request("removing from", bucket, None);
        let (store, base) = self.bucket(bucket)?;
        let mut paths = Vec::with_capacity(keys.len());
        for key in keys {
            validate_key(key)?;
            let path = Path::parse(format!("{base}{key}"));
            paths.push(path.map_err(|error| self.request("removing", bucket, Some(key)).failed(&error.into()))?);
        }
        let failure = self.connected()?.driver.run(async move {
            let paths = futures_util::stream::iter(paths.into_iter().map(Ok)).boxed();
            let mut removed = store.delete_stream(paths);
            let mut failure = None;
            while let Some(result) = removed.next().await {
                match result {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            failure
        })?;
        failure.map_or(Ok(()), |error| Err(request.failed(&error)))
    }

    fn connected(&self) -> Result<&Connected, Error> {
        let connect = || {
            let driver = Driver::start().map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("the client of the object storage can't start: {error}"))
            })?;
            let stores = Stores::new(self.location.clone(), self.configuration.clone(), self.patience)?;
            Ok(Connected { driver: Arc::new(driver), stores })
        };
        self.connected.get_or_init(connect).as_ref().map_err(Clone::clone)
    }

    /// The client of an event's bucket, and what stands before its keys.
    fn bucket(&self, bucket: &str) -> Result<(Bucket, String), Error> {
        let (real, base) = self.location.resolve(bucket)?;
        let connected = self.connected()?;
        // Clients are made where timers can be.
        let _entered = connected.driver.handle().enter();
        Ok((connected.stores.bucket(&real)?, base))
    }

    fn object(&self, doing: &'static str, bucket: &str, key: &str) -> Result<(Bucket, Path, Request), Error> {
        validate_key(key)?;
        let request = self.request(doing, bucket, Some(key));
        let (store, base) = self.bucket(bucket)?;
        let path = Path::parse(format!("{base}{key}")).map_err(|error| request.failed(&error.into()))?;
        Ok((store, path, request))
    }

    fn request(&self, doing: &'static str, bucket: &str, key: Option<&str>) -> Request {
        Request {
            doing,
            location: self.location.clone(),
            has_credentials: self.configuration.has_credentials(),
            bucket: bucket.to_owned(),
            key: key.map(str::to_owned),
        }
    }

    fn marker(&self, bucket: &str, prefix: &str, after: &str) -> Option<String> {
        let markers = self.markers.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |marker: &Marker| marker.0 == bucket && marker.1 == prefix && marker.2 == after;
        markers.iter().rev().find(|(marker, _)| is_it(marker)).map(|(_, token)| token.clone())
    }

    fn remember(&self, marker: Marker, token: String) {
        let mut markers = self.markers.lock().unwrap_or_else(PoisonError::into_inner);
        if markers.len() >= MARKERS {
            markers.pop_front();
        }
        markers.push_back((marker, token));
    }
}

/// Takes out empty objects that others are below: folders' markers.
fn remove_markers(objects: &mut Vec<ObjectDetails>) {
    let is_marker = |object: &ObjectDetails, sorted: &[ObjectDetails]| {
        let folder = format!("{}/", object.key);
        let first_below = sorted.partition_point(|other| other.key < folder);
        object.size_bytes == 0 && sorted.get(first_below).is_some_and(|other| other.key.starts_with(&folder))
    };
    let markers: Vec<bool> = objects.iter().map(|object| is_marker(object, objects)).collect();
    let mut markers = markers.into_iter();
    objects.retain(|_| !markers.next().unwrap_or(false));
}

impl Storage for CloudStorage {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>, Error> {
        let (store, path, request) = self.object("reading", bucket, key)?;
        Ok(Box::new(ObjectReader::open(&self.connected()?.driver, store, path, request)?))
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + Send>, Error> {
        let (store, path, request) = self.object("writing", bucket, key)?;
        Ok(Box::new(Upload::new(self.connected()?.driver.clone(), store, path, request)))
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        let ObjectPage { objects, next } = self.list_details(bucket, prefix, after)?;
        let objects = objects.into_iter().map(|object| Object { key: object.key, size_bytes: object.size_bytes });
        Ok(Page { objects: objects.collect(), next })
    }
}

impl fmt::Debug for CloudStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudStorage")
            .field("location", &self.location.to_string())
            .field("configuration", &self.configuration)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_marker_is_no_object() {
        let object = |(key, size_bytes): (&str, u64)| ObjectDetails { key: key.to_owned(), size_bytes, etag: None };
        let mut objects: Vec<_> =
            [("a", 0), ("a-b", 1), ("a/b", 0), ("c", 1), ("c/d", 1), ("empty", 0)].map(object).into();
        remove_markers(&mut objects);
        let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["a-b", "a/b", "c", "c/d", "empty"]);
    }
}
