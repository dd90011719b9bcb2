//! The function that an image serves.

use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use lab::{Error, ErrorKind, Handler, Instance, ObjectWriter, Page};
use native::{DirectoryStorage, Functions, Location, NativeLab, NoFunctions, NoStorage, Storage};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::{Context, Gateway, Settings, Variables};

/// One invocation, as a function sees it besides its event.
#[derive(Debug)]
pub struct Invocation {
    /// The instance that serves it.
    pub instance: Instance,
    /// What the platform says of it.
    pub context: Context,
}

/// A function: an event in, a response out, both UTF-8 JSON. It may block its thread, and may panic.
pub trait Function: Send + Sync + 'static {
    /// Serves one invocation.
    ///
    /// # Errors
    /// Those of the function.
    fn invoke(&self, event: &str, invocation: &Invocation) -> Result<String, Error>;

    /// Takes in settings that a platform sends after the start, in place of those of the process's environment.
    ///
    /// # Errors
    /// A bad request for settings that can't be used; the former ones stay.
    fn configure(&self, variables: Variables<'_>) -> Result<(), Error> {
        let _ = variables;
        Ok(())
    }
}

/// A plain function of an event and its invocation.
impl<F> Function for F
where
    F: Fn(&str, &Invocation) -> Result<String, Error> + Send + Sync + 'static,
{
    fn invoke(&self, event: &str, invocation: &Invocation) -> Result<String, Error> {
        self(event, invocation)
    }
}

/// Opens the storage at a location that is no directory, with the credentials that the variables hold.
pub type OpenStorage = fn(&str, Variables<'_>) -> Result<Box<dyn Storage>, Error>;

/// A lab function with the storage, the nested calls and the scratch folder that the settings name.
pub struct LabFunction {
    handler: Handler,
    open_storage: Option<OpenStorage>,
    surroundings: RwLock<Arc<Surroundings>>,
    handle: Handle,
    // Kept for its drop, which removes the folder. `None` where none could be made.
    _scratch: Option<TempDir>,
    scratch: PathBuf,
}

impl LabFunction {
    /// The function of `handler`. `open_storage` reaches storage that is no directory; without it there is none such, and the
    /// binary is the smaller for it. `handle` is of the runtime that carries nested calls.
    ///
    /// # Errors
    /// A bad request for settings that can't be used.
    pub fn new(
        handler: Handler,
        open_storage: Option<OpenStorage>,
        settings: &Settings,
        variables: Variables<'_>,
        handle: Handle,
    ) -> Result<LabFunction, Error> {
        // Where there is no place for files only those functions fail that need one, and say so.
        let scratch = tempfile::Builder::new().prefix("faasbench-").tempdir_in(&settings.scratch).ok();
        let path = scratch.as_ref().map_or_else(|| settings.scratch.join("faasbench-missing"), |dir| dir.path().into());
        let surroundings = Surroundings::new(settings, open_storage, variables, handle.clone())?;
        let surroundings = RwLock::new(Arc::new(surroundings));
        Ok(LabFunction { handler, open_storage, surroundings, handle, _scratch: scratch, scratch: path })
    }
}

impl Function for LabFunction {
    fn invoke(&self, event: &str, invocation: &Invocation) -> Result<String, Error> {
        let surroundings = self.surroundings.read().unwrap_or_else(PoisonError::into_inner).clone();
        let calls;
        let functions: &dyn Functions = match &surroundings.gateway {
            Some(gateway) => {
                calls = NestedCalls { gateway, context: &invocation.context };
                &calls
            }
            None => &NoFunctions,
        };
        let instance = invocation.instance.clone();
        (self.handler)(&NativeLab::new(&*surroundings.storage, functions, instance, &self.scratch), event)
    }

    fn configure(&self, variables: Variables<'_>) -> Result<(), Error> {
        let settings = Settings::read(variables).map_err(|error| Error::bad_request(error.to_string()))?;
        let surroundings = Surroundings::new(&settings, self.open_storage, variables, self.handle.clone())?;
        let surroundings = Arc::new(surroundings);
        *self.surroundings.write().unwrap_or_else(PoisonError::into_inner) = surroundings;
        Ok(())
    }
}

/// What a function reaches beyond its own process.
struct Surroundings {
    storage: Box<dyn Storage>,
    gateway: Option<Gateway>,
}

impl Surroundings {
    fn new(
        settings: &Settings,
        open_remote: Option<OpenStorage>,
        variables: Variables<'_>,
        handle: Handle,
    ) -> Result<Surroundings, Error> {
        Ok(Surroundings {
            storage: open_storage(settings.storage.as_deref(), open_remote, variables),
            gateway: Gateway::new(settings, handle)?,
        })
    }
}

/// The object storage that `FAASBENCH_STORAGE` names. An image starts without a storage that can't be opened, as most
/// invocations need none; those that do are told why.
fn open_storage(name: Option<&str>, open_remote: Option<OpenStorage>, variables: Variables<'_>) -> Box<dyn Storage> {
    let Some(name) = name else { return Box::new(NoStorage) };
    let opened = match (Location::directory(name), open_remote) {
        (Some(path), _) => DirectoryStorage::new(path).map(|storage| Box::new(storage) as Box<dyn Storage>),
        (None, Some(open)) => open(name, variables),
        // Not repeated: people put secrets into locations.
        (None, None) => Err(Error::bad_request(
            "it is no absolute path, and this image has no client of other storage; give it a directory",
        )),
    };
    opened.unwrap_or_else(|error| {
        let message = format!("FAASBENCH_STORAGE can't be used: {}", error.message);
        Box::new(MissingStorage(Error::new(ErrorKind::Unavailable, message)))
    })
}

/// Storage that could not be opened: every request says why.
struct MissingStorage(Error);

impl Storage for MissingStorage {
    fn open(&self, _: &str, _: &str) -> Result<Box<dyn Read + Send>, Error> {
        Err(self.0.clone())
    }

    fn create(&self, _: &str, _: &str) -> Result<Box<dyn ObjectWriter + Send>, Error> {
        Err(self.0.clone())
    }

    fn list(&self, _: &str, _: &str, _: Option<&str>) -> Result<Page, Error> {
        Err(self.0.clone())
    }
}

/// The nested calls of one invocation.
struct NestedCalls<'a> {
    gateway: &'a Gateway,
    context: &'a Context,
}

impl Functions for NestedCalls<'_> {
    fn call(&self, name: &str, payload: &str) -> Result<String, Error> {
        self.gateway.call(name, payload, self.context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    fn store(lab: &dyn lab::Lab, event: &str) -> Result<String, Error> {
        std::fs::write(lab.scratch().join("file"), event)?;
        lab.put("bucket", "key", event.as_bytes())?;
        String::from_utf8(lab.get("bucket", "key")?).map_err(|_| Error::internal("not text"))
    }

    fn invocation() -> Invocation {
        let instance = native::Sandbox::new("test", "native", 1, None).begin();
        Invocation { instance, context: Context::default() }
    }

    fn function(storage: Option<&str>, scratch: &Path) -> LabFunction {
        let mut settings = Settings::read(&|_| None).unwrap();
        settings.storage = storage.map(str::to_owned);
        settings.scratch = scratch.to_owned();
        LabFunction::new(store, None, &settings, &|_| None, Handle::current()).unwrap()
    }

    #[tokio::test]
    async fn a_function_has_the_storage_and_a_scratch_folder_that_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage");
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let function = function(storage.to_str(), &scratch);
        assert_eq!(function.invoke("{}", &invocation()).unwrap(), "{}");
        assert_eq!(std::fs::read(storage.join("bucket/key")).unwrap(), b"{}");
        drop(function);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_storage_that_is_not_there_fails_the_invocations_that_need_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, kind) in [
            (None, ErrorKind::Denied),
            (Some("/proc/none"), ErrorKind::Unavailable),
            (Some("s3://bucket"), ErrorKind::Unavailable),
            (Some("relative"), ErrorKind::Unavailable),
        ] {
            let error = function(name, folder.path()).invoke("{}", &invocation()).unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
        }
    }

    #[tokio::test]
    async fn storage_of_a_service_is_opened_with_the_variables_of_the_platform() {
        fn open(location: &str, variables: Variables<'_>) -> Result<Box<dyn Storage>, Error> {
            let said = variables("AWS_ACCESS_KEY_ID").unwrap_or_default();
            Err(Error::internal(format!("{location} {said}")))
        }
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::read(&|_| None).unwrap();
        settings.scratch = folder.path().to_owned();
        let function = LabFunction::new(store, Some(open), &settings, &|_| None, Handle::current()).unwrap();
        let variables = |name: &str| match name {
            "FAASBENCH_STORAGE" => Some("s3://mine/lab".to_owned()),
            "AWS_ACCESS_KEY_ID" => Some("key".to_owned()),
            _ => None,
        };
        function.configure(&variables).unwrap();
        let error = function.invoke("{}", &invocation()).unwrap_err();
        assert!(error.message.ends_with("s3://mine/lab key"), "{error}");
    }

    #[tokio::test]
    async fn settings_that_come_later_take_the_place_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let function = function(None, folder.path());
        let storage = folder.path().join("later").to_str().unwrap().to_owned();
        function.configure(&|name| (name == "FAASBENCH_STORAGE").then(|| storage.clone())).unwrap();
        assert!(function.invoke("{}", &invocation()).is_ok());
        assert!(function.configure(&|name| (name == "FAASBENCH_QUEUE").then(|| "x".to_owned())).is_err());
        assert!(function.invoke("{}", &invocation()).is_ok());
    }
}
