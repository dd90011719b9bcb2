//! An object being written.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use lab::{Error, ErrorKind, ObjectWriter};
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload};
use tokio::task::JoinSet;

use crate::driver::Driver;
use crate::failure::Request;
use crate::stores::Bucket;

/// Bytes of a part: larger objects are written in parts of this size. S3 takes 10,000 of them, so the largest object has 80 GB.
pub const PART_BYTES: usize = 8 << 20;
/// Parts that are under way while the next one is filled.
const PARTS_UNDER_WAY: usize = 2;
/// How long an unfinished upload's removal is waited for.
const ABORT_PATIENCE: Duration = Duration::from_secs(10);

/// Writes an object: at once when it is small, else in parts. Dropped unfinished it leaves nothing.
pub(crate) struct Upload {
    driver: Arc<Driver>,
    bucket: Bucket,
    path: Path,
    request: Request,
    buffer: Vec<u8>,
    size_bytes: u64,
    parts: Option<Box<dyn MultipartUpload>>,
    under_way: JoinSet<object_store::Result<()>>,
}

impl Upload {
    pub(crate) fn new(driver: Arc<Driver>, bucket: Bucket, path: Path, request: Request) -> Upload {
        let under_way = JoinSet::new();
        Upload { driver, bucket, path, request, buffer: Vec::new(), size_bytes: 0, parts: None, under_way }
    }

    /// Sends what is in the buffer as the next part.
    fn send_part(&mut self) -> Result<(), Error> {
        if self.parts.is_none() {
            let (bucket, path) = (self.bucket.clone(), self.path.clone());
            let begun = self.driver.run(async move { bucket.put_multipart_opts(&path, Default::default()).await })?;
            self.parts = Some(begun.map_err(|error| self.request.failed(&error))?);
        }
        self.wait(PARTS_UNDER_WAY - 1)?;
        let part = PutPayload::from(std::mem::take(&mut self.buffer));
        if let Some(parts) = &mut self.parts {
            self.under_way.spawn_on(parts.put_part(part), self.driver.handle());
        }
        Ok(())
    }

    /// Waits until no more than `most` parts are under way.
    fn wait(&mut self, most: usize) -> Result<(), Error> {
        while self.under_way.len() > most {
            match pollster::block_on(self.under_way.join_next()) {
                None | Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => return Err(self.request.failed(&error)),
                Some(Err(error)) => {
                    return Err(Error::internal(format!("the client of the object storage failed: {error}")));
                }
            }
        }
        Ok(())
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == PART_BYTES {
            self.send_part()?;
        }
        let count = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }

    /// Nothing is visible before the end, so nothing is sent early.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for Upload {
    fn finish(mut self: Box<Self>) -> Result<u64, Error> {
        if self.parts.is_none() {
            let (bucket, path) = (self.bucket.clone(), self.path.clone());
            let payload = PutPayload::from(std::mem::take(&mut self.buffer));
            let put = self.driver.run(async move { bucket.put_opts(&path, payload, Default::default()).await })?;
            put.map_err(|error| self.request.failed(&error))?;
            return Ok(self.size_bytes);
        }
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        self.wait(0)?;
        if let Some(mut parts) = self.parts.take() {
            let (parts, completed) = self.driver.run(async move {
                let completed = parts.complete().await;
                (parts, completed)
            })?;
            if let Err(error) = completed {
                // For the drop to remove it.
                self.parts = Some(parts);
                return Err(match error {
                    // The service does not know the upload any more: its parts are gone.
                    object_store::Error::NotFound { .. } => Error::new(
                        ErrorKind::Unavailable,
                        format!("{} failed: the storage lost the parts that were sent", self.request),
                    ),
                    error => self.request.failed(&error),
                });
            }
        }
        Ok(self.size_bytes)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.under_way.abort_all();
        if let Some(mut parts) = self.parts.take() {
            // Nothing more can be done about parts that can't be removed; services drop them in time.
            let _ = self.driver.run(async move { tokio::time::timeout(ABORT_PATIENCE, parts.abort()).await.is_ok() });
        }
    }
}
