//! Nested calls for functions whose image has no TLS.
//!
//! A native image speaks plain HTTP only, so that it stays small. Beside it in its archive or its layers is the program
//! `faasbench-caller`, which the image starts at its first nested call (`FAASBENCH_INVOKE_HELPER`) with a listening unix socket
//! as its standard input. A request `POST /FUNCTION` there becomes a call in the platform's own way, with what lets it in, and
//! an error of the function becomes an answer with its status.
//!
//! | `FAASBENCH_CALLER` | a call is | let in by |
//! |---|---|---|
//! | `lambda` | AWS Lambda's Invoke, at `FAASBENCH_LAMBDA_ENDPOINT` or the region's own address | a signature with the credentials of the instance's role |
//! | `gcp` | a POST to `FAASBENCH_CALLER_URL` | an ID token of the instance's account, made by its metadata server (`GCE_METADATA_HOST`) |
//! | `azure` | a POST to `FAASBENCH_CALLER_URL` | the key in `FAASBENCH_CALLER_KEY`, if there is one |

mod azure;
mod call;
mod caller;
mod client;
mod error;
mod google_cloud;
mod lambda;
mod template;

pub use call::error_body;
pub use caller::Caller;
pub use error::CallerError;
pub use lambda::{function_error, is_function_error, x_ray};
