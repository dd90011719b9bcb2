//! Addresses.

use reqwest::Url;
use url::Host;

/// An address with a path below it, whether or not either has a slash.
pub(crate) fn joined(base: &Url, path: &str) -> String {
    format!("{}/{}", base.as_str().trim_end_matches('/'), path.trim_start_matches('/'))
}

/// An address as errors show it: without what a path or a query may hold.
pub(crate) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
}

/// Whether an address is of this machine itself.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => std::net::IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_machine_is_known() {
        for own in [
            "http://localhost:1",
            "http://a.localhost",
            "http://127.9.9.9",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_this_machine(&Url::parse(own).unwrap()), "{own}");
        }
        for other in ["http://localhost.example.com", "http://10.0.0.1", "http://[::2]"] {
            assert!(!is_this_machine(&Url::parse(other).unwrap()), "{other}");
        }
    }

    proptest! {
        /// Whatever slashes there are between them, there is one, and nothing of either is lost.
        #[test]
        fn a_path_stands_below_its_base(
            base_path in "(/[a-z0-9]{1,8}){0,3}",
            base_slashes in 0_usize..3,
            path_slashes in 0_usize..3,
            path in "[a-z0-9]{1,8}(/[a-z0-9]{0,8}){0,3}(\\?[a-z]=[a-z0-9]{0,8})?",
        ) {
            let base = format!("http://host:8080{base_path}{}", "/".repeat(base_slashes));
            let whole = joined(&Url::parse(&base).unwrap(), &format!("{}{path}", "/".repeat(path_slashes)));
            prop_assert_eq!(&whole, &format!("http://host:8080{base_path}/{path}"));
            let parsed = Url::parse(&whole).unwrap();
            prop_assert_eq!(parsed.host_str(), Some("host"));
            prop_assert_eq!(parsed.as_str(), whole);
        }

        /// A path from outside never changes the host that is asked.
        #[test]
        fn a_path_never_leaves_its_host(path in "\\PC{0,40}") {
            let whole = joined(&Url::parse("http://host:8080/api").unwrap(), &path);
            let parsed = Url::parse(&whole).unwrap();
            prop_assert_eq!((parsed.host_str(), parsed.port()), (Some("host"), Some(8080)));
            prop_assert!(parsed.username().is_empty());
        }
    }
}
