//! How much of a file is in the page cache: the check that turns "we asked the kernel to drop it" into "it is cold".

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::process_files::page_bytes;

/// How the residency was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResidencyMethod {
    /// The `cachestat` call (Linux 6.5 and later).
    Cachestat,
    /// `mincore` on a mapping. It says "resident" for every page when the caller may not write the file and doesn't own
    /// it (Linux 5.0 and later).
    Mincore,
}

/// What of a file is in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Residency {
    /// Bytes in the page cache, in whole pages (so it may pass the file's length).
    pub resident_bytes: u64,
    /// Of these, bytes still to be written to the device; absent from `mincore`.
    pub dirty_bytes: Option<u64>,
    /// How this is known.
    pub method: ResidencyMethod,
}

/// How much of `file` is in the page cache.
///
/// # Errors
/// Neither `cachestat` nor `mincore` works on this file.
pub fn residency(file: &File) -> io::Result<Residency> {
    match cachestat(file) {
        Ok(residency) => Ok(residency),
        // Older kernels lack the call; some sandboxes refuse calls that they don't know.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM | libc::EOPNOTSUPP)) => {
            mincore(file)
        }
        Err(error) => Err(error),
    }
}

/// `struct cachestat_range` of `linux/mman.h`.
#[repr(C)]
struct Range {
    offset: u64,
    length: u64,
}

/// `struct cachestat` of `linux/mman.h`; counts of pages.
#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// The same on every architecture that Rust supports.
const SYS_CACHESTAT: libc::c_long = 451;

fn cachestat(file: &File) -> io::Result<Residency> {
    // A length of 0 means: to the end of the file.
    let range = Range { offset: 0, length: 0 };
    let mut stat = Cachestat::default();
    // SAFETY: the descriptor is open for the whole call, `range` is readable and `stat` writable, both laid out as the
    // kernel's structures, and no flags are defined.
    let result = unsafe { libc::syscall(SYS_CACHESTAT, file.as_raw_fd(), &raw const range, &raw mut stat, 0) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Residency {
        resident_bytes: stat.cached.saturating_mul(page_bytes()),
        dirty_bytes: Some(stat.dirty.saturating_add(stat.writeback).saturating_mul(page_bytes())),
        method: ResidencyMethod::Cachestat,
    })
}

fn mincore(file: &File) -> io::Result<Residency> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let none = Residency { resident_bytes: 0, dirty_bytes: None, method: ResidencyMethod::Mincore };
    if length == 0 {
        return Ok(none);
    }
    let pages = (length as u64).div_ceil(page_bytes());
    let mut resident = vec![0u8; usize::try_from(pages).map_err(io::Error::other)?];
    // SAFETY: a new shared mapping that is only readable, at an address the kernel chooses; nothing reads through it.
    let address =
        unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `address` to `address + length` is the mapping made above, and `resident` has a byte for each of its pages.
    let result = unsafe { libc::mincore(address, length, resident.as_mut_ptr()) };
    let error = io::Error::last_os_error();
    // SAFETY: unmaps exactly the mapping made above, to which no reference exists.
    unsafe { libc::munmap(address, length) };
    if result != 0 {
        return Err(error);
    }
    let count = resident.iter().filter(|page| **page & 1 == 1).count() as u64;
    Ok(Residency { resident_bytes: count * page_bytes(), ..none })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn a_file_just_written_is_resident_by_both_methods() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![1; 100_000]).unwrap();
        file.rewind().unwrap();
        let pages = 100_000u64.div_ceil(page_bytes()) * page_bytes();
        assert_eq!(mincore(&file).unwrap().resident_bytes, pages);
        match cachestat(&file) {
            Ok(found) => assert_eq!(found.resident_bytes, pages),
            Err(error) => eprintln!("skipped: no cachestat here: {error}"),
        }
        assert_eq!(residency(&file).unwrap().resident_bytes, pages);
    }

    #[test]
    fn an_empty_file_has_nothing_resident() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(residency(&file).unwrap().resident_bytes, 0);
        assert_eq!(mincore(&file).unwrap().resident_bytes, 0);
    }
}
