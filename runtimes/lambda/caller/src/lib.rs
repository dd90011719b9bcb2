//! Calls of Lambda's Invoke for functions whose image has no TLS.
//!
//! A native image speaks plain HTTP only, so that it stays small. Beside it in its archive is the program `faasbench-caller`, which
//! the image starts at its first nested call (`FAASBENCH_INVOKE_HELPER`) with a listening unix socket as its standard input. A
//! request `POST /FUNCTION` there becomes a request to Lambda, signed with the credentials that the instance has of its role, and
//! an error of the function becomes an answer with its status.

mod answer;
mod caller;
mod signature;
mod trace;

pub use answer::{error_body, function_error, is_function_error};
pub use caller::{Caller, CallerError};
pub use trace::x_ray;
