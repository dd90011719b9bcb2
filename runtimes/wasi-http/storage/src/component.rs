//! Objects, from an S3 endpoint.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use wasi_http_client::bindings::wasi::cli::environment;
use wasi_http_client::bindings::wasi::http::types::Method;
use wasi_http_client::bindings::wasi::io::streams::StreamError;
use wasi_http_client::error::{Error, Kind, excerpt};
use wasi_http_client::exchange::{Request, Response, broken, send};
use wasi_http_client::names::validate_key;
use wasi_http_client::settings::{Settings, Storage};
use wasi_http_client::url;
use wasi_http_guest::Single;

use crate::sign::{self, Unsigned};
use crate::{date, listing};
use bindings::exports::faasbench::lab::storage::{self, Guest, GuestReader, GuestWriter, Object, Page};
use bindings::faasbench::lab::types;
use bindings::wasi::clocks::wall_clock;

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/storage", generate_all });
}

/// The longest that the storage may be silent, ns.
const SILENCE_NS: u64 = 60_000_000_000;
/// Largest piece of an object that a function is handed, bytes: `lab::STREAM_CHUNK_BYTES`.
const PIECE_BYTES: usize = 256 << 10;
/// Largest object that can be written, bytes: it is held in memory, as S3 must be told its size beforehand.
const MAXIMUM_OBJECT_BYTES: usize = 1 << 30;
/// Largest object or listing that is read whole, bytes.
const MAXIMUM_WHOLE_BYTES: usize = 1 << 30;
/// Largest part of an error's body that is read, bytes.
const ERROR_BYTES: usize = 64 << 10;

struct Component;

static SETTINGS: Single<Option<&'static Result<Storage, Error>>> = Single::new(None);

/// The storage that the environment names: that is read once.
fn storage() -> Result<&'static Storage, Error> {
    let mut settings = SETTINGS.get();
    // Kept for the instance's life anyway.
    let settings =
        settings.get_or_insert_with(|| Box::leak(Box::new(Settings::read(&environment::get_environment()).storage)));
    settings.as_ref().map_err(Error::clone)
}

wasi_http_client::to_wit!(types);

impl Guest for Component {
    type Reader = Reader;
    type Writer = Writer;

    fn get(bucket: String, key: String) -> Result<Vec<u8>, types::Error> {
        let read = || {
            let reader = open(&bucket, &key)?;
            whole(&reader.response, MAXIMUM_WHOLE_BYTES, reader.authority)
        };
        read().map_err(to_wit)
    }

    fn put(bucket: String, key: String, bytes: Vec<u8>) -> Result<(), types::Error> {
        put(&bucket, &key, vec![bytes]).map_err(to_wit)
    }

    fn open(bucket: String, key: String) -> Result<storage::Reader, types::Error> {
        open(&bucket, &key).map(storage::Reader::new).map_err(to_wit)
    }

    fn create(bucket: String, key: String) -> Result<storage::Writer, types::Error> {
        let create = || {
            storage()?.resolve(&bucket)?;
            validate_key(&key)?;
            Ok(Writer { bucket, key, pieces: RefCell::new(Some(Vec::new())) })
        };
        create().map(storage::Writer::new).map_err(to_wit)
    }

    fn list(bucket: String, prefix: String, after: Option<String>) -> Result<Page, types::Error> {
        list(&bucket, &prefix, after.as_deref()).map_err(to_wit)
    }
}

/// An object being read.
struct Reader {
    response: Response,
    authority: &'static str,
}

impl GuestReader for Reader {
    fn read(&self, limit: u32) -> Result<Vec<u8>, types::Error> {
        let limit = (limit as usize).min(PIECE_BYTES);
        let mut piece = Vec::new();
        // Whole pieces: each call copies.
        while piece.len() < limit {
            match self.response.stream.blocking_read((limit - piece.len()) as u64) {
                Ok(bytes) if piece.is_empty() => piece = bytes,
                Ok(bytes) => piece.extend_from_slice(&bytes),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => return Err(to_wit(broken(self.authority))),
            }
        }
        Ok(piece)
    }
}

/// An object being written: held until it is whole.
struct Writer {
    bucket: String,
    key: String,
    /// None once it is finished.
    pieces: RefCell<Option<Vec<Vec<u8>>>>,
}

impl GuestWriter for Writer {
    fn write(&self, bytes: Vec<u8>) -> Result<(), types::Error> {
        let mut pieces = self.pieces.borrow_mut();
        let Some(pieces) = &mut *pieces else { return Err(to_wit(finished())) };
        let held: usize = pieces.iter().map(Vec::len).sum();
        if bytes.len() > MAXIMUM_OBJECT_BYTES - held {
            let message = format!("object {:?} would be larger than {MAXIMUM_OBJECT_BYTES} bytes", self.key);
            return Err(to_wit(Error::new(Kind::Limit, message)));
        }
        pieces.push(bytes);
        Ok(())
    }

    fn finish(&self) -> Result<u64, types::Error> {
        let Some(pieces) = self.pieces.borrow_mut().take() else { return Err(to_wit(finished())) };
        let bytes: usize = pieces.iter().map(Vec::len).sum();
        put(&self.bucket, &self.key, pieces).map_err(to_wit)?;
        Ok(bytes as u64)
    }
}

fn finished() -> Error {
    Error::new(Kind::BadRequest, "this object was finished already; create it again to write more")
}

fn open(bucket: &str, key: &str) -> Result<Reader, Error> {
    validate_key(key)?;
    let storage = storage()?;
    let (real, before) = storage.resolve(bucket)?;
    let response = request(storage, Method::Get, &real, &(before + key), "", Vec::new())?;
    if response.status != 200 {
        return Err(refused(storage, &response, "reading", bucket, key));
    }
    Ok(Reader { response, authority: &storage.endpoint.authority })
}

fn put(bucket: &str, key: &str, pieces: Vec<Vec<u8>>) -> Result<(), Error> {
    validate_key(key)?;
    let storage = storage()?;
    let (real, before) = storage.resolve(bucket)?;
    let response = request(storage, Method::Put, &real, &(before + key), "", pieces)?;
    if !(200..300).contains(&response.status) {
        return Err(refused(storage, &response, "writing", bucket, key));
    }
    Ok(())
}

fn list(bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
    let storage = storage()?;
    let (real, before) = storage.resolve(bucket)?;
    let whole_key = |key: &str| url::encode_value(&format!("{before}{key}"));
    let mut query = format!("encoding-type=url&list-type=2&prefix={}", whole_key(prefix));
    if let Some(after) = after {
        query.push_str("&start-after=");
        query.push_str(&whole_key(after));
    }
    let response = request(storage, Method::Get, &real, "", &query, Vec::new())?;
    if response.status != 200 {
        return Err(refused(storage, &response, "listing", bucket, prefix));
    }
    let authority = &storage.endpoint.authority;
    let body = whole(&response, MAXIMUM_WHOLE_BYTES, authority)?;
    let page = core::str::from_utf8(&body).ok().and_then(listing::parse);
    let page =
        page.ok_or_else(|| Error::new(Kind::Unavailable, format!("{authority} answered with no listing of S3")))?;
    let mut objects = Vec::with_capacity(page.objects.len());
    for (key, size_bytes) in page.objects {
        let key = key.strip_prefix(&before).map(String::from);
        let key = key
            .ok_or_else(|| Error::new(Kind::Unavailable, format!("{authority} listed a key that was not asked for")))?;
        objects.push(Object { key, size_bytes });
    }
    let next = objects.last().filter(|_| page.truncated).map(|object| object.key.clone());
    Ok(Page { objects, next })
}

fn request(
    storage: &Storage,
    method: Method,
    bucket: &str,
    key: &str,
    query: &str,
    body: Vec<Vec<u8>>,
) -> Result<Response, Error> {
    let endpoint = &storage.endpoint;
    let mut path = format!("{}/{bucket}", endpoint.path);
    if !key.is_empty() {
        path.push('/');
        path.push_str(&url::encode_path(key));
    }
    // What TLS protects needs no digest.
    let payload = if endpoint.secure && !body.is_empty() {
        String::from(sign::UNSIGNED_PAYLOAD)
    } else {
        sign::digest_of_pieces(&body)
    };
    let unsigned = Unsigned {
        method: if matches!(method, Method::Put) { "PUT" } else { "GET" },
        host: &endpoint.authority,
        path: &path,
        query,
        payload: &payload,
        date: &date::amazon_date(wall_clock::now().seconds),
        region: &storage.region,
    };
    let headers = sign::headers(unsigned, storage.credentials.as_ref());
    let headers = headers.into_iter().map(|(name, value)| (String::from(name), value.into_bytes())).collect();
    if !query.is_empty() {
        path.push('?');
        path.push_str(query);
    }
    send(Request {
        method,
        secure: endpoint.secure,
        authority: &endpoint.authority,
        path_with_query: &path,
        headers,
        body,
        silence_ns: SILENCE_NS,
    })
}

/// The whole body of an answer.
fn whole(response: &Response, most: usize, authority: &str) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while !response.collect(&mut body, most, authority)? {
        response.stream.subscribe().block();
    }
    Ok(body)
}

/// The error that an answer of the storage stands for.
fn refused(storage: &Storage, response: &Response, doing: &str, bucket: &str, key: &str) -> Error {
    let status = response.status;
    let body = whole(response, ERROR_BYTES, &storage.endpoint.authority).unwrap_or_default();
    let code = core::str::from_utf8(&body).ok().and_then(listing::parse_error);
    match (status, code) {
        (404, Some((code, _))) if code == "NoSuchBucket" => {
            Error::new(Kind::NotFound, format!("no bucket {bucket:?} at {}", storage.endpoint.authority))
        }
        (404, _) => Error::new(Kind::NotFound, format!("no object {key:?} in bucket {bucket:?}")),
        (_, code) => {
            let kind = match Kind::from_http_status(status) {
                // The function asked for nothing wrong: its platform did.
                Kind::BadRequest => Kind::Internal,
                Kind::Internal => Kind::Unavailable,
                kind => kind,
            };
            let said = code.map_or_else(|| excerpt(&body), |(code, message)| format!(": {code}: {message}"));
            Error::new(kind, format!("{doing} object {key:?} in bucket {bucket:?} failed with status {status}{said}"))
        }
    }
}

bindings::export!(Component with_types_in bindings);
