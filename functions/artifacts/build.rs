//! Compiles the lab functions to WASM components and writes them out as constants.

mod guest;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use guest::{COMPONENT_TARGET, build, ensure_target};

/// Every lab function. A name that is missing here has no component and so no place in the catalogue.
const FUNCTIONS: [&str; 6] = ["function1", "function2", "function3", "monolith", "thumbnailer", "compression"];
/// SIMD matters more than any engine option: matrix_mult 3.7 times faster, the thumbnailer 1.2 times.
const FLAGS: [&str; 1] = ["-Ctarget-feature=+simd128"];
const IMAGE_TARGET: &str = "x86_64-unknown-linux-musl";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // One folder for all profiles: the components are the same in each. OUT_DIR is <target>/<profile>/build/<crate>/out.
    let target_directory = out.ancestors().nth(4).unwrap_or(&out).join("components");

    if let Err(reason) = ensure_target(COMPONENT_TARGET) {
        panic!("{reason}");
    }
    if let Err(reason) = ensure_target(IMAGE_TARGET) {
        // Only `faasbench build` needs it, and it says the same.
        println!("cargo::warning={reason}");
    }

    let mut generated = String::new();
    let mut table = String::new();
    let mut each = String::new();
    for function in FUNCTIONS {
        let component = build(function, "component", &FLAGS, &target_directory);
        let constant = function.to_uppercase();
        writeln!(
            generated,
            "/// The component of `{function}`.\npub const {constant}: &[u8] = include_bytes!({:?});",
            component.display().to_string()
        )
        .expect("a String takes all");
        write!(table, "({function:?}, {constant}), ").expect("a String takes all");
        write!(each, "$callback!({function}); ").expect("a String takes all");
    }
    writeln!(
        generated,
        "/// Every function's name with its component.\npub const COMPONENTS: [(&str, &[u8]); {}] = [{table}];",
        FUNCTIONS.len()
    )
    .expect("a String takes all");
    writeln!(
        generated,
        "/// Calls `$callback!(name)` for every function.\n#[macro_export]\nmacro_rules! foreach_function {{ ($callback:ident) => {{ {each} }}; }}"
    )
    .expect("a String takes all");
    fs::write(out.join("components.rs"), generated).expect("OUT_DIR is writable");

    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=guest.rs");
    println!("cargo::rerun-if-changed=../../wit/lab.wit");
    println!("cargo::rerun-if-changed=../../Cargo.toml");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
}
