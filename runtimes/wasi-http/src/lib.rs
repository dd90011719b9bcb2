//! The guests that serve a function's component as `wasi:http/incoming-handler`, built once.
//!
//! A function's component imports `wit/lab.wit` and, for Rust's standard library, parts of WASI that a plain
//! `wasi:http/proxy` host lacks. `image-build` composes it with these guests to one component that such a host takes: with
//! [`SERVER`], [`PLATFORM`] and [`SYSTEM`] always, with [`STORAGE`] and [`FILES`] where the function imports them.
//!
//! # Two images
//! Settings are environment variables (`wasi_http_client::settings::Settings`), and a `wasi:http/proxy` host has no
//! environment. So there are two images of a function:
//!
//! | | with fixed variables | with the host's environment |
//! |---|---|---|
//! | runs on | every `wasi:http/proxy` host: `wasmtime serve` without options, Spin, wasmCloud | `wasmtime serve -S cli --env NAME`, Spin (`environment` in `spin.toml`), wasmCloud (`localResources.environment`) |
//! | settings | chosen when the image is made; 4 KiB | chosen when it is started |
//! | storage | anonymous requests to an S3 endpoint, as secrets don't belong into an image | S3, signed |
//! | nested calls | to a URL, without authorization | to a URL |
//!
//! In both, hosts may restrict where requests go: Spin by `allowed_outbound_hosts`, wasmCloud by `allowedHosts`.
//!
//! # What an instance can't know or do
//! `arch` is `wasm32`, `function_cores` 1, the memory limit and the processor's time are null: a host says nothing of them. A
//! function that panics, exits or exceeds a limit ends its instance, and the host answers in its own way (500). Most hosts
//! make an instance for each request, so that `X-Instance-Seq` is 0 and the uptime counts from the request on. The scratch
//! folder is in memory: 512 MiB, 65,536 files; an object that is written is held in memory until it is whole, 1 GiB at most.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));

pub use wasi_http_system::block::{BLOCK_BYTES, MARK};
