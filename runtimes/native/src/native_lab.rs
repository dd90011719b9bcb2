//! [`Lab`] for native code.

use std::io::{Read, Write};
use std::path::Path;

use lab::{Call, Error, Instance, Lab, ObjectWriter, Outcome, Page};

use crate::{Functions, Storage, functions, thread_cpu_time_us};

/// What one invocation of a native function sees.
pub struct NativeLab<'a> {
    storage: &'a dyn Storage,
    functions: &'a dyn Functions,
    instance: Instance,
    scratch: &'a Path,
    cpu_time_at_start_us: u64,
}

impl<'a> NativeLab<'a> {
    /// For one invocation, on the thread that will run it.
    pub fn new(
        storage: &'a dyn Storage,
        functions: &'a dyn Functions,
        instance: Instance,
        scratch: &'a Path,
    ) -> NativeLab<'a> {
        NativeLab { storage, functions, instance, scratch, cpu_time_at_start_us: thread_cpu_time_us() }
    }
}

impl Lab for NativeLab<'_> {
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + '_>, Error> {
        let reader = self.storage.open(bucket, key)?;
        Ok(reader)
    }

    fn create(&self, bucket: &str, key: &str) -> Result<Box<dyn ObjectWriter + '_>, Error> {
        let writer = self.storage.create(bucket, key)?;
        Ok(writer)
    }

    fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Page, Error> {
        self.storage.list(bucket, prefix, after)
    }

    fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.storage.open(bucket, key)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut writer = self.storage.create(bucket, key)?;
        writer.write_all(bytes)?;
        writer.finish()?;
        Ok(())
    }

    fn invoke(&self, call: &Call) -> Outcome {
        functions::invoke(self.functions, call)
    }

    fn invoke_all(&self, calls: &[Call]) -> Vec<Outcome> {
        self.functions.call_all(calls)
    }

    fn instance(&self) -> Instance {
        self.instance.clone()
    }

    fn cpu_time_us(&self) -> Option<u64> {
        thread_cpu_time_us().checked_sub(self.cpu_time_at_start_us)
    }

    fn scratch(&self) -> &Path {
        self.scratch
    }
}
