//! What the command line accepts. The comments of fields are the manual.

mod command;
mod machine;
mod percentage;
mod run;
mod stored;

pub(super) use command::{Arguments, Command};
pub(super) use machine::{
    BuildArguments, CompletionsArguments, CountersArguments, DoctorArguments, InvokeArguments, ListArguments, Listing,
};
pub(super) use run::RunArguments;
pub(super) use stored::{
    CompareArguments, ExportArguments, ExportFormat, ExportTable, ReportArguments, ResultsCommand, ShowArguments,
};
