//! What a lab function imports, implemented natively: storage in a directory, nested calls on threads, the instance's
//! own description; and the notation of where else storage can be. A native image links this to the function; the host
//! serves the same to WASM components.

mod clock;
mod credentials;
mod directory;
mod functions;
mod instance;
mod location;
mod native_lab;
mod storage;

pub use clock::{thread_cpu_time_us, unix_time_ns};
pub use credentials::names_file;
pub use directory::DirectoryStorage;
pub use functions::{Functions, NoFunctions, invoke, invoke_all};
pub use instance::Sandbox;
pub use location::{Location, RemoteLocation, Service};
pub use native_lab::NativeLab;
pub use storage::{NoStorage, Storage, validate_bucket, validate_key};
