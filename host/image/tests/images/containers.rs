//! Container engines that load the archive and run it. Skipped where none runs.

use std::process::{Command, Output};

use image_build::{Image, ImageKind};

use crate::shared::{has, image};

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn succeed(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Loads the archive, and removes the image again when it was not there before.
fn loads_and_runs(program: &str, image: &Image, reference: &str) {
    if !has(program) {
        return;
    }
    let info = run(program, &["info"]);
    if !info.status.success() {
        eprintln!("skipped: {program} does not work here: {}", String::from_utf8_lossy(&info.stderr).trim());
        return;
    }
    let there = run(program, &["image", "inspect", reference]).status.success();
    let archive = image.archive().unwrap();
    succeed(program, &["load", "--input", archive.to_str().unwrap()]);
    let inspected = succeed(program, &["image", "inspect", reference]);
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(inspected[0]["Config"]["Entrypoint"][0], "/fn");
    assert_eq!(inspected[0]["Config"]["Labels"]["faasbench.code"], image.code_digest.as_str());
    // The health check of a server that is not there: it runs and says no.
    let output = check_health(program, reference, &[]);
    // Where limits can't be raised, the engine's defaults are too high; and its own runtime may not know the machine's cgroups.
    let output = match output.status.code() {
        Some(125..=127) if program == "podman" => check_health(program, reference, &LOW_LIMITS),
        _ => output,
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !there {
        succeed(program, &["image", "rm", "--force", reference]);
    }
    if output.status.code() == Some(126) && said.contains("OCI") {
        eprintln!("skipped: {program} loads the image, but can't start containers here: {}", said.trim());
        return;
    }
    assert_eq!(output.status.code(), Some(1), "{program}: {said}");
    assert!(said.contains("health check"), "{said}");
}

const LOW_LIMITS: [&str; 5] = ["--runtime=runc", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];

fn check_health(program: &str, reference: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["run", "--rm", "--read-only", "--network", "none", "--user", "65534"];
    arguments.extend(more);
    arguments.extend([reference, "--hc", "127.0.0.1:1/"]);
    run(program, &arguments)
}

#[test]
fn docker_loads_it_and_runs_it() {
    let image = image("function1", ImageKind::OciWithHealthCheck);
    loads_and_runs("docker", &image, &image.reference().unwrap());
}

#[test]
fn podman_loads_it_and_runs_it() {
    let image = image("function1", ImageKind::OciWithHealthCheck);
    // Podman's short names are searched for on this machine first under this one.
    loads_and_runs("podman", &image, &format!("docker.io/{}", image.reference().unwrap()));
}
