//! Object storage for the functions: a local directory, S3, GCS, Azure Blob; and an S3 endpoint over a directory.
