//! Every backend does the same, against servers of ours and of others.
//!
//! What runs elsewhere is named by environment variables: `FAASBENCH_TEST_STORAGE` is a location (`s3://…`, `gs://…`,
//! `azure://…`) whose bucket exists, for the tests of all backends to run there too, with the credentials of the environment.

#![allow(clippy::unwrap_used, reason = "tests")]

mod azurite;
mod backends;
mod boto3;
mod contract;
mod endpoint;
mod hostile;
mod moto;
mod place;
mod servers;
mod transfers;
