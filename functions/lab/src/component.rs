//! The WASM side: [`Lab`] over the imports of `wit/lab.wit`.

use std::io::{self, Read, Write};
use std::path::Path;

use crate::{Call, Error, ErrorKind, Handler, Instance, Lab, Object, ObjectWriter, Outcome, Page, STREAM_CHUNK_BYTES};

use bindings::faasbench::lab::{functions, instance, storage, types};

#[allow(missing_docs, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "function",
        pub_export_macro: true,
        default_bindings_module: "lab::component::bindings",
    });
}

/// Runs `handler` for one invocation of this component.
pub fn handle(handler: Handler, event: &str) -> Result<String, bindings::Error> {
    handler(&Imports, event).map_err(to_wit)
}

/// The component's imports.
struct Imports;

impl Lab for Imports {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + '_>, Error> {
        let reader = storage::open(bucket, key).map_err(from_wit)?;
        Ok(Box::new(ReadStream { reader, buffer: Vec::new(), position: 0 }))
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        let writer = storage::create(bucket, key).map_err(from_wit)?;
        Ok(Box::new(WriteStream { writer }))
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        let page = storage::list(bucket, prefix, after).map_err(from_wit)?;
        let objects = page.objects.into_iter().map(|object| Object { key: object.key, size_bytes: object.size_bytes });
        Ok(Page { objects: objects.collect(), next: page.next })
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Error> {
        storage::get(bucket, key).map_err(from_wit)
    }

    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Error> {
        storage::put(bucket, key, bytes).map_err(from_wit)
    }

    fn invoke(&self, call: &Call) -> Outcome {
        outcome(functions::invoke(&functions::Call { name: call.name.clone(), payload: call.payload.clone() }))
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        let calls: Vec<_> = calls
            .iter()
            .map(|call| functions::Call { name: call.name.clone(), payload: call.payload.clone() })
            .collect();
        functions::invoke_all(&calls).into_iter().map(outcome).collect()
    }

    fn instance(&self) -> Instance {
        let description = instance::describe();
        Instance {
            identifier: description.identifier,
            invocation_index: description.invocation_index,
            age_us: description.age_us,
            platform: description.platform,
            engine: description.engine,
            arch: description.arch,
            cores: description.cores,
            memory_limit_bytes: description.memory_limit_bytes,
        }
    }

    fn cpu_time_us(&self) -> Option<u64> {
        instance::cpu_time_us()
    }

    fn scratch(&self) -> &Path {
        Path::new("/scratch")
    }
}

fn outcome(outcome: functions::Outcome) -> Outcome {
    Outcome {
        response: outcome.response.map_err(from_wit),
        start_ns: outcome.start_ns,
        end_ns: outcome.end_ns,
        elapsed_us: outcome.elapsed_us,
    }
}

/// Reads ahead by whole chunks, because each call to the host copies.
struct ReadStream {
    reader: storage::Reader,
    buffer: Vec<u8>,
    position: usize,
}

impl Read for ReadStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.position == self.buffer.len() {
            self.buffer = self.reader.read(STREAM_CHUNK_BYTES as u32).map_err(from_wit)?;
            self.position = 0;
        }
        let count = into.len().min(self.buffer.len() - self.position);
        into[..count].copy_from_slice(&self.buffer[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}

struct WriteStream {
    writer: storage::Writer,
}

impl Write for WriteStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).map_err(from_wit)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for WriteStream {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        self.writer.finish().map_err(from_wit)
    }
}

fn from_wit(error: types::Error) -> Error {
    let kind = match error.kind {
        types::ErrorKind::BadRequest => ErrorKind::BadRequest,
        types::ErrorKind::NotFound => ErrorKind::NotFound,
        types::ErrorKind::Denied => ErrorKind::Denied,
        types::ErrorKind::Limit => ErrorKind::Limit,
        types::ErrorKind::Unavailable => ErrorKind::Unavailable,
        types::ErrorKind::Internal => ErrorKind::Internal,
    };
    Error::new(kind, error.message)
}

fn to_wit(error: Error) -> types::Error {
    let kind = match error.kind {
        ErrorKind::BadRequest => types::ErrorKind::BadRequest,
        ErrorKind::NotFound => types::ErrorKind::NotFound,
        ErrorKind::Denied => types::ErrorKind::Denied,
        ErrorKind::Limit => types::ErrorKind::Limit,
        ErrorKind::Unavailable => types::ErrorKind::Unavailable,
        ErrorKind::Internal => types::ErrorKind::Internal,
    };
    types::Error { kind, message: error.message }
}
