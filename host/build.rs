//! Tells the program which versions it was built with.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    println!("cargo::rustc-env=FAASBENCH_RUSTC_VERSION={version}");
    let lock = std::fs::read_to_string("../Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=FAASBENCH_WASMTIME_VERSION={}", locked_version(&lock, "wasmtime"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    // sqlx::migrate! embeds these files, and cargo does not see that.
    println!("cargo::rerun-if-changed=migrations");
}

fn locked_version<'a>(lock: &'a str, package: &str) -> &'a str {
    lock.split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{package}\"\n")))
        .and_then(|entry| entry.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("unknown")
}
