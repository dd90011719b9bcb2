//! Between an image, a metadata server's stand-in, and a server that stands for services of Cloud Run.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::program::{EVENT, Program, TRACE};
use crate::server::{Reaction, Server, Tls};

/// A token that ends then; `number` tells it from others.
fn token(number: u8, left_seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"exp":{},"n":{number}}}"#, now + left_seconds);
    format!("e30.{}.signature{number}", URL_SAFE_NO_PAD.encode(claims))
}

fn start(folder: &Path, services: &Server, tls: &Tls, metadata: &str) -> Program {
    let url = format!("{}/{{name}}-{{project-number}}", services.url());
    Program::start(
        folder,
        [
            ("FAASBENCH_CALLER", "gcp"),
            ("FAASBENCH_CALLER_URL", url.as_str()),
            ("GCE_METADATA_HOST", metadata),
            ("SSL_CERT_FILE", tls.authority.to_str().unwrap()),
        ],
    )
}

fn number() -> Reaction {
    Reaction::status(200, "415104041262")
}

#[test]
fn a_call_has_a_token_for_its_service_which_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let services = Server::start(Some(&tls), [1, 2].map(|_| Reaction::status(200, r#"{"b":2}"#)));
    let token = token(1, 3600);
    // It is asked once for each.
    let metadata = Server::start(None, [number(), Reaction::status(200, &format!("{token}\n"))]);
    let audience = form_urlencoded::byte_serialize(services.url().as_bytes()).collect::<String>().to_lowercase();
    let caller = start(folder.path(), &services, &tls, &metadata.host());
    for _ in 0..2 {
        assert_eq!(caller.call("function2"), (200, r#"{"b":2}"#.to_owned()));
    }
    let asked = metadata.seen();
    assert!(asked[0].starts_with("get /computemetadata/v1/project/numeric-project-id http/1.1\r\n"), "{asked:?}");
    let identity =
        format!("get /computemetadata/v1/instance/service-accounts/default/identity?audience={audience} http");
    assert!(asked[1].starts_with(&identity), "{asked:?}");
    assert!(asked.iter().all(|request| request.contains("metadata-flavor: google\r\n")), "{asked:?}");
    for request in services.seen() {
        assert!(
            request.starts_with("post /function2-415104041262 http/1.1\r\n") && request.ends_with(EVENT),
            "{request}"
        );
        for line in [format!("authorization: bearer {}\r\n", token.to_lowercase()), format!("traceparent: {TRACE}\r\n")]
        {
            assert!(request.contains(&line), "{line} is not in {request}");
        }
    }
}

#[test]
fn a_token_near_its_end_or_refused_is_not_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let (near, refused, last) = (token(1, 30), token(2, 3600), token(3, 3600));
    let services = Server::start(
        Some(&tls),
        [
            Reaction::status(200, "{}"),
            Reaction::status(401, "<html>\n<title>401\nUnauthorized</title>"),
            Reaction::status(200, "{}"),
            Reaction::status(403, "<html>Your client does not have permission"),
            Reaction::status(200, "{}"),
        ],
    );
    let tokens = [&near, &refused, &last].map(|token| Reaction::status(200, token));
    let metadata = Server::start(None, [number()].into_iter().chain(tokens));
    let caller = start(folder.path(), &services, &tls, &metadata.host());
    assert_eq!(caller.call("f").0, 200);
    let (status, body) = caller.call("f");
    assert!(status == 401 && body.contains("\"denied\"") && body.contains("401 Unauthorized"), "{status} {body}");
    assert!(body.contains("another one") && !body.contains("signature"), "{body}");
    assert_eq!(caller.call("f").0, 200);
    // The account may be allowed in a moment, with the token that it has.
    let (status, body) = caller.call("f");
    assert!(status == 403 && body.contains("\"denied\"") && body.contains("roles/run.invoker"), "{status} {body}");
    assert_eq!(caller.call("f").0, 200);
    assert_eq!(metadata.seen().len(), 4);
    let seen = services.seen();
    for (request, token) in seen.iter().zip([&near, &refused, &last, &last, &last]) {
        assert!(request.contains(&format!("bearer {}\r\n", token.to_lowercase())), "{request}");
    }
}

#[test]
fn a_functions_own_refusal_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let own = r#"{"error":{"type":"denied","message":"as asked"}}"#;
    let services = Server::start(Some(&tls), [Reaction::status(403, own), Reaction::status(404, "<html>Not found")]);
    let metadata = Server::start(None, [number(), Reaction::status(200, &token(1, 3600))]);
    let caller = start(folder.path(), &services, &tls, &metadata.host());
    assert_eq!(caller.call("f"), (403, own.to_owned()));
    let (status, body) = caller.call("f");
    assert!(
        status == 404 && body.contains("\"not-found\"") && body.contains("Cloud Run answered the call of `f`"),
        "{body}"
    );
}

#[test]
fn a_metadata_server_that_is_not_there_refuses_or_lies_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    // No service is called.
    let services = Server::start(Some(&tls), []);
    let caller = start(folder.path(), &services, &tls, "127.0.0.1:9");
    let (status, body) = caller.call("f");
    assert!(status == 503 && body.contains("asking the metadata server at 127.0.0.1:9 failed"), "{status} {body}");
    drop(caller);
    std::fs::remove_file(folder.path().join("calls.sock")).unwrap();
    let metadata = Server::start(
        None,
        [
            Reaction::status(200, "many"),
            number(),
            Reaction::status(404, "no such\n account"),
            Reaction::status(200, "<html>login</html>"),
        ],
    );
    let caller = start(folder.path(), &services, &tls, &metadata.host());
    for said in ["project's number is", "status 404: no such account", "as an ID token is none"] {
        let (status, body) = caller.call("f");
        assert!(status == 503 && body.contains(said), "{said}: {status} {body}");
    }
    assert_eq!((metadata.seen().len(), services.seen().len()), (4, 0));
    let told = Program::refused([
        ("FAASBENCH_CALLER", "gcp"),
        ("FAASBENCH_CALLER_URL", "https://x/{name}"),
        ("GCE_METADATA_HOST", "http://x"),
    ]);
    assert!(told.contains("GCE_METADATA_HOST"), "{told}");
}

#[test]
fn an_image_that_gives_up_while_a_token_is_made_leaves_nothing_open() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(folder.path());
    let services = Server::start(Some(&tls), [Reaction::status(200, "{}")]);
    let metadata = Server::start(None, [number(), Reaction::Hang, Reaction::status(200, &token(1, 3600))]);
    let caller = start(folder.path(), &services, &tls, &metadata.host());
    let waiting = caller.send("POST /f HTTP/1.1\r\n", "{}");
    metadata.wait_until_it_hangs();
    drop(waiting);
    // It takes another connection only when the one before has gone.
    assert_eq!(caller.call("f").0, 200);
    assert_eq!((metadata.seen().len(), services.seen().len()), (3, 1));
}
