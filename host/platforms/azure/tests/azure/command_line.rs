//! The credentials of `az login`: the library asks the command line, which a script stands for. It reads the process's
//! environment, so the test runs itself again with another one.

use std::os::unix::fs::PermissionsExt;

use platform::PlatformError;
use serde_json::json;

use crate::emulator::{Emulator, TOKEN};

#[tokio::test]
async fn whoever_is_logged_in_with_the_command_line_is_let_in() {
    let token = json!({ "accessToken": TOKEN, "expires_on": 4_102_444_800_u64, "tokenType": "Bearer" });
    again("command_line::is_let_in", &format!("#!/bin/sh\necho '{token}'\n")).await;
}

#[tokio::test]
async fn whoever_is_not_is_told_what_to_do() {
    let script = "#!/bin/sh\necho 'ERROR: Please run az login to setup account.' >&2\nexit 1\n";
    again("command_line::is_denied", script).await;
}

async fn again(test: &str, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let az = folder.path().join("az");
    std::fs::write(&az, script).unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "run by whoever_is_logged_in_with_the_command_line_is_let_in"]
async fn is_let_in() {
    let emulator = Emulator::start().await;
    let platform = azure_platform::connect_with(emulator.connection(json!({})), &|_| None).unwrap();
    platform.reach().await.unwrap();
}

#[tokio::test]
#[ignore = "run by whoever_is_not_is_told_what_to_do"]
async fn is_denied() {
    let emulator = Emulator::start().await;
    let platform = azure_platform::connect_with(emulator.connection(json!({})), &|_| None).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }) && error.to_string().contains("az login"), "{error}");
}
