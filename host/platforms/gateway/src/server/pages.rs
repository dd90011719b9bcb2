//! Telling a web page's request from a client's.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request is of a web page in a browser, as far as browsers tell, or names a host that is not this machine: then a
/// page leads its own name here, to read the answer.
pub(crate) fn is_from_page(headers: &HeaderMap) -> bool {
    // For each call: three look-ups, nothing is allocated.
    headers.contains_key(ORIGIN)
        || headers.get(SITE).is_some_and(|site| site != "same-origin" && site != "none")
        || headers.get(HOST).is_some_and(|host| !host.to_str().is_ok_and(is_loopback))
}

/// Whether `HOST` or `HOST:PORT` is this machine.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => (name, port.strip_prefix(':').unwrap_or(port)),
            None => return false,
        },
        None => host.split_once(':').unwrap_or((host, "")),
    };
    port.bytes().all(|byte| byte.is_ascii_digit())
        && (name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_are_loopback() {
        for host in ["localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "[::1]", "[::1]:8080"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example:80",
            "localhost.evil.example",
            "10.0.0.1",
            "0.0.0.0:80",
            "[::1",
            "[::1]evil.example",
            "127.0.0.1:80@evil.example",
            "me@localhost",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn browsers_tell_of_pages_and_clients_say_nothing() {
        let of = |lines: &[(HeaderName, &str)]| {
            is_from_page(&lines.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect())
        };
        for lines in [&[][..], &[(HOST, "127.0.0.1:8080")], &[(HOST, "localhost"), (SITE, "none")]] {
            assert!(!of(lines), "{lines:?}");
        }
        for line in [(ORIGIN, "http://evil.example"), (ORIGIN, "null"), (SITE, "cross-site"), (HOST, "evil.example")] {
            assert!(of(std::slice::from_ref(&line)), "{line:?}");
        }
    }
}
