//! Listings: the keys of a bucket in order, page by page, folded at a delimiter.

use std::io;
use std::path::Path;

use cap_std::fs::Dir;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{CommonPrefix, ETag, EncodingType, Object, ObjectStorageClass, Timestamp};
use s3s::{S3Result, s3_error};

use super::etag;
use super::folder::{Folder, internal, is_missing};

/// Most keys in one page.
const PAGE_KEYS: i32 = 1000;
/// What stays as it is in a key that a client asked to be encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a client asks for.
pub(super) struct Query {
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) delimiter: Option<String>,
    /// The key or folded prefix to go on after.
    pub(super) after: Option<String>,
    pub(super) max_keys: Option<i32>,
    pub(super) encoding: Option<EncodingType>,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) objects: Vec<Object>,
    pub(super) prefixes: Vec<CommonPrefix>,
    pub(super) max_keys: i32,
    /// Where the next page begins; `None` on the last.
    pub(super) next: Option<String>,
}

/// An entry of a page: an object's key, or what several keys have in common.
#[derive(Debug, PartialEq)]
enum Entry {
    Key(String),
    Prefix(String),
}

/// Lists a bucket.
pub(super) fn list(folder: &Folder, query: &Query) -> S3Result<Listed> {
    folder.has_bucket(&query.bucket)?;
    let max_keys = query.max_keys.unwrap_or(PAGE_KEYS);
    if max_keys < 0 {
        return Err(s3_error!(InvalidArgument));
    }
    let max_keys = max_keys.min(PAGE_KEYS);
    let keys = keys(folder.root(), &query.bucket, &query.prefix).map_err(internal)?;
    let (entries, next) = page(keys, query, usize::try_from(max_keys).unwrap_or_default());
    let mut listed = Listed { max_keys, next, ..Listed::default() };
    for entry in entries {
        match entry {
            Entry::Prefix(prefix) => {
                listed.prefixes.push(CommonPrefix { prefix: Some(encoded(&prefix, query.encoding.as_ref())) });
            }
            Entry::Key(key) => {
                let file = folder.root().open(Path::new(&query.bucket).join(&key));
                // It may have been removed since.
                let Ok((file, metadata)) = file.and_then(|file| file.metadata().map(|metadata| (file, metadata)))
                else {
                    continue;
                };
                listed.objects.push(Object {
                    e_tag: Some(ETag::Strong(etag::of_file(&file, &metadata))),
                    key: Some(encoded(&key, query.encoding.as_ref())),
                    last_modified: metadata.modified().ok().map(|time| Timestamp::from(time.into_std())),
                    size: i64::try_from(metadata.len()).ok(),
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                    ..Object::default()
                });
            }
        }
    }
    Ok(listed)
}

/// A name as the client asked for it.
pub(super) fn encoded(text: &str, encoding: Option<&EncodingType>) -> String {
    match encoding {
        Some(encoding) if encoding.as_str() == EncodingType::URL => utf8_percent_encode(text, PLAIN).to_string(),
        _ => text.to_owned(),
    }
}

/// The keys with a prefix, in the order of their bytes.
fn keys(root: &Dir, bucket: &str, prefix: &str) -> io::Result<Vec<String>> {
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    // No object's key has such a beginning, and none may be looked for outside the bucket.
    if !folder.is_empty() && native::validate_key(folder).is_err() {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let entries = match root.read_dir(Path::new(bucket).join(&folder)) {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // A name that is not UTF-8 can't be a key.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let file_type = entry.file_type()?;
            if file_type.is_dir() {
                if key.starts_with(prefix) || prefix.starts_with(&format!("{key}/")) {
                    pending.push(key);
                }
            } else if file_type.is_file() && key.starts_with(prefix) {
                keys.push(key);
            }
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

/// The page after the query's mark, and where the next one begins.
fn page(keys: Vec<String>, query: &Query, max: usize) -> (Vec<Entry>, Option<String>) {
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let mut entries: Vec<Entry> = Vec::new();
    for key in keys {
        let folded = delimiter.and_then(|delimiter| {
            let end = key[query.prefix.len()..].find(delimiter)? + delimiter.len();
            Some(&key[..query.prefix.len() + end])
        });
        let name = folded.unwrap_or(&key);
        if query.after.as_deref().is_some_and(|after| name <= after) {
            continue;
        }
        if let (Some(folded), Some(Entry::Prefix(last))) = (folded, entries.last())
            && folded == last
        {
            continue;
        }
        if entries.len() == max {
            let next = entries.last().map(|(Entry::Key(name) | Entry::Prefix(name))| name.clone());
            return (entries, next);
        }
        entries.push(match folded {
            Some(prefix) => Entry::Prefix(prefix.to_owned()),
            None => Entry::Key(key),
        });
    }
    (entries, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(keys: &[&str], prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<Vec<String>> {
        let keys: Vec<String> =
            keys.iter().filter(|key| key.starts_with(prefix)).map(|key| (*key).to_owned()).collect();
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let query = Query {
                bucket: "b".to_owned(),
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after,
                max_keys: None,
                encoding: None,
            };
            let (entries, next) = page(keys.clone(), &query, max);
            pages.push(entries.into_iter().map(|(Entry::Key(name) | Entry::Prefix(name))| name).collect());
            after = next;
            if after.is_none() {
                return pages;
            }
        }
    }

    #[test]
    fn a_listing_goes_on_where_the_page_before_ended() {
        assert_eq!(pages(&["a", "b/1", "b/2", "c"], "", None, 3), [vec!["a", "b/1", "b/2"], vec!["c"]]);
        assert_eq!(pages(&["a", "b"], "", None, 2), [vec!["a", "b"]]);
        assert_eq!(pages(&[], "", None, 2), [Vec::<String>::new()]);
    }

    #[test]
    fn keys_are_folded_at_the_delimiter_once_over_all_pages() {
        let keys = ["a", "b/1", "b/2", "b/3", "c/1/x", "d"];
        assert_eq!(pages(&keys, "", Some("/"), 2), [vec!["a", "b/"], vec!["c/", "d"]]);
        assert_eq!(pages(&keys, "b/", Some("/"), 2), [vec!["b/1", "b/2"], vec!["b/3"]]);
        assert_eq!(pages(&keys, "c/", Some("/"), 2), [vec!["c/1/"]]);
        assert_eq!(pages(&keys, "", Some("/"), 1), [["a"], ["b/"], ["c/"], ["d"]]);
    }

    #[test]
    fn keys_are_encoded_for_those_who_ask() {
        let url = EncodingType::from_static(EncodingType::URL);
        assert_eq!(encoded("a b/ä+%", Some(&url)), "a%20b/%C3%A4%2B%25");
        assert_eq!(encoded("a b", None), "a b");
    }
}
