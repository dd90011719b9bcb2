//! The image as it is on the disk.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;

use image_kind::{Image, ImageKind};
use platform::PlatformError;
use sha2::{Digest, Sha256};

/// Sees to it that the file is the image that was built: a cache may be damaged, and what would then be started is anything.
pub(crate) fn check(image: &Image) -> Result<(), PlatformError> {
    let path = image.path.display();
    if image.kind != ImageKind::Binary {
        let message = format!(
            "process runs native binaries, and {path} is not one; `faasbench build --platform process` makes one"
        );
        return Err(PlatformError::Invalid(message));
    }
    let here = std::env::consts::ARCH;
    if image.architecture != here {
        let message =
            format!("{path} is built for {}, and this machine is {here}; build it for {here}", image.architecture);
        return Err(PlatformError::Invalid(message));
    }
    let failed = |error: io::Error| PlatformError::Failed {
        platform: "process".to_owned(),
        doing: format!("reading the image {path}"),
        reason: error.to_string(),
    };
    let mut file = File::open(&image.path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o111 == 0 {
        return Err(failed(io::Error::other("it is not executable; build it again")));
    }
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => break,
            count => hash.update(&piece[..count]),
        }
    }
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));
    if digest == image.digest {
        return Ok(());
    }
    Err(failed(io::Error::other(format!(
        "its digest is {digest} and not {}: it was changed after it was built; build it again",
        image.digest
    ))))
}
