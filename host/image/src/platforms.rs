//! Which image a platform takes.

use crate::error::BuildError;
use crate::kind::ImageKind;
use crate::options::Protocol;

/// What a platform takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformImages {
    /// The platform's name.
    pub platform: &'static str,
    /// The kinds that it takes, the one to prefer first.
    pub kinds: &'static [ImageKind],
    /// The protocols that it speaks to a native binary; a binary with one of them is enough. Empty for WASM.
    pub protocols: &'static [Protocol],
}

use ImageKind::{
    AzureZip, Binary, Component, GestaltZip, HttpComponent, LambdaZip, Oci, OciWithCaller, OciWithHealthCheck,
    OpenWhiskZip, SpinApplication,
};

/// Every platform with what it takes.
pub const PLATFORM_IMAGES: [PlatformImages; 18] = [
    row("wasm", &[Component], &[]),
    row("process", &[Binary], &[Protocol::Http]),
    row("container", &[Oci], &[Protocol::Http]),
    row("openfaas", &[Oci], &[Protocol::Http]),
    row("knative", &[Oci], &[Protocol::Http]),
    row("kubernetes", &[Oci], &[Protocol::Http]),
    row("fission", &[Oci], &[Protocol::Http]),
    row("gcp", &[OciWithCaller, Oci], &[Protocol::Http]),
    row("riff", &[Oci], &[Protocol::Http, Protocol::Riff]),
    row("fn", &[Oci], &[Protocol::Fn]),
    row("nuclio", &[OciWithHealthCheck], &[Protocol::Http]),
    row("openwhisk", &[OpenWhiskZip, Oci], &[Protocol::OpenWhisk]),
    row("gestalt", &[GestaltZip], &[Protocol::Gestalt]),
    row("lambda", &[LambdaZip, OciWithCaller, Oci], &[Protocol::Lambda]),
    row("azure", &[AzureZip], &[Protocol::Azure]),
    // It is started with `-S cli`, so that a component has an environment there.
    row("wasmtime-serve", &[HttpComponent], &[]),
    row("spin", &[SpinApplication], &[]),
    row("wasmcloud", &[HttpComponent], &[]),
];

const fn row(platform: &'static str, kinds: &'static [ImageKind], protocols: &'static [Protocol]) -> PlatformImages {
    PlatformImages { platform, kinds, protocols }
}

/// What the platform of this name takes.
///
/// # Errors
/// When there is no such platform.
pub fn images_of(platform: &str) -> Result<&'static PlatformImages, BuildError> {
    PLATFORM_IMAGES
        .iter()
        .find(|row| row.platform == platform)
        .ok_or_else(|| BuildError::UnknownPlatform { name: platform.to_owned() })
}

impl PlatformImages {
    /// The kind to build: the one asked for, or the first.
    pub(crate) fn choose(&self, asked: Option<ImageKind>) -> Result<ImageKind, BuildError> {
        let kind = asked.unwrap_or(self.kinds[0]);
        if self.kinds.contains(&kind) {
            return Ok(kind);
        }
        Err(BuildError::NotTaken {
            platform: self.platform,
            kind,
            kinds: self.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Refuses a single protocol that the platform does not speak.
    pub(crate) fn check_protocol(&self, asked: Option<Protocol>) -> Result<(), BuildError> {
        let Some(asked) = asked else { return Ok(()) };
        if self.protocols.contains(&asked) {
            return Ok(());
        }
        Err(BuildError::WrongProtocol {
            platform: self.platform,
            protocol: asked,
            protocols: match self.protocols {
                [] => "no protocol of native binaries".to_owned(),
                some => some.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(" or "),
            },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_one_row_and_takes_something() {
        for row in PLATFORM_IMAGES {
            assert_eq!(PLATFORM_IMAGES.iter().filter(|other| other.platform == row.platform).count(), 1);
            assert!(!row.kinds.is_empty());
            assert_eq!(row.kinds[0].is_wasm(), row.protocols.is_empty(), "{}", row.platform);
        }
    }

    #[test]
    fn what_a_platform_does_not_take_is_refused_with_what_it_takes() {
        let unknown = images_of("heroku").unwrap_err().to_string();
        assert!(unknown.contains("heroku") && unknown.contains("knative"), "{unknown}");
        let kind = images_of("lambda").unwrap().choose(Some(ImageKind::AzureZip)).unwrap_err().to_string();
        assert!(kind.contains("lambda-zip, oci"), "{kind}");
        assert_eq!(images_of("lambda").unwrap().choose(Some(ImageKind::Oci)).unwrap(), ImageKind::Oci);
        let protocol = images_of("openfaas").unwrap().check_protocol(Some(Protocol::Lambda)).unwrap_err().to_string();
        assert!(protocol.contains("http"), "{protocol}");
    }
}
