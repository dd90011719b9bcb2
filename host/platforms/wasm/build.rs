//! Tells the driver which wasmtime it was built with.

fn main() {
    let lock = std::fs::read_to_string("../../../Cargo.lock").unwrap_or_default();
    println!("cargo::rustc-env=WASMTIME_VERSION={}", locked_version(&lock, "wasmtime"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../../Cargo.lock");
}

fn locked_version<'a>(lock: &'a str, package: &str) -> &'a str {
    lock.split("[[package]]")
        .find(|entry| entry.contains(&format!("name = \"{package}\"\n")))
        .and_then(|entry| entry.split("version = \"").nth(1))
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("of an unknown version")
}
