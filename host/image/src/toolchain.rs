//! The Rust toolchain: its version, its targets, a linker for another architecture.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::BuildError;
use crate::options::{Architecture, Options, Progress};

/// Variables of cargo that say where it finds things, and not what it builds.
const KEPT: [&str; 6] =
    ["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_"];

/// A command in the sources' folder whose environment says nothing about how to build: what an outer cargo or clippy sets is
/// meant for the host. The sources' own `rust-toolchain.toml` chooses the toolchain.
pub(crate) fn command(program: &'static str, source: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(source).stdin(std::process::Stdio::null());
    for (name, _) in std::env::vars_os() {
        if concerns_builds(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn concerns_builds(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let of_cargo = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
    of_cargo
        || name.starts_with("CLIPPY")
        || name == "RUSTUP_TOOLCHAIN"
        || (name.starts_with("RUST")
            && (name.ends_with("FLAGS") || name.starts_with("RUSTC") || name.starts_with("RUSTDOC")))
}

/// What `rustc -vV` says.
pub(crate) fn rustc_version(source: &Path) -> Result<String, BuildError> {
    rustc(source, &["-vV"])
}

fn rustc(source: &Path, arguments: &[&str]) -> Result<String, BuildError> {
    let output = command("rustc", source)
        .args(arguments)
        .output()
        .map_err(|source| BuildError::NoToolchain { program: "rustc", source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::BrokenToolchain { folder: source.to_owned(), said });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Sees to it that rustc has the standard library of the target.
pub(crate) fn ensure_target(source: &Path, architecture: Architecture, options: &Options) -> Result<(), BuildError> {
    let target = architecture.target();
    if has_target(source, target)? {
        return Ok(());
    }
    options.tell(Progress::InstallingTarget { target: target.to_owned() });
    let missing = |said: String| BuildError::MissingTarget { target, folder: source.to_owned(), said };
    let output = command("rustup", source)
        .args(["target", "add", target])
        .output()
        .map_err(|error| missing(format!(" (rustup: {error})")))?;
    if output.status.success() && has_target(source, target)? {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    Err(missing(if last.is_empty() { String::new() } else { format!(" (rustup: {last})") }))
}

fn has_target(source: &Path, target: &str) -> Result<bool, BuildError> {
    // It prints where the library would be, whether it is there or not.
    Ok(Path::new(&rustc(source, &["--print", "target-libdir", "--target", target])?).is_dir())
}

/// What another architecture is built with.
pub(crate) struct CrossTools {
    pub(crate) linker: &'static str,
    /// For the little C and assembly that TLS is made of.
    pub(crate) compiler: &'static str,
}

/// The tools that cargo is to be told for an architecture; `None`: this machine's own do.
pub(crate) fn cross_tools(source: &Path, architecture: Architecture) -> Result<Option<CrossTools>, BuildError> {
    if Architecture::of_this_machine() == Some(architecture) {
        return Ok(None);
    }
    let (musl, compilers) = match architecture {
        Architecture::X86_64 => ("x86_64-linux-musl-gcc", ["x86_64-linux-musl-gcc", "x86_64-linux-gnu-gcc", "clang"]),
        Architecture::Aarch64 => {
            ("aarch64-linux-musl-gcc", ["aarch64-linux-musl-gcc", "aarch64-linux-gnu-gcc", "clang"])
        }
    };
    // The target brings its own start files and libc, so that rustc's own linker is all it takes.
    let version = rustc_version(source)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let sysroot = PathBuf::from(rustc(source, &["--print", "sysroot"])?);
    let linker = if sysroot.join("lib/rustlib").join(host).join("bin/rust-lld").is_file() {
        "rust-lld"
    } else if is_on_path(musl) {
        musl
    } else {
        return Err(BuildError::MissingLinker { architecture, linker: musl });
    };
    let compiler = compilers.into_iter().find(|compiler| is_on_path(compiler));
    let compiler = compiler.ok_or(BuildError::MissingCompiler {
        architecture,
        compilers: compilers.join(", "),
        package: match architecture {
            Architecture::X86_64 => "gcc-x86-64-linux-gnu",
            Architecture::Aarch64 => "gcc-aarch64-linux-gnu",
        },
    })?;
    Ok(Some(CrossTools { linker, compiler }))
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_says_how_to_build_is_left_out_and_where_things_are_stays() {
        for name in [
            "CARGO",
            "CARGO_TARGET_DIR",
            "CARGO_ENCODED_RUSTFLAGS",
            "CLIPPY_ARGS",
            "RUSTFLAGS",
            "RUSTC_WRAPPER",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(concerns_builds(OsStr::new(name)), "{name}");
        }
        for name in
            ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_REGISTRIES_X_TOKEN", "RUSTUP_HOME", "PATH", "HTTPS_PROXY"]
        {
            assert!(!concerns_builds(OsStr::new(name)), "{name}");
        }
    }
}
