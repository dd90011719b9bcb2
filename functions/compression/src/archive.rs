//! Files to a zip archive.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use lab::{Error, ObjectDigest};
use rawzip::path::EntryPath;
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, Crc32, DataDescriptorOutput, ErrorKind, ZipArchiveWriter};

use crate::deflate::Deflater;
use crate::scratch::on_file;

/// What is read, compressed and written at a time, bytes.
const PIECE_BYTES: usize = 256 * 1024;
/// The time of every entry, 1980-01-01 00:00:00 UTC, the first that a zip archive can hold: Unix seconds.
const ENTRY_TIME: i64 = 315_532_800;
/// The mode of every entry.
const ENTRY_MODE: u32 = 0o644;

/// Zips the files `names` below `directory`, in this order, to `archive`, and returns the archive's digest. Equal names
/// and contents make equal archives.
pub(crate) fn write(names: &[String], directory: &Path, archive: &Path) -> Result<String, Error> {
    let file = File::create_new(archive).map_err(|error| on_file("create", archive, error))?;
    let output = BufWriter::with_capacity(PIECE_BYTES, Digesting { file, digest: ObjectDigest::new() });
    let mut zip = ZipArchiveWriter::new(output);
    let mut piece = vec![0; PIECE_BYTES];
    for name in names {
        let path = directory.join(name);
        let mut file = File::open(&path).map_err(|error| on_file("open", &path, error))?;
        add(&mut zip, name, &mut file, &mut piece).map_err(|error| on_file("compress", &path, error))?;
    }
    let written = zip.finish().map_err(into_io).and_then(|output| Ok(output.into_inner()?));
    let output = written.map_err(|error| on_file("write", archive, error))?;
    Ok(output.digest.finish())
}

/// Adds one file as an entry.
fn add<W: Write>(zip: &mut ZipArchiveWriter<W>, name: &str, file: &mut File, piece: &mut [u8]) -> io::Result<()> {
    // rawzip takes what stands before a colon for a drive and would drop it.
    let path = if name.contains(':') { EntryPath::verbatim(name.as_bytes()) } else { EntryPath::conformant(name) };
    let (mut entry, _) = zip
        .new_file(path)
        .compression_method(CompressionMethod::DEFLATE)
        .last_modified(UtcDateTime::from_unix(ENTRY_TIME))
        .unix_permissions(ENTRY_MODE)
        .start()
        .map_err(into_io)?;
    let mut deflater = Deflater::new(&mut entry);
    let (mut checksum, mut size) = (Crc32::new(), 0);
    loop {
        let count = fill(file, piece)?;
        checksum.update(&piece[..count]);
        size += count as u64;
        deflater.write(&piece[..count])?;
        if count < piece.len() {
            break;
        }
    }
    deflater.finish()?;
    entry.finish(DataDescriptorOutput::new(checksum.checksum(), size)).map_err(into_io)?;
    Ok(())
}

/// Reads until `piece` is full or the file at its end: how the system cuts its reads must not show in the archive.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < piece.len() {
        match file.read(&mut piece[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

fn into_io(error: rawzip::Error) -> io::Error {
    match error.into_kind() {
        ErrorKind::IO(error) => error,
        other => io::Error::other(rawzip::Error::from(other)),
    }
}

/// A file, and the digest of what was written to it: the archive is not read a second time for it.
struct Digesting {
    file: File,
    digest: ObjectDigest,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
