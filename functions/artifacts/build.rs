//! Compiles the lab functions to WASM components and writes them out as constants.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every lab function. A name that is missing here has no component and so no place in the catalogue.
const FUNCTIONS: [&str; 6] = ["function1", "function2", "function3", "monolith", "thumbnailer", "compression"];
const COMPONENT_TARGET: &str = "wasm32-wasip2";
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
        let component = build(function, &target_directory);
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
    println!("cargo::rerun-if-changed=../../wit/lab.wit");
    println!("cargo::rerun-if-changed=../../Cargo.toml");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
}

/// Sees to it that rustc has the standard library of `target`, or says the command that installs it.
fn ensure_target(target: &str) -> Result<(), String> {
    if has_target(target) {
        return Ok(());
    }
    println!("cargo::warning=installing the missing rustup target {target}");
    let installed = Command::new("rustup").args(["target", "add", target]).status();
    if installed.is_ok_and(|status| status.success()) && has_target(target) {
        return Ok(());
    }
    Err(format!(
        "the Rust target {target} is missing and could not be installed; run `rustup target add {target}` and build again"
    ))
}

fn has_target(target: &str) -> bool {
    let Ok(output) = Command::new(rustc()).args(["--print", "target-libdir", "--target", target]).output() else {
        return false;
    };
    output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
}

fn rustc() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// Builds one function's component and returns its path.
fn build(function: &str, target_directory: &Path) -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What the outer cargo and clippy set is meant for the host, not for the guests.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let ours = name.starts_with("CARGO") && !matches!(name.as_str(), "CARGO" | "CARGO_HOME" | "CARGO_NET_OFFLINE");
        if ours
            || name.starts_with("CLIPPY")
            || matches!(name.as_str(), "RUSTFLAGS" | "RUSTC_WORKSPACE_WRAPPER" | "RUSTC_WRAPPER")
        {
            cargo.env_remove(name);
        }
    }
    cargo
        .args(["rustc", "--locked", "--profile", "component", "--lib", "--crate-type", "cdylib"])
        .args(["--target", COMPONENT_TARGET, "--package", function, "--manifest-path"])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", target_directory)
        // SIMD matters more than any engine option: matrix_mult 3.7 times faster, the thumbnailer 1.2 times.
        .env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+simd128");
    let status = cargo.status();
    assert!(
        status.as_ref().is_ok_and(|status| status.success()),
        "building the component of {function} failed ({status:?}); the command was {cargo:?}"
    );

    let artefacts = target_directory.join(COMPONENT_TARGET).join("component");
    for source in sources(&artefacts.join(format!("{function}.d"))) {
        println!("cargo::rerun-if-changed={source}");
    }
    artefacts.join(format!("{function}.wasm"))
}

/// The source files that cargo's dependency file names: `target: source source ...`, blanks escaped by a backslash.
fn sources(dependency_file: &Path) -> Vec<String> {
    let text = fs::read_to_string(dependency_file).unwrap_or_default();
    let Some((_, list)) = text.lines().next().and_then(|line| line.split_once(": ")) else {
        return Vec::new();
    };
    let mut sources = vec![String::new()];
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => {
                characters.next();
                sources.last_mut().expect("never empty").push(' ');
            }
            ' ' => sources.push(String::new()),
            other => sources.last_mut().expect("never empty").push(other),
        }
    }
    sources.retain(|source| !source.is_empty());
    sources
}
