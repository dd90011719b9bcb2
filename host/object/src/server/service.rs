//! The operations of S3 over the directory.

use std::path::PathBuf;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::task::spawn_blocking;

use super::conditions;
use super::etag;
use super::folder::{Folder, internal};
use super::incoming::{Expected, write_body};
use super::listing::{Listed, Query, encoded, list};
use super::multipart::{MultipartUpload, check_number};
use super::outgoing::read_body;

/// What objects are said to be: their types are not kept.
const CONTENT_TYPE: &str = "application/octet-stream";

/// A directory as S3.
#[derive(Debug, Clone)]
pub(super) struct DirectoryAsS3 {
    folder: Folder,
}

/// Removes a temporary file that did not become an object.
struct Temporary<'a> {
    folder: &'a Folder,
    path: PathBuf,
    published: bool,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about one that can't be removed.
            let _ = self.folder.root().remove_file(&self.path);
        }
    }
}

impl DirectoryAsS3 {
    pub(super) fn new(folder: Folder) -> DirectoryAsS3 {
        DirectoryAsS3 { folder }
    }

    /// Does what blocks on a thread for it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let folder = self.folder.clone();
        match spawn_blocking(move || work(&folder)).await {
            Ok(result) => result,
            Err(error) => Err(s3_error!(error, InternalError)),
        }
    }

    async fn check_conditions(
        &self,
        bucket: &str,
        key: &str,
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
    ) -> S3Result<()> {
        if if_match.is_none() && if_none_match.is_none() {
            return Ok(());
        }
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let found = self.blocking(move |folder| Ok(folder.find(&bucket, &key).ok())).await?;
        conditions::check(found.as_ref().map(|found| found.etag.as_str()), if_match.as_ref(), if_none_match.as_ref())
    }

    async fn list(&self, query: Query) -> S3Result<Listed> {
        self.blocking(move |folder| list(folder, &query)).await
    }
}

/// What is not empty: an empty list is left out of an answer.
fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

fn modified(metadata: &cap_std::fs::Metadata) -> Option<Timestamp> {
    metadata.modified().ok().map(|time| Timestamp::from(time.into_std()))
}

#[async_trait::async_trait]
impl S3 for DirectoryAsS3 {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket;
        let location = format!("/{bucket}");
        self.blocking(move |folder| match folder.has_bucket(&bucket) {
            Ok(()) => Err(s3_error!(BucketAlreadyOwnedByYou)),
            Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchBucket => {
                folder.root().create_dir(&bucket).map_err(internal)
            }
            Err(error) => Err(error),
        })
        .await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.blocking(move |folder| folder.has_bucket(&request.input.bucket)).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.blocking(move |folder| folder.has_bucket(&request.input.bucket)).await?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn delete_bucket(&self, request: S3Request<DeleteBucketInput>) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.blocking(move |folder| folder.remove_bucket(&request.input.bucket)).await?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    async fn list_buckets(&self, _: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        let mut buckets = self
            .blocking(|folder| {
                let mut buckets = Vec::new();
                for entry in folder.root().entries().map_err(internal)? {
                    let entry = entry.map_err(internal)?;
                    let Ok(name) = entry.file_name().into_string() else { continue };
                    if native::validate_bucket(&name).is_ok() && entry.file_type().map_err(internal)?.is_dir() {
                        let creation_date = modified(&entry.metadata().map_err(internal)?);
                        buckets.push(Bucket { name: Some(name), creation_date, bucket_region: None });
                    }
                }
                Ok(buckets)
            })
            .await?;
        buckets.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() }))
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let ListObjectsInput { bucket, prefix, delimiter, marker, max_keys, encoding_type, .. } = request.input;
        let query = Query {
            bucket: bucket.clone(),
            prefix: prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after: marker.clone().filter(|marker| !marker.is_empty()),
            max_keys,
            encoding: encoding_type.clone(),
        };
        let listed = self.list(query).await?;
        let encoded = |text: Option<String>| text.map(|text| encoded(&text, encoding_type.as_ref()));
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(bucket),
            prefix: encoded(prefix),
            delimiter: encoded(delimiter),
            marker: encoded(marker),
            max_keys: Some(listed.max_keys),
            is_truncated: Some(listed.next.is_some()),
            next_marker: encoded(listed.next),
            contents: some(listed.objects),
            common_prefixes: some(listed.prefixes),
            encoding_type,
            ..ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let ListObjectsV2Input {
            bucket,
            prefix,
            delimiter,
            start_after,
            continuation_token,
            max_keys,
            encoding_type,
            ..
        } = request.input;
        // A token is the key to go on after, in digits that pass through every client unchanged.
        let after = match &continuation_token {
            None => start_after.clone(),
            Some(token) => {
                let key = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                Some(key.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this server"))?)
            }
        };
        let query = Query {
            bucket: bucket.clone(),
            prefix: prefix.clone().unwrap_or_default(),
            delimiter: delimiter.clone(),
            after,
            max_keys,
            encoding: encoding_type.clone(),
        };
        let listed = self.list(query).await?;
        let encoded = |text: Option<String>| text.map(|text| encoded(&text, encoding_type.as_ref()));
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(bucket),
            prefix: encoded(prefix),
            delimiter: encoded(delimiter),
            start_after: encoded(start_after),
            continuation_token,
            max_keys: Some(listed.max_keys),
            key_count: i32::try_from(listed.objects.len() + listed.prefixes.len()).ok(),
            is_truncated: Some(listed.next.is_some()),
            next_continuation_token: listed.next.map(hex::encode),
            contents: some(listed.objects),
            common_prefixes: some(listed.prefixes),
            encoding_type,
            ..ListObjectsV2Output::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let found = self.blocking(move |folder| folder.find(&input.bucket, &input.key)).await?;
        if let Some(condition) = &input.if_match {
            conditions::check(Some(&found.etag), Some(condition), None)?;
        }
        if let Some(condition) = &input.if_none_match
            && conditions::check(Some(&found.etag), None, Some(condition)).is_err()
        {
            return Err(s3_error!(NotModified));
        }
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(found.metadata.len()).ok(),
            content_type: Some(CONTENT_TYPE.to_owned()),
            e_tag: Some(ETag::Strong(found.etag)),
            last_modified: modified(&found.metadata),
            ..HeadObjectOutput::default()
        }))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let (bucket, key) = (input.bucket, input.key);
        let found = self.blocking(move |folder| folder.find(&bucket, &key)).await?;
        if let Some(condition) = &input.if_match {
            conditions::check(Some(&found.etag), Some(condition), None)?;
        }
        if let Some(condition) = &input.if_none_match
            && conditions::check(Some(&found.etag), None, Some(condition)).is_err()
        {
            return Err(s3_error!(NotModified));
        }
        let size = found.metadata.len();
        let range = match &input.range {
            None => 0..size,
            // Also a suffix of an empty object has no bytes, which the library lets pass.
            Some(range) => {
                let range = range.check(size)?;
                if range.is_empty() {
                    return Err(s3_error!(InvalidRange));
                }
                range
            }
        };
        let content_range = input.range.map(|_| format!("bytes {}-{}/{size}", range.start, range.end - 1));
        let content_length = i64::try_from(range.end - range.start).ok();
        let last_modified = modified(&found.metadata);
        let body = read_body(found.file, range).await?;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            content_length,
            content_range,
            content_type: Some(CONTENT_TYPE.to_owned()),
            e_tag: Some(ETag::Strong(found.etag)),
            last_modified,
            ..GetObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let (bucket, key) = (input.bucket, input.key);
        let place = (bucket.clone(), key.clone());
        if key.ends_with('/') {
            // The marker of a folder, as some clients make them. Folders are not listed.
            if input.content_length.is_some_and(|length| length > 0) {
                return Err(s3_error!(
                    InvalidArgument,
                    "a key that ends with a slash is that of a folder and has no content"
                ));
            }
            self.blocking(move |folder| {
                folder.has_bucket(&place.0)?;
                let path = Folder::path(&place.0, place.1.trim_end_matches('/'))?;
                folder.root().create_dir_all(path).map_err(internal)
            })
            .await?;
            let e_tag = Some(ETag::Strong(hex::encode(etag::ContentDigest::default().finish())));
            return Ok(S3Response::new(PutObjectOutput { e_tag, ..PutObjectOutput::default() }));
        }
        // Before the body is read: what can't be stored need not be sent.
        self.blocking(move |folder| folder.has_bucket(&place.0).and_then(|()| Folder::path(&place.0, &place.1)))
            .await?;
        self.check_conditions(&bucket, &key, input.if_match, input.if_none_match).await?;
        let (path, file) = self.blocking(|folder| folder.temporary().map_err(internal)).await?;
        let mut temporary = Temporary { folder: &self.folder, path, published: false };
        let expected = Expected {
            content_md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksum: Checksum {
                checksum_crc32: input.checksum_crc32,
                checksum_crc32c: input.checksum_crc32c,
                checksum_sha1: input.checksum_sha1,
                checksum_sha256: input.checksum_sha256,
                checksum_crc64nvme: input.checksum_crc64nvme,
                ..Checksum::default()
            },
            trailers: request.trailing_headers,
        };
        let (digest, checksum) = write_body(input.body, &file, input.content_length, expected).await?;
        let etag = hex::encode(digest);
        let (kept, path) = (etag.clone(), temporary.path.clone());
        self.blocking(move |folder| {
            etag::keep(&file, &file.metadata().map_err(internal)?, &kept);
            folder.publish(&path, &bucket, &key)
        })
        .await?;
        temporary.published = true;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            ..PutObjectOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket { bucket, key, .. } = input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        let (from_bucket, from_key) = (bucket.to_string(), key.to_string());
        let (etag, last_modified) = self
            .blocking(move |folder| {
                let mut found = folder.find(&from_bucket, &from_key)?;
                let (path, copy) = folder.temporary().map_err(internal)?;
                let mut temporary = Temporary { folder, path, published: false };
                let mut copy = copy.into_std();
                std::io::copy(&mut found.file, &mut copy).map_err(internal)?;
                let copy = cap_std::fs::File::from_std(copy);
                let metadata = copy.metadata().map_err(internal)?;
                etag::keep(&copy, &metadata, &found.etag);
                folder.publish(&temporary.path, &input.bucket, &input.key)?;
                temporary.published = true;
                Ok((etag::of_file(&copy, &metadata), modified(&metadata)))
            })
            .await?;
        let result = CopyObjectResult { e_tag: Some(ETag::Strong(etag)), last_modified, ..CopyObjectResult::default() };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        self.blocking(move |folder| {
            folder.has_bucket(&input.bucket)?;
            folder.remove(&input.bucket, &input.key)
        })
        .await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        let quiet = delete.quiet.unwrap_or(false);
        let (deleted, errors) = self
            .blocking(move |folder| {
                folder.has_bucket(&bucket)?;
                let (mut deleted, mut errors) = (Vec::new(), Vec::new());
                for object in delete.objects {
                    match folder.remove(&bucket, &object.key) {
                        Ok(()) => {
                            deleted.push(DeletedObject { key: Some(object.key), ..DeletedObject::default() });
                        }
                        Err(error) => errors.push(Error {
                            code: Some(error.code().as_str().to_owned()),
                            key: Some(object.key),
                            message: error.message().map(str::to_owned),
                            ..Error::default()
                        }),
                    }
                }
                Ok((deleted, errors))
            })
            .await?;
        let deleted = if quiet { None } else { some(deleted) };
        Ok(S3Response::new(DeleteObjectsOutput { deleted, errors: some(errors), ..DeleteObjectsOutput::default() }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket, request.input.key);
        let place = (bucket.clone(), key.clone());
        let id = self.blocking(move |folder| MultipartUpload::begin(folder, &place.0, &place.1)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let number = input.part_number;
        check_number(number)?;
        let (id, bucket, key) = (input.upload_id, input.bucket, input.key);
        let upload = self.blocking(move |folder| MultipartUpload::find(folder, &id, &bucket, &key)).await?;
        let (path, file) = self.blocking(|folder| folder.temporary().map_err(internal)).await?;
        let mut temporary = Temporary { folder: &self.folder, path, published: false };
        let expected = Expected {
            content_md5: input.content_md5,
            algorithm: input.checksum_algorithm,
            checksum: Checksum {
                checksum_crc32: input.checksum_crc32,
                checksum_crc32c: input.checksum_crc32c,
                checksum_sha1: input.checksum_sha1,
                checksum_sha256: input.checksum_sha256,
                checksum_crc64nvme: input.checksum_crc64nvme,
                ..Checksum::default()
            },
            trailers: request.trailing_headers,
        };
        let (digest, checksum) = write_body(input.body, &file, input.content_length, expected).await?;
        let path = temporary.path.clone();
        self.blocking(move |_| upload.add(number, &path, digest)).await?;
        temporary.published = true;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(hex::encode(digest))),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            ..UploadPartOutput::default()
        }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput { bucket, key, upload_id, .. } = request.input;
        let (id, place) = (upload_id.clone(), (bucket.clone(), key.clone()));
        let parts =
            self.blocking(move |folder| MultipartUpload::find(folder, &id, &place.0, &place.1)?.parts()).await?;
        let parts = parts.into_iter().map(|(number, part)| Part {
            e_tag: Some(ETag::Strong(hex::encode(part.digest))),
            part_number: Some(number),
            size: i64::try_from(part.size_bytes).ok(),
            ..Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            parts: some(parts.collect()),
            is_truncated: Some(false),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let (bucket, key) = (input.bucket, input.key);
        self.check_conditions(&bucket, &key, input.if_match, input.if_none_match).await?;
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let (id, place) = (input.upload_id, (bucket.clone(), key.clone()));
        let etag = self
            .blocking(move |folder| MultipartUpload::find(folder, &id, &place.0, &place.1)?.complete(&parts))
            .await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        self.blocking(move |folder| MultipartUpload::find(folder, &upload_id, &bucket, &key)?.remove()).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
