//! The imports of `wit/lab.wit`, and the part of WASI that a lab function gets.

use std::io::{Read, Write};

use lab::{Call, Error, ErrorKind, ObjectWriter, STREAM_CHUNK_BYTES};
use native::thread_cpu_time_us;
use wasmtime::component::{HasData, HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings;
use wasmtime_wasi::random::WasiRandom;

use super::state::State;
use super::{files, network, waiting};

#[allow(missing_docs, unreachable_pub, reason = "generated")]
pub(super) mod contract {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "function",
        require_store_data_send: true,
        imports: { default: trappable },
        with: {
            "faasbench:lab/storage.reader": super::Reader,
            "faasbench:lab/storage.writer": super::Writer,
        },
    });
}

use contract::faasbench::lab::{functions, instance, storage, types};

/// An object being read by a guest.
#[allow(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Reader(Box<dyn Read + Send>);

/// An object being written by a guest.
#[allow(unreachable_pub, reason = "the generated bindings export it again")]
pub struct Writer(Box<dyn ObjectWriter + Send>);

struct HasTable;

impl HasData for HasTable {
    type Data<'a> = &'a mut ResourceTable;
}

/// A linker with the contract's imports and as much of WASI as Rust's standard library needs: clocks, random numbers,
/// the scratch folder, standard streams. Sockets refuse.
pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let l = &mut linker;
    bindings::clocks::wall_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    bindings::clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(l, State::clocks)?;
    bindings::random::random::add_to_linker::<State, WasiRandom>(l, |state| state.wasi.random())?;
    bindings::random::insecure::add_to_linker::<State, WasiRandom>(l, |state| state.wasi.random())?;
    bindings::random::insecure_seed::add_to_linker::<State, WasiRandom>(l, |state| state.wasi.random())?;
    bindings::cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    bindings::filesystem::preopens::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    bindings::sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(l, State::filesystem)?;
    bindings::io::error::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    bindings::sync::io::poll::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    bindings::sync::io::streams::add_to_linker::<State, HasTable>(l, |state| state.ctx().table)?;
    files::add_to_linker(l)?;
    waiting::add_to_linker(l)?;
    network::add_to_linker(l)?;
    contract::Function::add_to_linker::<State, HasSelf<State>>(l, |state| state)?;
    Ok(linker)
}

impl types::Host for State {}

impl storage::Host for State {
    fn get(&mut self, bucket: String, key: String) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        // What does not fit into the guest's memory is not taken into this process's either.
        let limit = self.memory.limit_bytes();
        let read = || -> Result<Vec<u8>, Error> {
            let mut bytes = Vec::new();
            let read = self.storage.open(&bucket, &key)?.take(limit).read_to_end(&mut bytes)?;
            if read as u64 == limit {
                return Err(Error::limit(format!(
                    "the object {key} has {limit} bytes or more, the memory limit of this instance; read it as a stream"
                )));
            }
            Ok(bytes)
        };
        Ok(read().map_err(to_wit))
    }

    fn put(&mut self, bucket: String, key: String, bytes: Vec<u8>) -> wasmtime::Result<Result<(), types::Error>> {
        let write = || -> Result<(), Error> {
            let mut writer = self.storage.create(&bucket, &key)?;
            writer.write_all(&bytes)?;
            writer.finish()?;
            Ok(())
        };
        Ok(write().map_err(to_wit))
    }

    fn open(&mut self, bucket: String, key: String) -> wasmtime::Result<Result<Resource<Reader>, types::Error>> {
        Ok(match self.storage.open(&bucket, &key) {
            Ok(reader) => Ok(self.table.push(Reader(reader))?),
            Err(error) => Err(to_wit(error)),
        })
    }

    fn create(&mut self, bucket: String, key: String) -> wasmtime::Result<Result<Resource<Writer>, types::Error>> {
        Ok(match self.storage.create(&bucket, &key) {
            Ok(writer) => Ok(self.table.push(Writer(writer))?),
            Err(error) => Err(to_wit(error)),
        })
    }

    fn list(
        &mut self,
        bucket: String,
        prefix: String,
        after: Option<String>,
    ) -> wasmtime::Result<Result<storage::Page, types::Error>> {
        let page = self.storage.list(&bucket, &prefix, after.as_deref()).map(|page| {
            let object = |object: lab::Object| storage::Object { key: object.key, size_bytes: object.size_bytes };
            storage::Page { objects: page.objects.into_iter().map(object).collect(), next: page.next }
        });
        Ok(page.map_err(to_wit))
    }
}

impl storage::HostReader for State {
    fn read(&mut self, reader: Resource<Reader>, limit: u32) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let reader = self.table.get_mut(&reader)?;
        // The guest's wish is not a reason to allocate: no more than one piece at a time.
        let mut bytes = vec![0; (limit as usize).min(STREAM_CHUNK_BYTES)];
        let mut filled = 0;
        while filled < bytes.len() {
            match reader.0.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(Err(to_wit(error.into()))),
            }
        }
        bytes.truncate(filled);
        Ok(Ok(bytes))
    }

    fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

impl storage::HostWriter for State {
    fn write(&mut self, writer: Resource<Writer>, bytes: Vec<u8>) -> wasmtime::Result<Result<(), types::Error>> {
        let writer = self.table.get_mut(&writer)?;
        Ok(writer.0.write_all(&bytes).map_err(|error| to_wit(error.into())))
    }

    fn finish(&mut self, writer: Resource<Writer>) -> wasmtime::Result<Result<u64, types::Error>> {
        // The guest still owns the handle; what it holds from now on is a writer that refuses.
        let slot = self.table.get_mut(&writer)?;
        let writer = std::mem::replace(&mut slot.0, Box::new(Finished));
        Ok(writer.finish().map_err(to_wit))
    }

    fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

/// A writer whose object was finished.
struct Finished;

fn finished() -> Error {
    Error::bad_request("this object was finished already; create it again to write more")
}

impl Write for Finished {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(finished().into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ObjectWriter for Finished {
    fn finish(self: Box<Self>) -> Result<u64, Error> {
        Err(finished())
    }
}

impl functions::Host for State {
    fn invoke(&mut self, call: functions::Call) -> wasmtime::Result<functions::Outcome> {
        Ok(outcome(native::invoke(&*self.functions, &Call { name: call.name, payload: call.payload })))
    }

    fn invoke_all(&mut self, calls: Vec<functions::Call>) -> wasmtime::Result<Vec<functions::Outcome>> {
        let calls: Vec<_> = calls.into_iter().map(|call| Call { name: call.name, payload: call.payload }).collect();
        Ok(self.functions.call_all(&calls).into_iter().map(outcome).collect())
    }
}

fn outcome(outcome: lab::Outcome) -> functions::Outcome {
    functions::Outcome {
        response: outcome.response.map_err(to_wit),
        start_ns: outcome.start_ns,
        end_ns: outcome.end_ns,
        elapsed_us: outcome.elapsed_us,
    }
}

impl instance::Host for State {
    fn describe(&mut self) -> wasmtime::Result<instance::Description> {
        let Some(description) = self.description.clone() else {
            return Err(wasmtime::format_err!("the component asked for its instance before it was invoked"));
        };
        Ok(instance::Description {
            identifier: description.identifier,
            invocation_index: description.invocation_index,
            age_us: description.age_us,
            platform: description.platform,
            engine: description.engine,
            arch: description.arch,
            cores: description.cores,
            memory_limit_bytes: description.memory_limit_bytes,
        })
    }

    fn cpu_time_us(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(thread_cpu_time_us().checked_sub(self.cpu_time_at_start_us))
    }
}

fn to_wit(error: Error) -> types::Error {
    let kind = match error.kind {
        ErrorKind::BadRequest => types::ErrorKind::BadRequest,
        ErrorKind::NotFound => types::ErrorKind::NotFound,
        ErrorKind::Denied => types::ErrorKind::Denied,
        ErrorKind::Limit => types::ErrorKind::Limit,
        ErrorKind::Unavailable => types::ErrorKind::Unavailable,
        ErrorKind::Internal => types::ErrorKind::Internal,
    };
    types::Error { kind, message: error.message }
}

/// A guest's error in our own type.
pub(super) fn from_wit(error: types::Error) -> Error {
    let kind = match error.kind {
        types::ErrorKind::BadRequest => ErrorKind::BadRequest,
        types::ErrorKind::NotFound => ErrorKind::NotFound,
        types::ErrorKind::Denied => ErrorKind::Denied,
        types::ErrorKind::Limit => ErrorKind::Limit,
        types::ErrorKind::Unavailable => ErrorKind::Unavailable,
        types::ErrorKind::Internal => ErrorKind::Internal,
    };
    Error::new(kind, error.message)
}
