//! What a lab function sees of whatever runs it.
//!
//! A function is one Rust function, [`Handler`], over the [`Lab`] trait. Compiled to WASM, `export!` connects it to the
//! imports and the export of `wit/lab.wit`; in a native build the same code is handed another implementation of [`Lab`].

mod error;
mod platform;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;

pub use error::{Error, ErrorKind};
pub use platform::{Call, Handler, Instance, Lab, Object, ObjectWriter, Outcome, Page, STREAM_CHUNK_BYTES};

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
