//! Images made larger without other code in them: what is added is never run, but stored, checked and loaded like the rest.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use image_kind::{Image, ImageKind};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// How much is written at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// The name of the custom section that pads a component.
const SECTION: &[u8] = b"padding";

/// Whether images of this kind can be padded: those that are one file of code.
pub(super) fn can_pad(kind: ImageKind) -> bool {
    matches!(kind, ImageKind::Component | ImageKind::HttpComponent | ImageKind::Binary)
}

/// A copy of the image in `folder` with that many bytes more, which no compression makes smaller. A binary has them behind its
/// end, where nothing refers to them; a component in a custom section, which engines skip.
///
/// # Errors
/// When the image can't be read, or the copy not be written.
pub(super) fn padded(image: &Image, bytes: u64, folder: &Path) -> io::Result<Image> {
    let content = fs::read(&image.path)?;
    let path = folder.join(format!("{}-{bytes}", image.function));
    let mut hash = Sha256::new();
    let mut file = BufWriter::new(File::create(&path)?);
    let mut write = |part: &[u8]| {
        hash.update(part);
        file.write_all(part)
    };
    write(&content)?;
    let mut written = content.len() as u64;
    if image.kind != ImageKind::Binary {
        let mut name = leb128(SECTION.len() as u64);
        name.extend(SECTION);
        let mut head = vec![0];
        head.extend(leb128(name.len() as u64 + bytes));
        head.extend(&name);
        write(&head)?;
        written += head.len() as u64;
    }
    let mut noise = ChaCha8Rng::seed_from_u64(bytes);
    let mut chunk = vec![0; CHUNK_BYTES as usize];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(CHUNK_BYTES);
        let part = &mut chunk[..length as usize];
        noise.fill_bytes(part);
        write(part)?;
        left -= length;
    }
    written += bytes;
    file.into_inner().map_err(io::IntoInnerError::into_error)?;
    #[cfg(unix)]
    fs::set_permissions(&path, fs::metadata(&image.path)?.permissions())?;
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));
    Ok(Image { path, code_digest: digest.clone(), digest, bytes: written, code_bytes: written, ..image.clone() })
}

/// An unsigned number as WASM writes it.
fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn image(folder: &Path, kind: ImageKind, content: &[u8]) -> Image {
        let path = folder.join("function1");
        fs::write(&path, content).unwrap();
        Image {
            function: "function1".to_owned(),
            kind,
            path,
            digest: String::new(),
            code_digest: String::new(),
            bytes: content.len() as u64,
            code_bytes: content.len() as u64,
            architecture: "x86_64".to_owned(),
        }
    }

    #[test]
    fn a_binary_keeps_its_beginning_and_is_named_by_its_new_digest() {
        let folder = tempfile::tempdir().unwrap();
        let original = image(folder.path(), ImageKind::Binary, b"ELF and so on");
        let padded = padded(&original, 3_000_000, folder.path()).unwrap();
        let content = fs::read(&padded.path).unwrap();
        assert!(content.starts_with(b"ELF and so on") && content.len() as u64 == padded.bytes);
        assert_eq!(padded.bytes, original.bytes + 3_000_000);
        assert_eq!(padded.digest, format!("sha256:{}", hex::encode(Sha256::digest(&content))));
        // Nothing that compresses well.
        assert!(content[20..].windows(2).filter(|pair| pair[0] == pair[1]).count() < 20_000);
    }

    #[test]
    fn a_component_has_one_more_custom_section() {
        let folder = tempfile::tempdir().unwrap();
        // The preamble of an empty component.
        let empty = b"\0asm\x0d\0\x01\0";
        let padded = padded(&image(folder.path(), ImageKind::Component, empty), 300, folder.path()).unwrap();
        let content = fs::read(&padded.path).unwrap();
        // 300 bytes, the name, and its length: 308, which is 0xb4 0x02.
        assert_eq!(content[8..19], *b"\0\xb4\x02\x07padding");
        assert_eq!(content.len(), 8 + 3 + 308);
        assert_eq!(padded.bytes, content.len() as u64);
    }
}
