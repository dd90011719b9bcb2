//! What a service tells of an object.

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDetails {
    /// Its key in the bucket of the event.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The service's name for its content, without quotes: for S3 and Google most often its MD5, or that of its parts' and
    /// their number; for Azure nothing that can be computed.
    pub etag: Option<String>,
}

/// A page of a listing, in the order of the keys' bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// The objects of this page.
    pub objects: Vec<ObjectDetails>,
    /// The key to go on after; `None` on the last page.
    pub next: Option<String>,
}

/// An etag without its quotes.
pub(crate) fn plain_etag(etag: Option<String>) -> Option<String> {
    etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned())
}
