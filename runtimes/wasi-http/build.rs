//! Compiles the guests to WASM components and writes them out as constants.

#[path = "../../functions/artifacts/guest.rs"]
mod guest;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use guest::{COMPONENT_TARGET, build, ensure_target};

/// The guests: the names of their constants, of their packages, and what each is.
const GUESTS: [(&str, &str, &str); 5] = [
    ("SERVER", "wasi-http-server", "HTTP in front of a function: it exports `wasi:http/incoming-handler`."),
    ("PLATFORM", "wasi-http-platform", "Nested calls over HTTP, and the identity of an instance."),
    ("STORAGE", "wasi-http-storage", "Objects from an S3 endpoint."),
    ("SYSTEM", "wasi-http-system", "What Rust's standard library asks of a system and a wasi:http host lacks."),
    ("FILES", "wasi-http-files", "A scratch folder in memory, with streams and standard streams."),
];

/// No adapter of older WASI, as nothing here needs it, and no names; the C library has `memcmp`.
const FLAGS: [&str; 3] = ["-Clink-arg=--wasi-adapter=none", "-Clink-arg=-lc", "-Clink-arg=--strip-all"];

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // The folder of functions/artifacts: OUT_DIR is <target>/<profile>/build/<crate>/out.
    let target_directory = out.ancestors().nth(4).unwrap_or(&out).join("components");
    if let Err(reason) = ensure_target(COMPONENT_TARGET) {
        panic!("{reason}");
    }
    let mut generated = String::new();
    for (constant, package, what) in GUESTS {
        let component = build(package, "adapter", &FLAGS, &target_directory).display().to_string();
        writeln!(generated, "/// {what}\npub const {constant}: &[u8] = include_bytes!({component:?});")
            .expect("a String takes all");
    }
    fs::write(out.join("guests.rs"), generated).expect("OUT_DIR is writable");

    for input in [
        "build.rs",
        "wit",
        "../../functions/artifacts/guest.rs",
        "../../wit/lab.wit",
        "../../Cargo.toml",
        "../../Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={input}");
    }
}
