//! A platform in memory, on which the functions can call each other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;

use lab::{Call, Error, ErrorKind, Handler, Instance, Lab, Object, ObjectWriter, Outcome, Page};
use tempfile::TempDir;

use crate::is_quick;

/// The six functions by name.
pub const FUNCTIONS: [(&str, Handler); 6] = [
    ("function1", function1::handle),
    ("function2", function2::handle),
    ("function3", function3::handle),
    ("monolith", monolith::handle),
    ("thumbnailer", thumbnailer::handle),
    ("compression", compression::handle),
];

/// The most nested calls that one event gets.
const CALLS_MAX: u32 = 16;
/// Objects of a listing's page: few, so that there are several pages.
const PAGE_OBJECTS: usize = 3;

/// Objects in memory, a scratch folder on disk, and nested calls on the same thread.
#[derive(Debug)]
pub struct MemoryLab {
    objects: BTreeMap<(String, String), Vec<u8>>,
    written: RefCell<BTreeMap<(String, String), Vec<u8>>>,
    calls: Cell<u32>,
    memory_limit_bytes: Option<u64>,
    scratch: TempDir,
}

impl MemoryLab {
    /// A platform without objects.
    ///
    /// # Errors
    /// There is no place for a temporary folder.
    pub fn new(memory_limit_bytes: Option<u64>) -> io::Result<MemoryLab> {
        Ok(MemoryLab {
            objects: BTreeMap::new(),
            written: RefCell::default(),
            calls: Cell::new(0),
            memory_limit_bytes,
            scratch: tempfile::tempdir()?,
        })
    }

    /// Adds an object or replaces it.
    pub fn insert(&mut self, bucket: &str, key: &str, bytes: &[u8]) {
        self.objects.insert((bucket.to_owned(), key.to_owned()), bytes.to_vec());
    }

    /// The objects that functions wrote since the last call of this.
    pub fn take_written(&self) -> Vec<Vec<u8>> {
        self.calls.set(0);
        self.written.take().into_values().collect()
    }

    /// Whether every function removed what it put into the scratch folder.
    #[must_use]
    pub fn is_scratch_empty(&self) -> bool {
        self.scratch.path().read_dir().is_ok_and(|mut entries| entries.next().is_none())
    }

    fn answer(&self, call: &Call) -> Result<String, Error> {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() > CALLS_MAX || !is_quick(&call.payload) {
            return Err(Error::new(ErrorKind::Unavailable, "too much work for a fuzzer"));
        }
        let function = FUNCTIONS.iter().find(|(name, _)| *name == call.name);
        let (_, handler) = function.ok_or_else(|| Error::not_found(format!("no function {:?}", call.name)))?;
        handler(self, &call.payload)
    }
}

struct Writer<'a> {
    lab: &'a MemoryLab,
    name: (String, String),
    bytes: Vec<u8>,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for Writer<'_> {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        let size = self.bytes.len() as u64;
        self.lab.written.borrow_mut().insert(self.name, self.bytes);
        Ok(size)
    }
}

impl Lab for MemoryLab {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + '_>, Error> {
        match self.objects.get(&(bucket.to_owned(), key.to_owned())) {
            Some(bytes) => Ok(Box::new(Cursor::new(bytes))),
            None => Err(Error::not_found(format!("no object {key:?} in bucket {bucket:?}"))),
        }
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        Ok(Box::new(Writer { lab: self, name: (bucket.to_owned(), key.to_owned()), bytes: Vec::new() }))
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        let mut matching = self
            .objects
            .iter()
            .filter(|((of, key), _)| of == bucket && key.starts_with(prefix))
            .filter(|((_, key), _)| after.is_none_or(|after| key.as_str() > after))
            .map(|((_, key), bytes)| Object { key: key.clone(), size_bytes: bytes.len() as u64 });
        let objects: Vec<Object> = matching.by_ref().take(PAGE_OBJECTS).collect();
        let next = matching.next().and(objects.last()).map(|object| object.key.clone());
        Ok(Page { objects, next })
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.open(bucket, key)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Error> {
        self.written.borrow_mut().insert((bucket.to_owned(), key.to_owned()), bytes.to_vec());
        Ok(())
    }

    fn invoke(&self, call: &Call) -> Outcome {
        Outcome { response: self.answer(call), start_ns: 0, end_ns: 0, elapsed_us: 0 }
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        calls.iter().map(|call| self.invoke(call)).collect()
    }

    fn instance(&self) -> Instance {
        Instance {
            identifier: "fuzz".to_owned(),
            invocation_index: 1,
            age_us: 0,
            platform: "fuzz".to_owned(),
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
