//! An object, or a range of it, on its way out.

use std::io::SeekFrom;
use std::ops::Range;

use cap_std::fs::File;
use s3s::S3Result;
use s3s::dto::StreamingBlob;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::folder::internal;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// The bytes of a file in `range`.
pub(super) async fn read_body(file: File, range: Range<u64>) -> S3Result<StreamingBlob> {
    let mut file = tokio::fs::File::from_std(file.into_std());
    file.set_max_buf_size(READ_BYTES);
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start)).await.map_err(internal)?;
    }
    let bytes = file.take(range.end - range.start);
    Ok(StreamingBlob::wrap(ReaderStream::with_capacity(bytes, READ_BYTES)))
}
