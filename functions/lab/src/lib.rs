//! What a lab function sees of whatever runs it.
//!
//! A function is one Rust function, [`Handler`], over the [`Lab`] trait. Compiled to WASM, `export!` connects it to the
//! imports and the export of `wit/lab.wit`; in a native build the same code is handed another implementation of [`Lab`].
//!
//! Four of the functions answer with a record of their invocation. [`serve`] and [`serve_with`] are the whole of that: they
//! read the event, do the common work and write the record.

mod error;
mod event;
mod json;
mod nested;
mod objects;
mod platform;
mod record;
mod record_function;
mod request;
mod throughput;

#[cfg(test)]
mod record_tests;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;

pub use error::{Error, ErrorKind};
pub use event::Event;
pub use objects::{Location, ObjectDigest, ObjectEvent, read_object, stream, unique_suffix};
pub use platform::{Call, Handler, Instance, Lab, Object, ObjectWriter, Outcome, Page, STREAM_CHUNK_BYTES};
pub use record::OwnFields;
pub use record_function::{OwnWork, cpu_time_between_us, serve, serve_with};

/// Makes a [`Handler`] the export of this crate's WASM component. In a native build it adds nothing.
#[macro_export]
macro_rules! export {
    ($handler:path) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::component::bindings;

            struct Component;

            impl bindings::Guest for Component {
                fn handle(event: String) -> Result<String, bindings::Error> {
                    let handler: $crate::Handler = $handler;
                    $crate::component::handle(handler, &event)
                }
            }

    bindings::export!(Component with_types_in bindings);
        };
    };
}
