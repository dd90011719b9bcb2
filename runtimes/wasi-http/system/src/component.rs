//! The exports.

use alloc::string::String;
use alloc::vec::Vec;

use wasi_http_guest as _;

use crate::block;
use bindings::exports::wasi::cli::{
    environment, exit, terminal_input, terminal_output, terminal_stderr, terminal_stdin, terminal_stdout,
};
use bindings::exports::wasi::random::insecure_seed;
use bindings::wasi::random::random;

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/system", generate_all });
}

/// Composing writes into this.
#[used]
static BLOCK: [u8; block::BLOCK_BYTES] = block::empty();

struct Component;

impl environment::Guest for Component {
    fn get_environment() -> Vec<(String, String)> {
        // Read through a pointer that the compiler knows nothing of: what it knows of the block is not what will be there.
        block::variables(core::hint::black_box(&BLOCK))
    }
}

impl exit::Guest for Component {
    fn exit(_: Result<(), ()>) {
        core::arch::wasm32::unreachable()
    }
}

/// A terminal; there is none.
struct NoTerminal;

impl terminal_input::GuestTerminalInput for NoTerminal {}

impl terminal_input::Guest for Component {
    type TerminalInput = NoTerminal;
}

impl terminal_output::GuestTerminalOutput for NoTerminal {}

impl terminal_output::Guest for Component {
    type TerminalOutput = NoTerminal;
}

impl terminal_stdin::Guest for Component {
    fn get_terminal_stdin() -> Option<terminal_input::TerminalInput> {
        None
    }
}

impl terminal_stdout::Guest for Component {
    fn get_terminal_stdout() -> Option<terminal_output::TerminalOutput> {
        None
    }
}

impl terminal_stderr::Guest for Component {
    fn get_terminal_stderr() -> Option<terminal_output::TerminalOutput> {
        None
    }
}

impl insecure_seed::Guest for Component {
    fn insecure_seed() -> (u64, u64) {
        (random::get_random_u64(), random::get_random_u64())
    }
}

bindings::export!(Component with_types_in bindings);
