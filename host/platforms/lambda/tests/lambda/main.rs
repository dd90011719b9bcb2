//! The platform `lambda` against moto's server, an emulator of ours that is stricter, and whatever `LAMBDA_ENDPOINT` names.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod calls;
mod dry_run;
mod emulator;
mod leftovers;
mod life;
mod moto;
mod scale;
mod scene;
