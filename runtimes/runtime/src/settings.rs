//! The environment variables that an image understands beside those of its platform.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::UrlTemplate;

/// What `FAASBENCH_INVOKE_URL` may be.
const INVOKE_URL_ACCEPTED: &str = "a URL such as http://gateway:8080/function/{name} or unix:/PATH:/function/{name}";

/// Where a setting's value comes from: the process's environment, or what a platform sends at initialisation.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The address of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// `ADDRESS:PORT`.
    Tcp(SocketAddr),
    /// `unix:/PATH`.
    Unix(PathBuf),
    /// `fd:NUMBER`: a listening socket that this process was started with.
    Inherited(i32),
}

/// What an image was told by its environment. An empty variable counts as absent.
///
/// | variable | meaning | default |
/// |---|---|---|
/// | `FAASBENCH_PLATFORM` | the platform's name in records | what the protocol and its variables tell |
/// | `FAASBENCH_STORAGE` | the object storage, in the notation of [`native::Location`]; credentials under their services' own names | none: storage is refused |
/// | `FAASBENCH_INVOKE_URL` | where nested calls go: a URL with `{name}` in it, as in `http://gateway:8080/function/{name}`, or over a unix socket `unix:/PATH:/function/{name}` | none: nested calls are refused |
/// | `FAASBENCH_INVOKE_HELPER` | a program that is started at the first nested call and serves the unix socket of `FAASBENCH_INVOKE_URL`, which is its standard input | none: somebody else serves it |
/// | `FAASBENCH_INVOKE_TIMEOUT_MS` | the longest that a nested call may take, ms, 1 to 3,600,000 | 60000 |
/// | `FAASBENCH_INVOKE_AUTHORIZATION` | the `Authorization` header of nested calls | none |
/// | `FAASBENCH_SCRATCH` | where the instance's scratch folder is made | `TMPDIR`, or `/tmp` |
/// | `FAASBENCH_CONCURRENCY` | invocations that run at the same time, 1 to 1,024 | 64 |
/// | `FAASBENCH_QUEUE` | invocations that may wait for their turn, 0 to 65,536; further ones are refused (429) | 1024 |
/// | `FAASBENCH_LISTEN` | where the HTTP server listens, in place of `PORT`: `ADDRESS:PORT`, `unix:/PATH` or `fd:NUMBER`, a listening socket that is open already | all addresses, `PORT` or 8080 |
/// | `FAASBENCH_GRACE_MS` | how long a SIGTERM waits for what was taken, ms, 0 to 3,600,000 | 8000 |
/// | `FAASBENCH_INSTANCE_ID` | the instance's identity: 1 to 128 letters, digits, `-`, `_` or `.` | a random one |
/// | `FAASBENCH_MEMORY_LIMIT_BYTES` | the memory limit that records tell | the platform's variable, or the control group's |
/// | `FAASBENCH_CORES` | the processors that records tell, 1 to 65,536 | those that this process may use |
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// `FAASBENCH_PLATFORM`.
    pub platform: Option<String>,
    /// `FAASBENCH_STORAGE`.
    pub storage: Option<String>,
    /// `FAASBENCH_INVOKE_URL`.
    pub invoke_url: Option<UrlTemplate>,
    /// `FAASBENCH_INVOKE_HELPER`.
    pub invoke_helper: Option<PathBuf>,
    /// `FAASBENCH_INVOKE_TIMEOUT_MS`.
    pub invoke_timeout: Duration,
    /// `FAASBENCH_INVOKE_AUTHORIZATION`; a secret.
    pub invoke_authorization: Option<String>,
    /// `FAASBENCH_SCRATCH`, or `TMPDIR`.
    pub scratch: PathBuf,
    /// `FAASBENCH_CONCURRENCY`.
    pub concurrency: usize,
    /// `FAASBENCH_QUEUE`.
    pub queue: usize,
    /// `FAASBENCH_LISTEN`.
    pub listen: Option<Listen>,
    /// `FAASBENCH_GRACE_MS`.
    pub grace: Duration,
    /// `FAASBENCH_INSTANCE_ID`.
    pub instance_id: Option<String>,
    /// `FAASBENCH_MEMORY_LIMIT_BYTES`.
    pub memory_limit_bytes: Option<u64>,
    /// `FAASBENCH_CORES`.
    pub cores: Option<u32>,
}

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {}: give {accepted}", shown(.value.as_deref()))]
pub struct SettingsError {
    variable: &'static str,
    /// `None` for one that may hold a password.
    value: Option<String>,
    accepted: String,
}

fn shown(value: Option<&str>) -> String {
    value.map_or_else(|| "can't be used".to_owned(), |value| format!("is {value:?}"))
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A value that is not as documented; the error names the variable and what it accepts.
    pub fn read(variables: Variables<'_>) -> Result<Settings, SettingsError> {
        let text = |variable: &str| variables(variable).filter(|value| !value.is_empty());
        Ok(Settings {
            platform: text("FAASBENCH_PLATFORM"),
            storage: text("FAASBENCH_STORAGE"),
            // A URL may hold a password.
            invoke_url: parse(&text, "FAASBENCH_INVOKE_URL", INVOKE_URL_ACCEPTED)
                .map_err(|error| SettingsError { value: None, ..error })?,
            invoke_helper: text("FAASBENCH_INVOKE_HELPER").map(PathBuf::from),
            invoke_timeout: milliseconds(&text, "FAASBENCH_INVOKE_TIMEOUT_MS", 1, 60_000)?,
            invoke_authorization: text("FAASBENCH_INVOKE_AUTHORIZATION"),
            scratch: text("FAASBENCH_SCRATCH").or_else(|| text("TMPDIR")).unwrap_or_else(|| "/tmp".to_owned()).into(),
            concurrency: whole(&text, "FAASBENCH_CONCURRENCY", 1, 1024, 64)?,
            queue: whole(&text, "FAASBENCH_QUEUE", 0, 65_536, 1024)?,
            listen: parse(&text, "FAASBENCH_LISTEN", "ADDRESS:PORT, unix:/PATH or fd:NUMBER")?,
            grace: milliseconds(&text, "FAASBENCH_GRACE_MS", 0, 8_000)?,
            instance_id: instance_id(&text)?,
            memory_limit_bytes: parse(&text, "FAASBENCH_MEMORY_LIMIT_BYTES", "a whole number of bytes")?,
            cores: cores(&text)?,
        })
    }
}

impl fmt::Debug for Settings {
    /// Without the values that may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("platform", &self.platform)
            .field("storage", &self.storage.as_ref().map(|_| "set"))
            .field("invoke_url", &self.invoke_url.as_ref().map(|_| "set"))
            .field("invoke_helper", &self.invoke_helper)
            .field("invoke_timeout", &self.invoke_timeout)
            .field("invoke_authorization", &self.invoke_authorization.as_ref().map(|_| "set"))
            .field("scratch", &self.scratch)
            .field("concurrency", &self.concurrency)
            .field("queue", &self.queue)
            .field("listen", &self.listen)
            .field("grace", &self.grace)
            .field("instance_id", &self.instance_id)
            .field("memory_limit_bytes", &self.memory_limit_bytes)
            .field("cores", &self.cores)
            .finish()
    }
}

impl FromStr for Listen {
    type Err = ();

    fn from_str(text: &str) -> Result<Listen, ()> {
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Listen::Unix(path.into())),
            Some(("unix", _)) => Err(()),
            Some(("fd", number)) => number.parse().ok().filter(|number| *number >= 0).map(Listen::Inherited).ok_or(()),
            _ => text.parse().map(Listen::Tcp).map_err(|_| ()),
        }
    }
}

/// An identity stands in headers, in records and in names.
fn instance_id(text: Variables<'_>) -> Result<Option<String>, SettingsError> {
    const VARIABLE: &str = "FAASBENCH_INSTANCE_ID";
    let Some(value) = text(VARIABLE) else { return Ok(None) };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if value.len() <= 128 && value.bytes().all(plain) {
        return Ok(Some(value));
    }
    let accepted = "1 to 128 letters, digits, '-', '_' or '.'".to_owned();
    Err(SettingsError { variable: VARIABLE, value: Some(value), accepted })
}

fn cores(text: Variables<'_>) -> Result<Option<u32>, SettingsError> {
    if text("FAASBENCH_CORES").is_none() {
        return Ok(None);
    }
    whole(text, "FAASBENCH_CORES", 1, 65_536, 1).map(|cores| u32::try_from(cores).ok())
}

fn parse<T: FromStr>(text: Variables<'_>, variable: &'static str, accepted: &str) -> Result<Option<T>, SettingsError> {
    let Some(value) = text(variable) else { return Ok(None) };
    match value.trim().parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(_) => Err(SettingsError { variable, value: Some(value), accepted: accepted.to_owned() }),
    }
}

fn whole(
    text: Variables<'_>,
    variable: &'static str,
    least: usize,
    most: usize,
    default: usize,
) -> Result<usize, SettingsError> {
    let accepted = format!("a whole number from {least} to {most}");
    match parse(text, variable, &accepted)? {
        None => Ok(default),
        Some(number) if (least..=most).contains(&number) => Ok(number),
        Some(number) => Err(SettingsError { variable, value: Some(number.to_string()), accepted }),
    }
}

fn milliseconds(
    text: Variables<'_>,
    variable: &'static str,
    least: usize,
    default: usize,
) -> Result<Duration, SettingsError> {
    Ok(Duration::from_millis(whole(text, variable, least, 3_600_000, default)? as u64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(variable: &'static str, value: &'static str) -> Result<Settings, SettingsError> {
        Settings::read(&move |name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn what_is_absent_or_empty_has_its_default() {
        let settings = Settings::read(&|_| Some(String::new())).unwrap();
        assert_eq!(settings, Settings::read(&|_| None).unwrap());
        assert_eq!((settings.concurrency, settings.queue), (64, 1024));
        assert_eq!((settings.invoke_url, settings.storage, settings.listen), (None, None, None));
    }

    #[test]
    fn a_value_that_is_not_accepted_is_named_with_what_is() {
        for (variable, value, accepted) in [
            ("FAASBENCH_CONCURRENCY", "0", "from 1 to 1024"),
            ("FAASBENCH_CONCURRENCY", "many", "from 1 to 1024"),
            ("FAASBENCH_QUEUE", "-1", "from 0 to 65536"),
            ("FAASBENCH_GRACE_MS", "1.5", "a whole number"),
            ("FAASBENCH_INVOKE_TIMEOUT_MS", "0", "from 1"),
            ("FAASBENCH_LISTEN", "8080", "ADDRESS:PORT"),
            ("FAASBENCH_LISTEN", "unix:here", "unix:/PATH"),
            ("FAASBENCH_LISTEN", "fd:-1", "fd:NUMBER"),
            ("FAASBENCH_LISTEN", "fd:x", "fd:NUMBER"),
            ("FAASBENCH_INSTANCE_ID", "a b", "letters"),
            ("FAASBENCH_MEMORY_LIMIT_BYTES", "64M", "bytes"),
            ("FAASBENCH_CORES", "0", "from 1"),
            ("FAASBENCH_INVOKE_URL", "http://gateway/f", "{name}"),
        ] {
            let message = read(variable, value).unwrap_err().to_string();
            assert!(message.contains(variable) && message.contains(accepted), "{message}");
        }
        let error = read("FAASBENCH_INVOKE_URL", "https://me:hidden@gateway/{name}").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
    }

    #[test]
    fn an_address_is_a_port_or_a_socket() {
        let listen = |text| read("FAASBENCH_LISTEN", text).unwrap().listen.unwrap();
        assert_eq!(listen("127.0.0.1:8080"), Listen::Tcp("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(listen("[::1]:8080"), Listen::Tcp("[::1]:8080".parse().unwrap()));
        assert_eq!(listen("unix:/run/f.sock"), Listen::Unix("/run/f.sock".into()));
        assert_eq!(listen("fd:0"), Listen::Inherited(0));
    }

    #[test]
    fn a_platform_tells_the_instance_who_it_is_and_what_it_may_use() {
        let settings = read("FAASBENCH_INSTANCE_ID", "abc-1.x_2").unwrap();
        assert_eq!(settings.instance_id.as_deref(), Some("abc-1.x_2"));
        assert_eq!(read("FAASBENCH_MEMORY_LIMIT_BYTES", "1024").unwrap().memory_limit_bytes, Some(1024));
        assert_eq!(read("FAASBENCH_CORES", "2").unwrap().cores, Some(2));
    }

    #[test]
    fn the_authorization_is_not_shown() {
        let settings = read("FAASBENCH_INVOKE_AUTHORIZATION", "Bearer secret").unwrap();
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
