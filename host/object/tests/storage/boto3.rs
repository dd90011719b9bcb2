//! Amazon's own client against our endpoint, where Python has it.

use std::process::Command;

use crate::endpoint::Endpoint;

#[test]
fn boto3_does_all_that_it_is_used_for() {
    let available = Command::new("python3").args(["-c", "import boto3"]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no boto3");
        return;
    }
    let endpoint = Endpoint::start();
    let key = endpoint.server().access_key();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/storage/client.py");
    let output = Command::new("python3")
        .arg(script)
        .env("AWS_ACCESS_KEY_ID", key.id())
        .env("AWS_SECRET_ACCESS_KEY", key.secret())
        .env("AWS_ENDPOINT_URL", format!("http://{}", endpoint.server().address()))
        .env("AWS_REGION", "us-east-1")
        .env("FOLDER", endpoint.folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
