//! Compiles the launcher, which is part of the program: a small static binary.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // As cargo says it now: what was compiled in would be another folder's in a copy of this one with its `target`.
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let manifest = here.join("../../../Cargo.toml");
    let launcher = here.join("../../../runtimes/launcher");
    // OUT_DIR is <target>/<profile>/build/<crate>/out. A folder of its own, as the outer cargo holds the lock of its profile's.
    let target_directory = out.ancestors().nth(4).unwrap_or(&out).join("launcher");
    let architecture = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it");
    let target = format!("{architecture}-unknown-linux-musl");

    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
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
    cargo.args(["build", "--locked", "--profile", "launcher", "--package", "launcher", "--target", &target]);
    cargo.arg("--manifest-path").arg(&manifest).env("CARGO_TARGET_DIR", &target_directory);
    let status = cargo.status();
    let succeeded = status.as_ref().is_ok_and(|status| status.success());
    assert!(
        succeeded,
        "building the launcher failed ({status:?}); is the target there? `rustup target add {target}` installs it; the command was {cargo:?}"
    );
    let binary = target_directory.join(&target).join("launcher/launcher");
    println!("cargo::rustc-env=LAUNCHER={}", binary.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", launcher.join("src").display());
    println!("cargo::rerun-if-changed={}", launcher.join("Cargo.toml").display());
}
