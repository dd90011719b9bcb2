//! Application Default Credentials: of a person, whose token the emulated service of tokens makes. The library reads the
//! process's environment, so the test runs itself again with another one.

use std::io::Write;

use emulation::{Response, Server};
use platform::{Invocation, MemoryLedger, PlatformError};
use serde_json::json;

use crate::deploying::{PATIENCE, plain};
use crate::emulator::{ACCESS_TOKEN, Emulator, ID_TOKEN};

#[tokio::test]
async fn a_persons_credentials_make_the_tokens_of_administration_and_of_calls() {
    let tokens = Server::start(async |request: emulation::Request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        if !form.contains("refresh") {
            return Response::json(400, &json!({ "error": "invalid_grant" }));
        }
        let answer =
            json!({ "access_token": ACCESS_TOKEN, "id_token": ID_TOKEN, "expires_in": 3600, "token_type": "Bearer" });
        Response::json(200, &answer)
    });
    let tokens = tokens.await.unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let person = json!({ "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "refresh",
        "token_uri": format!("{}/token", tokens.url()) });
    write!(file, "{person}").unwrap();
    let output = again("default_credentials::deploys_and_calls", file.path().to_str().unwrap()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(tokens.count("POST /token") >= 2);
}

#[tokio::test]
async fn missing_credentials_are_told_with_what_to_do() {
    let output = again("default_credentials::is_denied", "/nowhere/credentials.json").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn again(test: &str, credentials: &str) -> std::process::Output {
    tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("GOOGLE_APPLICATION_CREDENTIALS", credentials)
        .env("HOME", "/nowhere")
        .output()
        .await
        .unwrap()
}

#[tokio::test]
#[ignore = "run by a_persons_credentials_make_the_tokens_of_administration_and_of_calls"]
async fn deploys_and_calls() {
    let emulator = Emulator::start().await;
    let platform = gcp_platform::connect_with(emulator.connection(json!({})), &|_| None).unwrap();
    let deployment = platform.deploy(&plain(1), &MemoryLedger::new()).await.unwrap();
    platform.wait_until_ready(&deployment, PATIENCE).await.unwrap();
    assert_eq!(platform.invoke(&deployment, &Invocation::new("{}")).await.unwrap().status, 200);
}

#[tokio::test]
#[ignore = "run by missing_credentials_are_told_with_what_to_do"]
async fn is_denied() {
    let emulator = Emulator::start().await;
    let platform = gcp_platform::connect_with(emulator.connection(json!({})), &|_| None).unwrap();
    let error = platform.reach().await.unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("gcloud auth application-default login"), "{error}");
}
