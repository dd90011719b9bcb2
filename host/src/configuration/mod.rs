//! `faasbench.toml`: named targets, that is installations of platforms, and what deployments are given there by default.
//!
//! Flags beat the target, the target beats the file's `[defaults]`, and these beat the platform's own. There are no
//! credentials in it: these come from the environment.

mod error;
mod file;
mod find;
mod quantity;
mod secrets;
mod settings;
mod target;

pub use error::ConfigurationError;
pub use file::{DefaultsTable, File, TargetTable};
pub use find::{FILE_NAME, load};
pub use quantity::{parse_bytes, parse_duration};
pub use settings::{Settings, SettingsError, check_environment_name, check_name};
pub use target::{Configuration, Target};
