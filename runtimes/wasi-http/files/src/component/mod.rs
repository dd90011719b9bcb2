//! The exports of `world files`.

mod filesystem;
mod streams;

use wasi_http_guest as _;

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/files", generate_all });
}

struct Component;

bindings::export!(Component with_types_in bindings);
