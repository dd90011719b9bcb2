//! What the command line accepts. The comments of fields are the manual.

mod command;
mod invoke;
mod load;
mod machine;
mod new;
mod percentage;
mod platform;
mod run;
mod stored;

pub(super) use command::{Arguments, Command};
pub(super) use invoke::InvokeArguments;
pub(super) use load::{LoadArguments, LoadShape};
pub(super) use machine::{CompletionsArguments, CountersArguments, DoctorArguments, ListArguments, Listing};
pub(super) use new::{NewCommand, NewExperimentArguments};
pub(super) use platform::{
    BuildArguments, ConfigurationFile, DeployArguments, EnvironmentVariable, LogsArguments, PlatformsArguments,
    ServeArguments, SettingsArguments, StatusArguments, StorageCommand, StoragePlace, UndeployArguments,
    VerifyArguments,
};
pub(super) use run::RunArguments;
pub(super) use stored::{
    CompareArguments, ExportArguments, ExportFormat, ExportTable, ReportArguments, ResultsCommand, ShowArguments,
};
