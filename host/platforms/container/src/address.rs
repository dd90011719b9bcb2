//! Where a container engine listens.

use std::fmt;
use std::path::{Path, PathBuf};

use platform::PlatformError;

use crate::failure::PLATFORM;

/// Where a container engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// `HOST:PORT`, without TLS.
    Tcp(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Address {
    /// Reads an address. Only this machine's own are taken: folders are mounted into the containers.
    pub(crate) fn parse(text: &str) -> Result<Address, PlatformError> {
        let refused = |why: &str| {
            PlatformError::Invalid(format!(
                "the container engine's address {text:?} {why}; give unix:///PATH or tcp://127.0.0.1:PORT"
            ))
        };
        if let Some(path) = text.strip_prefix("unix://").or_else(|| text.starts_with('/').then_some(text)) {
            return match Path::new(path) {
                path if path.is_absolute() => Ok(Address::Unix(path.to_owned())),
                _ => Err(refused("is not an absolute path")),
            };
        }
        let Some(rest) = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://")) else {
            return Err(refused("is of no kind that is known here"));
        };
        let rest = rest.trim_end_matches('/');
        let Some((host, port)) = rest.rsplit_once(':') else { return Err(refused("has no port")) };
        if port.parse::<u16>().is_err() {
            return Err(refused("has no port"));
        }
        if !["127.0.0.1", "localhost", "[::1]"].contains(&host) {
            return Err(refused("is not on this machine"));
        }
        Ok(Address::Tcp(rest.to_owned()))
    }
}

/// The addresses to try, in that order, and whether one of them was asked for by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Candidates {
    pub(crate) addresses: Vec<Address>,
    /// Who named the address: the configuration or a variable.
    pub(crate) named_by: Option<&'static str>,
}

/// The addresses to try: the configured one, that of a variable, or all the usual ones.
pub(crate) fn candidates(
    configured: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
    user_id: u32,
) -> Result<Candidates, PlatformError> {
    if let Some(address) = configured {
        return Ok(Candidates { addresses: vec![Address::parse(address)?], named_by: Some("the configuration") });
    }
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    for name in ["DOCKER_HOST", "CONTAINER_HOST"] {
        if let Some(address) = variable(name) {
            return Ok(Candidates { addresses: vec![Address::parse(&address)?], named_by: Some(name) });
        }
    }
    let mut paths = vec![PathBuf::from("/var/run/docker.sock")];
    let runtime = variable("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/run/user/{user_id}"));
    paths.push(Path::new(&runtime).join("docker.sock"));
    paths.push(Path::new(&runtime).join("podman/podman.sock"));
    paths.push(PathBuf::from("/run/podman/podman.sock"));
    if let Some(home) = variable("HOME") {
        // Docker Desktop on macOS and on Linux.
        paths.push(Path::new(&home).join(".docker/run/docker.sock"));
        paths.push(Path::new(&home).join(".docker/desktop/docker.sock"));
    }
    Ok(Candidates { addresses: paths.into_iter().map(Address::Unix).collect(), named_by: None })
}

/// Why no engine could be reached, when none of the usual sockets is there.
pub(crate) fn nowhere(addresses: &[Address]) -> PlatformError {
    let tried: Vec<_> = addresses.iter().map(Address::to_string).collect();
    PlatformError::Unreachable {
        platform: PLATFORM.to_owned(),
        reason: format!("no container engine listens at {}", tried.join(", ")),
        advice: "install and start Docker or Podman (`sudo apt-get install docker.io`, or `systemctl --user start \
                 podman.socket`), or set DOCKER_HOST"
            .to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_taken_and_no_others() {
        let unix = |path: &str| Address::Unix(path.into());
        assert_eq!(Address::parse("unix:///run/docker.sock").unwrap(), unix("/run/docker.sock"));
        assert_eq!(Address::parse("/run/docker.sock").unwrap(), unix("/run/docker.sock"));
        assert_eq!(Address::parse("tcp://127.0.0.1:2375/").unwrap(), Address::Tcp("127.0.0.1:2375".to_owned()));
        for text in ["unix://docker.sock", "tcp://127.0.0.1", "tcp://10.0.0.1:2375", "ssh://me@there", "", "docker"] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.to_string().contains("give unix:///PATH"), "{error}");
        }
    }

    #[test]
    fn what_is_named_is_the_only_one_to_try() {
        let variable = |name: &str| match name {
            "DOCKER_HOST" => Some("unix:///named.sock".to_owned()),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".to_owned()),
            _ => None,
        };
        let found = candidates(Some("/configured.sock"), &variable, 7).unwrap();
        assert_eq!(found.addresses, [Address::Unix("/configured.sock".into())]);
        let found = candidates(None, &variable, 7).unwrap();
        assert_eq!((found.addresses, found.named_by), (vec![Address::Unix("/named.sock".into())], Some("DOCKER_HOST")));
        let found = candidates(None, &|_| None, 7).unwrap();
        assert!(
            found.named_by.is_none()
                && found.addresses.contains(&Address::Unix("/run/user/7/podman/podman.sock".into()))
        );
    }
}
