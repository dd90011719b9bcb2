//! The protocols of Apache OpenWhisk: a blackbox container's `/init` and `/run` ([`BlackboxService`]), and the ActionLoop
//! between its Go proxy and a native program ([`action_loop()`]).

mod action_loop;
mod blackbox;
mod run;

pub use action_loop::{action_loop, result_pipe};
pub use blackbox::BlackboxService;
pub use run::{result_line, unwrap_answer};
