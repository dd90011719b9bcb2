//! What goes wrong, and what is said then.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use image_build::{Architecture, BuildError, Builder, Cancellation, ImageKind, Options, Protocol};

use crate::shared::{builder, files_of, has, image};

/// Names the part that a test plays in a process of its own.
const PART: &str = "FAASBENCH_TEST_PART";
const FOLDER: &str = "FAASBENCH_TEST_FOLDER";

/// A command that runs one test of this binary again, as a part.
fn part(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("errors::{test}"), "--nocapture"]).env(PART, test);
    command
}

fn is_part(test: &str) -> bool {
    std::env::var_os(PART).is_some_and(|part| part == test)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn unknown_names_are_told_with_those_that_there_are() {
    let error = |functions: &[&str], platform: &str| {
        builder().build(functions, platform, &Options::default()).unwrap_err().to_string()
    };
    assert!(error(&["function1"], "heroku").contains("openfaas"));
    assert!(error(&["function9"], "container").contains("thumbnailer"));
    let architecture = "riscv64".parse::<Architecture>().unwrap_err().to_string();
    assert!(architecture.contains("riscv64") && architecture.contains("aarch64"), "{architecture}");
    assert!("smtp".parse::<Protocol>().unwrap_err().to_string().contains("lambda"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let both = Options { architectures: Architecture::ALL.to_vec(), ..Options::default() };
    let error = builder().build(&["function1"], "lambda", &both).unwrap_err();
    assert!(matches!(error, BuildError::OneArchitecture { .. }), "{error}");
    let kind = Options { kind: Some(ImageKind::Component), ..Options::default() };
    assert!(matches!(builder().build(&[], "fn", &kind), Err(BuildError::NotTaken { .. })));
    let protocol = Options { protocol: Some(Protocol::Lambda), ..Options::default() };
    assert!(matches!(builder().build(&[], "fn", &protocol), Err(BuildError::WrongProtocol { .. })));
    assert!(matches!(builder().build(&[], "wasm", &protocol), Err(BuildError::WrongProtocol { .. })));
}

#[test]
fn sources_that_are_gone_are_told_with_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    let cache = tempfile::tempdir().unwrap();
    let builder = Builder::open(cache.path()).unwrap().with_source(folder.path().join("gone"));
    let error = builder.build(&["function1"], "container", &Options::default()).unwrap_err().to_string();
    assert!(error.contains("gone") && error.contains("FAASBENCH_SOURCE"), "{error}");
    // What needs no sources works without.
    builder.build(&[], "wasm", &Options::default()).unwrap();
}

#[test]
fn a_cache_that_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Builder::open(folder.path()).unwrap_err();
    assert!(matches!(error, BuildError::NotPrivate { .. }), "{error}");
}

#[test]
fn without_cargo_it_says_where_to_get_it() {
    if is_part("without_cargo_it_says_where_to_get_it") {
        let error = builder().build(&["function1"], "container", &Options::default()).unwrap_err();
        assert!(matches!(error, BuildError::NoToolchain { .. }), "{error}");
        assert!(error.to_string().contains("https://rustup.rs"), "{error}");
        return;
    }
    let output = part("without_cargo_it_says_where_to_get_it").env("PATH", "/nowhere").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

/// A folder with programs that stand in for the toolchain's.
fn programs(scripts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Says a version, and has no library for any target.
const RUSTC_WITHOUT_TARGETS: &str = "case $1 in -vV) echo 'rustc 9.9.9'; echo 'host: x';; *) echo /nowhere;; esac";
/// Says a version, and has a library for every target.
const RUSTC: &str = "case $1 in -vV) echo 'rustc 9.9.9'; echo 'host: x';; *) echo /;; esac";

#[test]
fn a_target_that_can_not_be_added_is_told_with_the_command() {
    const TEST: &str = "a_target_that_can_not_be_added_is_told_with_the_command";
    if is_part(TEST) {
        let cache = tempfile::tempdir().unwrap();
        let builder = Builder::open(cache.path()).unwrap();
        let error = builder.build(&["function1"], "container", &Options::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("rustup target add x86_64-unknown-linux-musl") && text.contains("no network"), "{text}");
        return;
    }
    let programs = programs(&[("rustc", RUSTC_WITHOUT_TARGETS), ("rustup", "echo 'error: no network' >&2; exit 1")]);
    let output = part(TEST).env("PATH", format!("{}:/usr/bin:/bin", programs.path().display())).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn what_cargo_said_is_repeated_when_it_fails() {
    const TEST: &str = "what_cargo_said_is_repeated_when_it_fails";
    if is_part(TEST) {
        let cache = tempfile::tempdir().unwrap();
        let builder = Builder::open(cache.path()).unwrap();
        let error = builder.build(&["function1"], "container", &Options::default()).unwrap_err();
        assert!(matches!(error, BuildError::Cargo { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("error[E0999]: too late") && text.contains("cargo build --locked"), "{text}");
        let names: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["building.lock"]);
        return;
    }
    let programs = programs(&[("rustc", RUSTC), ("cargo", "echo 'error[E0999]: too late' >&2; exit 101")]);
    let output = part(TEST).env("PATH", format!("{}:/usr/bin:/bin", programs.path().display())).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_cancelled_build_ends_with_its_processes() {
    const TEST: &str = "a_cancelled_build_ends_with_its_processes";
    if is_part(TEST) {
        let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
        let cache = tempfile::tempdir().unwrap();
        let builder = Builder::open(cache.path()).unwrap();
        let cancellation = Cancellation::default();
        let options = Options { cancellation: cancellation.clone(), ..Options::default() };
        let build = std::thread::spawn(move || builder.build(&["function1"], "container", &options));
        let compiler = folder.join("compiler");
        let begin = Instant::now();
        let pid = loop {
            match fs::read_to_string(&compiler) {
                Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
                _ => assert!(begin.elapsed() < Duration::from_secs(20)),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        cancellation.cancel();
        assert!(matches!(build.join().unwrap(), Err(BuildError::Cancelled)));
        let gone = || {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        while !gone() {
            assert!(begin.elapsed() < Duration::from_secs(20), "the compiler runs on");
            std::thread::sleep(Duration::from_millis(5));
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let compile = format!("sleep 600 & echo $! > {}; wait", folder.path().join("compiler").display());
    let programs = programs(&[("rustc", RUSTC), ("cargo", &compile)]);
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let output = part(TEST).env("PATH", path).env(FOLDER, folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_full_disk_is_told_and_nothing_half_written_is_left() {
    const TEST: &str = "a_full_disk_is_told_and_nothing_half_written_is_left";
    if is_part(TEST) {
        let folder = std::path::PathBuf::from(std::env::var_os(FOLDER).unwrap());
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let builder = Builder::open(&folder).unwrap();
        let error = builder.build(&["function1"], "container", &Options::default()).unwrap_err();
        assert!(matches!(error, BuildError::DiskFull { .. }), "{error}");
        let left: Vec<_> = files_of(&folder).into_iter().filter(|(_, content)| !content.is_empty()).collect();
        assert!(left.is_empty(), "{:?}", left.iter().map(|(path, _)| path).collect::<Vec<_>>());
        // There is room for a component.
        builder.build(&["function1"], "wasm", &Options::default()).unwrap();
        return;
    }
    // What cargo has to do is done elsewhere.
    image("function1", ImageKind::Binary);
    if !has("unshare") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=1m tmpfs \"$0\" && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--", "/bin/sh", "-c", mount]).arg(folder.path());
    let test = part(TEST);
    command.arg(test.get_program()).args(test.get_args()).env(PART, TEST).env(FOLDER, folder.path());
    let output = command.output().unwrap();
    let said = said(&output);
    if said.contains("unshare failed") || said.contains("permission denied") || said.contains("must be superuser") {
        eprintln!("skipped: no file system can be mounted here: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
}
