//! What the functions that work on stored objects share: their event, the digest of what they wrote, and streaming.

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{Error, Event, Lab, STREAM_CHUNK_BYTES};

/// A place for objects: a bucket, and in it perhaps a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// The folder's name; empty for the bucket itself.
    pub folder: String,
}

impl Location {
    /// The key of the object `name` at this place.
    pub fn key(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }
}

/// The event of a function that reads and writes objects:
/// `{"object": {"key", ...}, "bucket": {"bucket", "input", "output"}}`, where `input` and `output` are folders of the
/// bucket. In the older form there is no `bucket.bucket`, and `input` and `output` are buckets of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectEvent {
    /// What is to be worked on, a key or a prefix below `input`.
    pub key: String,
    /// Where it is read.
    pub input: Location,
    /// Where results are written.
    pub output: Location,
    object: Event,
}

impl ObjectEvent {
    /// Reads an event. A key that is missing or of another type is a `bad-request` that names it.
    pub fn parse(event: &str) -> Result<ObjectEvent, Error> {
        let event = Event::parse(event)?;
        let object = inner(&event, "object", "an object with `key`")?;
        let bucket = inner(&event, "bucket", "an object with `input` and `output`")?;
        let key = name(&object, "key")?;
        let input = name(&bucket, "input")?;
        let output = name(&bucket, "output")?;
        let shared = match bucket.get("bucket") {
            None | Some(Value::Null) => None,
            Some(_) => Some(name(&bucket, "bucket")?),
        };
        let place = |name: String| match &shared {
            Some(bucket) => Location { bucket: bucket.clone(), folder: name.trim_end_matches('/').to_owned() },
            None => Location { bucket: name, folder: String::new() },
        };
        Ok(ObjectEvent { key, input: place(input), output: place(output), object })
    }

    /// The whole number from 1 to `maximum` under `object.<key>`, or `default` where the event has none.
    pub fn size(&self, key: &str, default: u32, maximum: u32) -> Result<u32, Error> {
        let accepted = format!("a whole number from 1 to {maximum}");
        let size = self.object.optional(key, &accepted, |value| {
            let whole = value.as_u64().or_else(|| {
                // Python's callers write 200.0 too.
                let float = value.as_f64()?;
                (float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&float)).then_some(float as u64)
            })?;
            u32::try_from(whole).ok().filter(|size| (1..=maximum).contains(size))
        })?;
        Ok(size.unwrap_or(default))
    }
}

/// The object under `key` of `event`.
fn inner(event: &Event, key: &str, accepted: &str) -> Result<Event, Error> {
    let keys = event.required(key, accepted, Value::as_object)?;
    Ok(Event::inner(keys.clone(), format!("{key}.")))
}

/// The string under `key`, which must hold more than slashes.
fn name(event: &Event, key: &str) -> Result<String, Error> {
    event.required(key, "a name, as a string", |value| {
        value.as_str().filter(|text| !text.trim_matches('/').is_empty()).map(str::to_owned)
    })
}

/// Eight random hexadecimal digits, for keys that no other invocation writes.
pub fn unique_suffix() -> String {
    let (random, ..) = uuid::Uuid::new_v4().as_fields();
    format!("{random:08x}")
}

/// The digest of an object, made as its bytes pass: `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Default)]
pub struct ObjectDigest {
    state: Sha256,
}

impl ObjectDigest {
    /// The digest of nothing yet.
    pub fn new() -> ObjectDigest {
        ObjectDigest::default()
    }

    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> String {
        let mut digest = ObjectDigest::new();
        digest.update(bytes);
        digest.finish()
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// The digest in its written form.
    pub fn finish(self) -> String {
        let mut text = String::from("sha256:");
        for byte in self.state.finalize() {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// Reads a whole object of at most `limit` bytes into memory. A larger one is a `limit` error, and no more than `limit`
/// bytes and one piece have been held by then.
pub fn read_object(lab: &dyn Lab, bucket: &str, key: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut reader = lab.open(bucket, key)?.take(limit.saturating_add(1));
    let mut bytes = Vec::with_capacity(STREAM_CHUNK_BYTES);
    reader.read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Error::limit(format!(
            "object '{key}' in bucket '{bucket}' has more than {limit} bytes, the most that this instance can take; give \
             the instance more memory or the function a smaller object"
        )));
    }
    Ok(bytes)
}

/// Copies `reader` to `writer` in large pieces, shows each piece to `seen`, and returns the number of bytes.
pub fn stream(reader: &mut dyn Read, writer: &mut dyn Write, mut seen: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; STREAM_CHUNK_BYTES];
    let mut total = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => {
                seen(&buffer[..count]);
                writer.write_all(&buffer[..count])?;
                total += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn input_and_output_are_folders_of_the_bucket() {
        let event = ObjectEvent::parse(
            r#"{"object": {"key": "a.jpg"}, "bucket": {"bucket": "b", "input": "in/", "output": "out"}, "more": 1}"#,
        )
        .unwrap();
        assert_eq!((event.input.bucket.as_str(), event.input.key(&event.key).as_str()), ("b", "in/a.jpg"));
        assert_eq!((event.output.bucket.as_str(), event.output.key("x").as_str()), ("b", "out/x"));
    }

    #[test]
    fn in_the_older_form_input_and_output_are_buckets() {
        let event =
            ObjectEvent::parse(r#"{"object": {"key": "a.jpg"}, "bucket": {"input": "in", "output": "out"}}"#).unwrap();
        assert_eq!((event.input.bucket.as_str(), event.input.key(&event.key).as_str()), ("in", "a.jpg"));
        assert_eq!((event.output.bucket.as_str(), event.output.key("x").as_str()), ("out", "x"));
    }

    #[test]
    fn what_is_wrong_with_an_event_is_named() {
        let cases = [
            ("{", "not JSON"),
            ("[]", "a list"),
            (r#"{"bucket": {}}"#, "`object` is missing"),
            (r#"{"object": 3, "bucket": {}}"#, "`object` is 3"),
            (r#"{"object": {"key": "k"}}"#, "`bucket` is missing"),
            (r#"{"object": {}, "bucket": {}}"#, "`object.key` is missing"),
            (r#"{"object": {"key": 7}, "bucket": {}}"#, "`object.key` is 7"),
            (r#"{"object": {"key": "/"}, "bucket": {}}"#, "`object.key` is \"/\" (a string)"),
            (r#"{"object": {"key": "k"}, "bucket": {"output": "o"}}"#, "`bucket.input` is missing"),
            (r#"{"object": {"key": "k"}, "bucket": {"input": "i", "output": []}}"#, "`bucket.output` is a list"),
            (
                r#"{"object": {"key": "k"}, "bucket": {"bucket": true, "input": "i", "output": "o"}}"#,
                "`bucket.bucket` is true",
            ),
        ];
        for (event, expected) in cases {
            let error = ObjectEvent::parse(event).unwrap_err();
            assert_eq!(error.kind, crate::ErrorKind::BadRequest);
            assert!(error.message.contains(expected), "{event}: {error}");
        }
    }

    #[test]
    fn a_size_is_a_whole_number_within_its_range() {
        let event = |width: &str| {
            ObjectEvent::parse(&format!(
                r#"{{"object": {{"key": "k", "width": {width}}}, "bucket": {{"input": "i", "output": "o"}}}}"#
            ))
            .unwrap()
        };
        assert_eq!(event("64").size("width", 200, 1000).unwrap(), 64);
        assert_eq!(event("64.0").size("width", 200, 1000).unwrap(), 64);
        assert_eq!(event("64").size("height", 200, 1000).unwrap(), 200);
        for wrong in ["0", "-1", "1001", "1.5", "1e30", "\"64\"", "null", "18446744073709551616"] {
            let error = event(wrong).size("width", 200, 1000).unwrap_err();
            assert!(error.message.contains("`object.width`") && error.message.contains("1000"), "{error}");
        }
    }

    #[test]
    fn a_digest_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ObjectDigest::of(b"abc"), expected);
    }

    #[test]
    fn streaming_shows_every_byte_once() {
        let source: Vec<u8> = (0..STREAM_CHUNK_BYTES * 2 + 7).map(|index| index as u8).collect();
        let (mut target, mut shown) = (Vec::new(), Vec::new());
        let count = stream(&mut source.as_slice(), &mut target, |piece| shown.extend_from_slice(piece)).unwrap();
        assert_eq!(count, source.len() as u64);
        assert_eq!(target, source);
        assert_eq!(shown, source);
    }

    #[test]
    fn two_suffixes_differ() {
        let (first, second) = (unique_suffix(), unique_suffix());
        assert_ne!(first, second);
        assert_eq!(first.len(), 8);
    }
}
