//! Counting what a guest does with files, where it crosses the WASI boundary, and stopping it at its share of the disk.

use futures_util::FutureExt;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    DescriptorFlags, ErrorCode, Filesize, Host, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, FsResult, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::file_counts::{ENTRY_BYTES, FileLedger};
use super::state::State;

/// The longest path of an open file, bytes: that of Linux. Each is kept, for its counts.
const LONGEST_PATH: usize = 4096;

/// The interface whose functions are wrapped, as this version of wasmtime-wasi names it.
const FILESYSTEM_INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// Puts the counting functions over wasmtime-wasi's own.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut filesystem = linker.instance(FILESYSTEM_INTERFACE)?;

    filesystem.func_wrap(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>,
         (directory, path_flags, path, open_flags, flags): (
            Resource<Descriptor>,
            PathFlags,
            String,
            OpenFlags,
            DescriptorFlags,
        )| {
            let state = store.data_mut();
            let parent = state.files.path(directory.rep());
            let full = if parent.is_empty() { path.clone() } else { format!("{parent}/{path}") };
            if full.len() > LONGEST_PATH {
                return Ok((Err(ErrorCode::NameTooLong),));
            }
            // One that is there already is counted too: to look first would cost every other call.
            if open_flags.contains(OpenFlags::CREATE) && state.files.take_share(ENTRY_BYTES).is_err() {
                return Ok((Err(ErrorCode::Quota),));
            }
            let opened = state.filesystem().open_at(directory, path_flags, path, open_flags, flags);
            if let Ok(descriptor) = &opened {
                state.files.opened(descriptor.rep(), &full);
            }
            Ok((answer(state, opened)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, offset): (Resource<Descriptor>, Filesize)| {
            let state = store.data_mut();
            let path = state.files.path(file.rep());
            let opened = state.filesystem().read_via_stream(file, offset);
            let counted = match opened {
                Ok(stream) => {
                    let table = state.ctx().table;
                    let inner: DynInputStream = table.delete(stream)?;
                    let counted: DynInputStream = Box::new(CountedInput { inner, path, files: state.files.clone() });
                    Ok(state.ctx().table.push(counted)?)
                }
                Err(error) => Err(error),
            };
            Ok((answer(state, counted)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, offset): (Resource<Descriptor>, Filesize)| {
            let state = store.data_mut();
            let path = state.files.path(file.rep());
            let opened = state.filesystem().write_via_stream(file, offset);
            let counted = counted_output(state, path, opened)?;
            Ok((answer(state, counted)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, State>, (file,): (Resource<Descriptor>,)| {
            let state = store.data_mut();
            let path = state.files.path(file.rep());
            let opened = state.filesystem().append_via_stream(file);
            let counted = counted_output(state, path, opened)?;
            Ok((answer(state, counted)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.read",
        |mut store: StoreContextMut<'_, State>, (file, length, offset): (Resource<Descriptor>, Filesize, Filesize)| {
            let state = store.data_mut();
            let path = state.files.path(file.rep());
            let read = state.filesystem().read(file, length, offset);
            if let Ok((bytes, _)) = &read {
                state.files.read(&path, bytes.len());
            }
            Ok((answer(state, read)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.write",
        |mut store: StoreContextMut<'_, State>, (file, bytes, offset): (Resource<Descriptor>, Vec<u8>, Filesize)| {
            let state = store.data_mut();
            let path = state.files.path(file.rep());
            if state.files.write(&path, bytes.len()).is_err() {
                return Ok((Err(ErrorCode::Quota),));
            }
            let written = state.filesystem().write(file, bytes, offset);
            Ok((answer(state, written)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.set-size",
        |mut store: StoreContextMut<'_, State>, (file, size): (Resource<Descriptor>, Filesize)| {
            let state = store.data_mut();
            // A file with holes takes no room, but what copies it may not know that.
            if state.files.is_over(size) {
                return Ok((Err(ErrorCode::Quota),));
            }
            let set = state.filesystem().set_size(file, size);
            Ok((answer(state, set)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.create-directory-at",
        |mut store: StoreContextMut<'_, State>, (directory, path): (Resource<Descriptor>, String)| {
            let state = store.data_mut();
            if state.files.take_folder().is_err() {
                return Ok((Err(ErrorCode::Quota),));
            }
            let created = state.filesystem().create_directory_at(directory, path);
            if created.is_err() {
                state.files.folder_is_gone();
            }
            Ok((answer(state, created)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.remove-directory-at",
        |mut store: StoreContextMut<'_, State>, (directory, path): (Resource<Descriptor>, String)| {
            let state = store.data_mut();
            let removed = state.filesystem().remove_directory_at(directory, path);
            if removed.is_ok() {
                state.files.folder_is_gone();
            }
            Ok((answer(state, removed)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.symlink-at",
        |mut store: StoreContextMut<'_, State>, (directory, from, to): (Resource<Descriptor>, String, String)| {
            let state = store.data_mut();
            if state.files.take_share(ENTRY_BYTES).is_err() {
                return Ok((Err(ErrorCode::Quota),));
            }
            let created = state.filesystem().symlink_at(directory, from, to);
            Ok((answer(state, created)?,))
        },
    )?;
    filesystem.func_wrap(
        "[method]descriptor.link-at",
        |mut store: StoreContextMut<'_, State>,
         (directory, path_flags, from, other_directory, to): (
            Resource<Descriptor>,
            PathFlags,
            String,
            Resource<Descriptor>,
            String,
        )| {
            let state = store.data_mut();
            if state.files.take_share(ENTRY_BYTES).is_err() {
                return Ok((Err(ErrorCode::Quota),));
            }
            let created = state.filesystem().link_at(directory, path_flags, from, other_directory, to);
            Ok((answer(state, created)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn answer<R>(state: &mut State, result: FsResult<R>) -> wasmtime::Result<Result<R, ErrorCode>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(Host::convert_error_code(&mut state.filesystem(), error)?)),
    }
}

fn counted_output(
    state: &mut State,
    path: String,
    opened: FsResult<Resource<DynOutputStream>>,
) -> wasmtime::Result<FsResult<Resource<DynOutputStream>>> {
    let stream = match opened {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    let inner = state.ctx().table.delete(stream)?;
    let counted: DynOutputStream = Box::new(CountedOutput { inner, path, files: state.files.clone() });
    Ok(Ok(state.ctx().table.push(counted)?))
}

/// A file being read, at once and on the guest's own thread: wasmtime-wasi would hand each non-blocking read to another
/// thread, where this one's counters and clocks don't see it, and wait for it there.
struct CountedInput {
    inner: DynInputStream,
    path: String,
    files: FileLedger,
}

#[async_trait::async_trait]
impl Pollable for CountedInput {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl InputStream for CountedInput {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        if size == 0 {
            return Ok(bytes::Bytes::new());
        }
        let bytes = at_once(self.inner.blocking_read(size))?;
        self.files.read(&self.path, bytes.len());
        Ok(bytes)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        self.read(size)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// A file being written, at once and on the guest's own thread.
struct CountedOutput {
    inner: DynOutputStream,
    path: String,
    files: FileLedger,
}

#[async_trait::async_trait]
impl Pollable for CountedOutput {
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl OutputStream for CountedOutput {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.files
            .write(&self.path, bytes.len())
            .map_err(|()| StreamError::LastOperationFailed(std::io::Error::from_raw_os_error(libc::EDQUOT).into()))?;
        at_once(self.inner.blocking_write_and_flush(bytes))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.write(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// The outcome of a file operation that blocks the thread where it is polled (`allow_blocking_current_thread`), and so is
/// over when that returns.
fn at_once<T>(operation: impl Future<Output = StreamResult<T>>) -> StreamResult<T> {
    operation.now_or_never().unwrap_or_else(|| Err(StreamError::trap("a file operation did not end at once")))
}
