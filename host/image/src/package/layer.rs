//! The layers of a scratch image, and archives of folders.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A layer before and after compression.
pub(crate) struct Layer {
    pub(crate) tar: Vec<u8>,
    pub(crate) gzip: Vec<u8>,
}

/// `/fn`, a hard link to it under the name that OpenFaaS's probe runs, and an empty `/tmp` that every user may write, where
/// the root is writable at all.
pub(crate) fn layer(binary: &[u8]) -> io::Result<Layer> {
    let mut archive = Builder::new(Vec::new());
    append_file(&mut archive, "fn", 0o755, binary)?;
    append_folder(&mut archive, "bin/", 0o755)?;
    let mut link = header(EntryType::Link, 0o755, 0);
    archive.append_link(&mut link, "bin/cat", "fn")?;
    append_folder(&mut archive, "tmp/", 0o1777)?;
    compressed(archive.into_inner()?)
}

/// One program in the root: a layer that all functions' images share.
pub(crate) fn program_layer(name: &str, program: &[u8]) -> io::Result<Layer> {
    let mut archive = Builder::new(Vec::new());
    append_file(&mut archive, name, 0o755, program)?;
    compressed(archive.into_inner()?)
}

fn compressed(tar: Vec<u8>) -> io::Result<Layer> {
    // No name, no time, and an operating system that says nothing.
    let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::new(6));
    gzip.write_all(&tar)?;
    Ok(Layer { gzip: gzip.finish()?, tar })
}

/// An archive of these files, in this order, with the folders that they are in.
pub(crate) fn archive(files: &[(String, &[u8])]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut folders = Vec::new();
    for (path, content) in files {
        for (at, _) in path.match_indices('/') {
            let folder = &path[..=at];
            if !folders.contains(&folder) {
                append_folder(&mut archive, folder, 0o755)?;
                folders.push(folder);
            }
        }
        append_file(&mut archive, path, 0o644, content)?;
    }
    archive.into_inner()
}

fn append_file(archive: &mut Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut header = header(EntryType::Regular, mode, content.len() as u64);
    archive.append_data(&mut header, path, content)
}

fn append_folder(archive: &mut Builder<Vec<u8>>, path: &str, mode: u32) -> io::Result<()> {
    let mut header = header(EntryType::Directory, mode, 0);
    archive.append_data(&mut header, path, io::empty())
}

/// Of root, from the beginning of time.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}
