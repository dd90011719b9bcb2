//! What the protocols of a native image share.
//!
//! A [`Runtime`] holds one [`Function`] and the instance that it runs in. Each protocol reads events in its own way, hands
//! them to [`Runtime::invoke`] and writes down the [`Answer`]. The function's code blocks, so it runs on a bounded pool of
//! threads; a panic in it is the failure of that invocation alone.
//!
//! The environment variables that an image understands are listed at [`Settings`].

mod answer;
mod connector;
mod context;
mod function;
mod gateway;
mod helper;
mod instance;
mod invoke;
mod lines;
mod machine;
mod settings;
mod shutdown;
mod trace;

pub use answer::{Answer, Failure, Identity};
pub use context::Context;
pub use function::{Function, Invocation, LabFunction, OpenStorage};
pub use gateway::{Gateway, UrlTemplate};
pub use invoke::{MAXIMUM_EVENT_BYTES, Runtime};
pub use lines::{Line, lines};
pub use settings::{Listen, Settings, SettingsError, Variables};
pub use shutdown::Shutdown;
pub use trace::Trace;
