//! Compiles the hostile function and writes down where its two forms are.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // OUT_DIR is <target>/<profile>/build/<crate>/out.
    let target_directory = out.ancestors().nth(4).unwrap_or(&out).to_path_buf();

    // Beside the lab functions' components, with which it shares their dependencies.
    let components = target_directory.join("components");
    let component = components.join("wasm32-wasip2/component/hostile.wasm");
    let kind = ["--profile", "component", "--target", "wasm32-wasip2", "--lib", "--crate-type", "cdylib"];
    build("rustc", &kind, &components, "-Ctarget-feature=+simd128");
    watch(&component.with_extension("d"));

    // Beside the lab functions' images. The outer cargo holds the lock of its own profile's folder, which is another.
    let native = target_directory.join("x86_64-unknown-linux-musl/image/hostile");
    let kind = ["--profile", "image", "--target", "x86_64-unknown-linux-musl", "--bin", "hostile"];
    build("build", &kind, &target_directory, "");
    watch(&native.with_extension("d"));

    let generated = format!(
        "/// Path of the component.\npub const COMPONENT: &str = {:?};\n/// Path of the native image.\npub const NATIVE: &str = {:?};\n",
        component.display().to_string(),
        native.display().to_string(),
    );
    fs::write(out.join("paths.rs"), generated).expect("OUT_DIR is writable");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../../wit/lab.wit");
    println!("cargo::rerun-if-changed=../../../Cargo.toml");
    println!("cargo::rerun-if-changed=../../../Cargo.lock");
}

fn build(command: &str, kind: &[&str], target_directory: &Path, flags: &str) {
    // As cargo says it now: what was compiled in would be another folder's in a copy of this one with its `target`.
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let manifest = here.join("../../../Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    // What the outer cargo and clippy set is meant for the host.
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
    cargo.arg(command).args(kind).args(["--locked", "--package", "hostile", "--manifest-path"]).arg(manifest);
    cargo.env("CARGO_TARGET_DIR", target_directory);
    if !flags.is_empty() {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags);
    }
    let status = cargo.status();
    let succeeded = status.as_ref().is_ok_and(|status| status.success());
    assert!(succeeded, "building the hostile function failed ({status:?}); the command was {cargo:?}");
}

/// Builds again when a source changes that cargo's dependency file names: `target: source source ...`.
fn watch(dependency_file: &Path) {
    let text = fs::read_to_string(dependency_file).unwrap_or_default();
    let list = text.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, list)| list);
    // Blanks inside a path are escaped by a backslash.
    let whole = list.replace("\\ ", "\0");
    for source in whole.split(' ').filter(|source| !source.is_empty()) {
        println!("cargo::rerun-if-changed={}", source.replace('\0', " "));
    }
}
