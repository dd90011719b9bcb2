//! A [`Lab`] whose objects are in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use lab::{Call, Error, Instance, Lab, ObjectWriter, Outcome, Page};
use tempfile::TempDir;

pub(crate) struct MemoryLab {
    pub(crate) objects: RefCell<BTreeMap<(String, String), Vec<u8>>>,
    pub(crate) memory_limit_bytes: Option<u64>,
    scratch: TempDir,
}

impl MemoryLab {
    pub(crate) fn new(objects: &[(&str, &[u8])]) -> MemoryLab {
        let objects = objects.iter().map(|(key, bytes)| (("bucket".to_owned(), key.to_string()), bytes.to_vec()));
        MemoryLab {
            objects: RefCell::new(objects.collect()),
            memory_limit_bytes: None,
            scratch: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn insert(&self, bucket: &str, key: &str, bytes: &[u8]) {
        self.objects.borrow_mut().insert((bucket.to_owned(), key.to_owned()), bytes.to_vec());
    }

    /// The keys of `bucket` below `folder`.
    pub(crate) fn keys(&self, bucket: &str, folder: &str) -> Vec<String> {
        let objects = self.objects.borrow();
        objects.keys().filter(|(b, key)| b == bucket && key.starts_with(folder)).map(|(_, key)| key.clone()).collect()
    }
}

/// Reads in pieces of a prime size, so that pieces and buffers never agree.
struct Reader {
    bytes: Vec<u8>,
    position: usize,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.bytes.len() - self.position).min(10_007);
        into[..count].copy_from_slice(&self.bytes[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}

struct Writer<'a> {
    lab: &'a MemoryLab,
    name: (String, String),
    bytes: Vec<u8>,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for Writer<'_> {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        let size = self.bytes.len() as u64;
        self.lab.objects.borrow_mut().insert(self.name, self.bytes);
        Ok(size)
    }
}

impl Lab for MemoryLab {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + '_>, Error> {
        let bytes = self.get(bucket, key)?;
        Ok(Box::new(Reader { bytes, position: 0 }))
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        Ok(Box::new(Writer { lab: self, name: (bucket.to_owned(), key.to_owned()), bytes: Vec::new() }))
    }

    fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Page, Error> {
        Ok(Page::default())
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Error> {
        let objects = self.objects.borrow();
        let found = objects.get(&(bucket.to_owned(), key.to_owned()));
        found.cloned().ok_or_else(|| Error::not_found(format!("no object '{key}' in bucket '{bucket}'")))
    }

    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Error> {
        self.insert(bucket, key, bytes);
        Ok(())
    }

    fn invoke(&self, call: &Call) -> Outcome {
        Outcome { response: Err(Error::not_found(call.name.clone())), start_ns: 0, end_ns: 0, elapsed_us: 0 }
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        calls.iter().map(|call| self.invoke(call)).collect()
    }

    fn instance(&self) -> Instance {
        Instance {
            identifier: "one".to_owned(),
            invocation_index: 1,
            age_us: 0,
            platform: "test".to_owned(),
            engine: "native".to_owned(),
            arch: "x86_64".to_owned(),
            cores: 1,
            memory_limit_bytes: self.memory_limit_bytes,
        }
    }

    fn cpu_time_us(&self) -> Option<u64> {
        None
    }

    fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}
