//! The image under `cargo lambda watch`, somebody else's Lambda (PyPI and crates.io: cargo-lambda).

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::process::{Answer, Running, eventually, free_port, image, post};

/// The program: `CARGO_LAMBDA`, or what is on the path; none where it is not installed.
fn cargo_lambda() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_LAMBDA").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("cargo-lambda")).find(|program| program.is_file())
    };
    let found = named.or_else(on_path);
    if found.is_none() {
        eprintln!("skipped: cargo-lambda is not installed (pip install cargo-lambda)");
    }
    found
}

#[test]
fn cargo_lambdas_service_takes_answers_errors_and_requests_of_a_url() {
    let Some(program) = cargo_lambda() else { return };
    // It wants to stand in a package, whose function it does not build here.
    let package = tempfile::tempdir().unwrap();
    std::fs::create_dir(package.path().join("src")).unwrap();
    let manifest = "[package]\nname = \"function1\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n";
    std::fs::write(package.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.path().join("src/main.rs"), "fn main() {}").unwrap();
    let port = free_port();
    let _service = Running::start(
        Command::new(program)
            .args(["lambda", "watch", "--only-lambda-apis", "-A", "127.0.0.1", "-P", &port.to_string()])
            .current_dir(package.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    eventually(|| std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    let _function = Running::start(
        image()
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt/function1"))
            .env("AWS_LAMBDA_FUNCTION_NAME", "function1")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    );
    let invoke = |event: &str| post(port, "/2015-03-31/functions/function1/invocations", "", event);
    for index in 1..=3 {
        let answer = invoke("{}");
        assert_eq!(answer.status, 200, "{}", answer.body);
        let record = answer.record();
        assert_eq!((&record["platform"], &record["invocation_index"]), (&"lambda".into(), &index.into()));
    }
    let refused: Answer = invoke("{\"sleep\": -1}");
    assert_eq!(refused.json()["errorType"], "Function.BadRequest", "{}", refused.body);
    let of_url = post(port, "/lambda-url/function1/", "Content-Type: application/json\r\n", "{}");
    assert_eq!(of_url.status, 200, "{}", of_url.body);
    assert_eq!(of_url.record()["invocation_index"], 5);
}
