//! Building one package as a WASM component, for build scripts: this one, and that of runtimes/wasi-http.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const COMPONENT_TARGET: &str = "wasm32-wasip2";

/// Sees to it that rustc has the standard library of `target`, or says the command that installs it.
pub(crate) fn ensure_target(target: &str) -> Result<(), String> {
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

/// Builds the component of one package of this workspace by a profile, with flags for rustc, and returns its path.
pub(crate) fn build(package: &str, profile: &str, flags: &[&str], target_directory: &Path) -> PathBuf {
    // As cargo says it now: what was compiled in would be another folder's in a copy of this one with its `target`.
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let manifest = here.join("../../Cargo.toml");
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
        .args(["rustc", "--locked", "--profile", profile, "--lib", "--crate-type", "cdylib"])
        .args(["--target", COMPONENT_TARGET, "--package", package, "--manifest-path"])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", target_directory)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    let status = cargo.status();
    assert!(
        status.as_ref().is_ok_and(|status| status.success()),
        "building the component of {package} failed ({status:?}); the command was {cargo:?}"
    );

    let artefacts = target_directory.join(COMPONENT_TARGET).join(profile);
    let name = package.replace('-', "_");
    for source in sources(&artefacts.join(format!("{name}.d"))) {
        println!("cargo::rerun-if-changed={source}");
    }
    artefacts.join(format!("{name}.wasm"))
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
