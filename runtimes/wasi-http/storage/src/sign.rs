//! Signing requests: AWS Signature Version 4 in headers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use hmac::{Hmac, KeyInit, Mac};
use sha2_core::{Digest, Sha256};
use wasi_http_client::settings::Credentials;

/// Stands for a body's digest where TLS protects the body.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// A request to be signed.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its `Host` header.
    pub host: &'a str,
    /// Its path, percent-encoded.
    pub path: &'a str,
    /// Its query, percent-encoded, names in order.
    pub query: &'a str,
    /// The digest of its body in hexadecimal, or [`UNSIGNED_PAYLOAD`].
    pub payload: &'a str,
    /// Now, as [`crate::date::amazon_date`] writes it.
    pub date: &'a str,
    /// The bucket's region.
    pub region: &'a str,
}

/// The headers that sign a request; without credentials, those of an anonymous one.
pub fn headers(request: Unsigned<'_>, credentials: Option<&Credentials>) -> Vec<(&'static str, String)> {
    let Unsigned { method, host, path, query, payload, date, region } = request;
    let mut headers = alloc::vec![("x-amz-content-sha256", String::from(payload)), ("x-amz-date", String::from(date))];
    let Some(credentials) = credentials else { return headers };
    if let Some(token) = &credentials.session_token {
        headers.push(("x-amz-security-token", token.clone()));
    }
    let mut names = String::from("host");
    let mut canonical = format!("{method}\n{path}\n{query}\nhost:{host}\n");
    for (name, value) in &headers {
        names.push(';');
        names.push_str(name);
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    canonical.push_str(&format!("\n{names}\n{payload}"));

    let day = date.get(..8).unwrap_or(date);
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", digest(canonical.as_bytes()));
    let mut key = authentication(format!("AWS4{}", credentials.secret_key).as_bytes(), day);
    for part in [region, "s3", "aws4_request"] {
        key = authentication(&key, part);
    }
    let signature = hexadecimal(&authentication(&key, &text));
    let access_key = &credentials.access_key;
    headers.push((
        "authorization",
        format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"),
    ));
    headers
}

/// The SHA-256 digest of `bytes` in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The same of bytes in pieces.
pub fn digest_of_pieces(pieces: &[Vec<u8>]) -> String {
    let mut state = Sha256::new();
    for piece in pieces {
        state.update(piece);
    }
    hexadecimal(&state.finalize())
}

fn authentication(key: &[u8], text: &str) -> Vec<u8> {
    // Keys of every length are taken.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn signature(query: &str, token: Option<&str>) -> String {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: token.map(Into::into),
        };
        let request = Unsigned {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query,
            payload: EMPTY,
            date: "20130524T000000Z",
            region: "us-east-1",
        };
        headers(request, Some(&credentials)).pop().unwrap().1
    }

    #[test]
    fn signatures_are_those_of_amazons_examples() {
        // "Authenticating Requests: Using the Authorization Header", examples of GET Bucket Lifecycle and List Objects.
        assert!(signature("lifecycle=", None).ends_with(
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;x-amz-content-sha256;\
             x-amz-date,Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ));
        assert!(
            signature("max-keys=2&prefix=J", None)
                .ends_with("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
        );
    }

    #[test]
    fn a_session_token_is_signed_too() {
        assert!(signature("", Some("token")).contains("x-amz-date;x-amz-security-token,"));
    }

    #[test]
    fn without_credentials_nothing_is_signed() {
        let request = Unsigned {
            method: "GET",
            host: "h",
            path: "/",
            query: "",
            payload: EMPTY,
            date: "20130524T000000Z",
            region: "r",
        };
        assert!(headers(request, None).iter().all(|(name, _)| *name != "authorization"));
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        assert_eq!(digest(b""), EMPTY);
        assert_eq!(digest_of_pieces(&[b"a".to_vec(), b"bc".to_vec()]), digest(b"abc"));
    }
}
