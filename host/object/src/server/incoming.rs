//! A body being written to a file.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cap_std::fs::File;
use futures_util::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};
use tokio::io::AsyncWriteExt;

use super::etag::ContentDigest;
use super::folder::internal;

/// Bytes that are handed to the file system at a time.
const WRITE_BYTES: usize = 1 << 20;

/// What a client says of a body, in the head of its request or after the body.
pub(super) struct Expected {
    pub(super) content_md5: Option<String>,
    pub(super) algorithm: Option<ChecksumAlgorithm>,
    pub(super) checksum: Checksum,
    pub(super) trailers: Option<TrailingHeaders>,
}

impl Expected {
    fn hasher(&self) -> ChecksumHasher {
        let checksum = &self.checksum;
        let wanted = |value: &Option<String>, name| {
            value.is_some() || self.algorithm.as_ref().is_some_and(|algorithm| algorithm.as_str() == name)
        };
        ChecksumHasher {
            crc32: wanted(&checksum.checksum_crc32, ChecksumAlgorithm::CRC32).then(Default::default),
            crc32c: wanted(&checksum.checksum_crc32c, ChecksumAlgorithm::CRC32C).then(Default::default),
            sha1: wanted(&checksum.checksum_sha1, ChecksumAlgorithm::SHA1).then(Default::default),
            sha256: wanted(&checksum.checksum_sha256, ChecksumAlgorithm::SHA256).then(Default::default),
            crc64nvme: wanted(&checksum.checksum_crc64nvme, ChecksumAlgorithm::CRC64NVME).then(Default::default),
        }
    }

    /// Refuses a body that is not what the client said.
    fn check(self, digest: [u8; 16], found: &Checksum) -> S3Result<()> {
        if let Some(expected) = self.content_md5
            && BASE64_STANDARD.decode(expected).ok().as_deref() != Some(digest.as_slice())
        {
            return Err(s3_error!(BadDigest));
        }
        let trailers = self.trailers.and_then(|trailers| trailers.take());
        let trailer = |name: &str| Some(trailers.as_ref()?.get(name)?.to_str().ok()?.to_owned());
        for (expected, name, found) in [
            (self.checksum.checksum_crc32, "x-amz-checksum-crc32", &found.checksum_crc32),
            (self.checksum.checksum_crc32c, "x-amz-checksum-crc32c", &found.checksum_crc32c),
            (self.checksum.checksum_sha1, "x-amz-checksum-sha1", &found.checksum_sha1),
            (self.checksum.checksum_sha256, "x-amz-checksum-sha256", &found.checksum_sha256),
            (self.checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme", &found.checksum_crc64nvme),
        ] {
            let expected = expected.or_else(|| trailer(name));
            if let (Some(expected), Some(found)) = (&expected, found)
                && expected != found
            {
                return Err(s3_error!(BadDigest));
            }
        }
        Ok(())
    }
}

/// Writes a body to `file` and returns its digest and the checksums that the client asked for.
pub(super) async fn write_body(
    body: Option<StreamingBlob>,
    file: &File,
    length: Option<i64>,
    expected: Expected,
) -> S3Result<([u8; 16], Checksum)> {
    let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
    let file = file.try_clone().map_err(internal)?.into_std();
    let mut file = tokio::fs::File::from_std(file);
    file.set_max_buf_size(WRITE_BYTES);
    let mut digest = ContentDigest::default();
    let mut hasher = expected.hasher();
    let mut written = 0;
    while let Some(piece) = body.next().await {
        // A wrong signature of a piece, a client that is gone.
        let piece = piece.map_err(|error| match error.downcast::<s3s::S3Error>() {
            Ok(error) => *error,
            Err(error) => s3_error!(io::Error::other(error), IncompleteBody),
        })?;
        digest.update(&piece);
        hasher.update(&piece);
        file.write_all(&piece).await.map_err(internal)?;
        written += piece.len() as u64;
    }
    file.flush().await.map_err(internal)?;
    if length.is_some_and(|length| u64::try_from(length) != Ok(written)) {
        return Err(s3_error!(IncompleteBody));
    }
    let digest = digest.finish();
    let checksum = hasher.finalize();
    expected.check(digest, &checksum)?;
    Ok((digest, checksum))
}
