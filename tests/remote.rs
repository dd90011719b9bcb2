//! Platforms that are elsewhere, as their users meet them: what is asked before it is done, and what goes wrong.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Installation;

/// An address of this machine where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_dry_run_prints_every_request_without_secrets_and_makes_none() {
    let installation = Installation::new();
    installation.configure(&format!(
        "[targets.faasd]\nplatform = 'openfaas'\nendpoint = '{}'\nregistry = '127.0.0.1:5000/faasbench'\n",
        nobody()
    ));
    let arguments = ["deploy", "function1", "--platform", "faasd", "--memory", "64MiB", "--dry-run"];
    let ended = installation.run_with(&arguments, &[("OPENFAAS_PASSWORD", "a secret of mine")]);
    let text = ended.succeeds();
    assert!(text.contains("/system/functions") && text.contains("127.0.0.1:5000/faasbench/function1"), "{text}");
    assert!(!text.contains("a secret of mine") && !ended.stderr.contains("a secret of mine"));
    let json = installation.run(&[&arguments[..], &["--json"]].concat());
    assert!(json.json().as_array().unwrap().iter().any(|request| request["method"] == "POST"));
    assert!(installation.status().is_empty());
    let local = installation.run(&["deploy", "function1", "--platform", "wasm", "--dry-run"]);
    local.fails_with(2, &["wasm", "--dry-run"]);
}

#[test]
fn what_is_not_there_is_said_with_what_to_do() {
    let installation = Installation::new();
    installation.configure(&format!(
        "[targets.gone]\nplatform = 'openfaas'\nendpoint = '{0}'\noptions = {{ image = 'local' }}\n\
         [targets.wrong]\nplatform = 'openfaas'\nendpoint = '{0}'\noptions = {{ pasword = 'x' }}\n\
         [targets.bare]\nplatform = 'openfaas'\nendpoint = '{0}'\n\
         [targets.cluster]\nplatform = 'kubernetes'\nregistry = '127.0.0.1:5000/faasbench'\n",
        nobody()
    ));
    let deploy = |target: &str| {
        let variables = [("KUBECONFIG", "/nonexistent/config")];
        installation.run_with(&["deploy", "function1", "--platform", target], &variables)
    };
    deploy("gone").fails_with(1, &["openfaas", "no connection", "look whether it runs"]);
    deploy("wrong").fails_with(2, &["pasword", "wrong"]);
    let bare = installation.run(&["deploy", "function1", "--platform", "bare", "--dry-run"]);
    bare.fails_with(2, &["registry", "bare"]);
    let cluster = deploy("cluster");
    assert!(matches!(cluster.code, Some(1 | 2)) && cluster.stderr.contains("kubeconfig"), "{cluster:?}");
    let all = installation.run(&["undeploy", "--all"]);
    all.succeeds();
    assert!(installation.status().is_empty());
}

/// moto's stand-in for AWS. Dropped, it is ended.
struct Moto {
    process: Child,
    address: String,
}

impl Moto {
    fn start() -> Option<Moto> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            eprintln!("skipped: moto_server can't be started; install it (`pip install 'moto[server]'`)");
            return None;
        };
        let moto = Moto { process, address: format!("http://127.0.0.1:{port}") };
        let begin = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "moto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(moto)
    }

    /// One whose target `aws` is this.
    fn installation(&self) -> Installation {
        let installation = Installation::new();
        installation.configure(&format!(
            "[targets.aws]\nplatform = 'lambda'\nendpoint = '{}'\noptions = {{ region = 'eu-central-1' }}\n",
            self.address
        ));
        installation
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn lambda_is_deployed_updated_audited_and_removed() {
    let Some(moto) = Moto::start() else { return };
    let installation = moto.installation();
    let credentials = [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ];
    let run = |arguments: &[&str]| {
        let ended = installation.run_with(arguments, &credentials);
        assert!(!ended.stdout.contains("wJalr") && !ended.stderr.contains("wJalr"), "{ended:?}");
        ended
    };
    run(&["deploy", "function1", "--platform", "aws", "--memory", "256MiB"]).succeeds();
    let update = run(&["deploy", "function1", "--platform", "aws", "--memory", "512MiB", "--json"]);
    update.succeeds();
    assert_eq!(update.json()[0]["was_update"], true);
    // What is refused before anything is done leaves no trace: neither of an update nor of a first deployment.
    for function in ["function1", "function2"] {
        run(&["deploy", function, "--platform", "aws", "--memory", "64MiB"]).fails_with(2, &["128"]);
    }
    let status = run(&["status", "--json"]);
    status.succeeds();
    assert_eq!(status.json().as_array().unwrap().len(), 1, "{status:?}");
    assert_eq!(status.json()[0]["entry"]["status"], "deployed", "{status:?}");
    assert_eq!(status.json()[0]["status"]["readiness"], "ready", "{status:?}");
    run(&["run", "cold-start", "--platform", "aws", "-f", "thumbnailer", "--quick"]).fails_with(2, &["storage-env"]);
    let audit = run(&["platforms", "aws", "--audit", "--json"]);
    assert_eq!(audit.json()[0]["unknown"], Value::Array(Vec::new()), "{audit:?}");
    run(&["undeploy", "--all"]).succeeds();
    assert_eq!(run(&["status", "--json"]).json(), Value::Array(Vec::new()));
    let database = std::fs::read(installation.results()).unwrap();
    assert!(!database.windows(20).any(|window| window == b"wJalrXUtnFEMI/K7MDEN"), "the secret was stored");
}

#[test]
fn what_a_platform_took_with_it_is_forgotten_when_asked_for() {
    let Some(moto) = Moto::start() else { return };
    let installation = moto.installation();
    let credentials = [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "x")];
    installation.run_with(&["deploy", "function1", "--platform", "aws"], &credentials).succeeds();
    drop(moto);
    let credentials = [credentials.as_slice(), &[("AWS_MAX_ATTEMPTS", "1")]].concat();
    // How it is can't be asked, and is said to be unknown; figures that were asked for are missing.
    installation.run_with(&["status"], &credentials).succeeds();
    installation.run_with(&["status", "--metrics"], &credentials).fails_with(1, &["metrics of 1 deployment"]);
    let kept = installation.run_with(&["undeploy", "--all"], &credentials);
    kept.fails_with(1, &["--forget"]);
    let forgotten = installation.run_with(&["undeploy", "--all", "--forget", "--json"], &credentials);
    forgotten.succeeds();
    let kinds: Vec<_> =
        forgotten.json()["forgotten"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert!(kinds.contains(&"function".into()) && kinds.contains(&"role".into()), "{forgotten:?}");
    assert_eq!(installation.run_with(&["status", "--json"], &credentials).json(), Value::Array(Vec::new()));
}
