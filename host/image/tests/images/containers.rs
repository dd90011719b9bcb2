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
    let output = run(program, &["run", "--rm", "--read-only", "--network", "none", "--user", "65534", reference, "--hc", "127.0.0.1:1/"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !there {
        succeed(program, &["image", "rm", "--force", reference]);
    }
    assert_eq!(output.status.code(), Some(1), "{program}: {said}");
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
