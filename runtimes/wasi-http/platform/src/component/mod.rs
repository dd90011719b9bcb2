//! The exports of `world platform`.

mod functions;
mod instance;

use alloc::string::String;
use alloc::vec::Vec;

use wasi_http_client::bindings::wasi::cli::environment;
use wasi_http_client::settings::Settings;
use wasi_http_guest::Single;

use bindings::exports::faasbench::lab::types;

#[allow(missing_docs, unreachable_pub, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit"], world: "faasbench:wasi-http/platform", generate_all });
}

struct Component;

/// What the instance keeps from one invocation to the next.
#[derive(Default)]
struct State {
    identifier: String,
    created_ns: u64,
    invocations: u64,
    age_us: u64,
    passed_on: Vec<(String, Vec<u8>)>,
    settings: Option<&'static Settings>,
}

static STATE: Single<Option<State>> = Single::new(None);

/// The settings: the environment is read once.
fn settings() -> &'static Settings {
    let mut state = STATE.get();
    let state = state.get_or_insert_default();
    // Kept for the instance's life anyway.
    state.settings.get_or_insert_with(|| {
        alloc::boxed::Box::leak(alloc::boxed::Box::new(Settings::read(&environment::get_environment())))
    })
}

wasi_http_client::to_wit!(types);

bindings::export!(Component with_types_in bindings);
