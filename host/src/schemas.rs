//! The JSON schemas of what the command prints and reads, generated from the types and checked in under `schemas/`.

use experiments::prices::PriceTable;
use experiments::script::ScriptFile;
use platform::{LogLine, PlannedRequest};
use schemars::{Schema, schema_for};

use crate::configuration;
use crate::deployments::{
    BuiltDocument, CleanedDocument, DeployedDocument, InvocationDocument, ObjectDocument, PlatformDocument,
    RemovalDocument, StatusDocument, UploadedDocument, Verification,
};
use crate::environment::Diagnosis;
use crate::experiment::Plan;
use crate::load_report::LoadReport;
use crate::platform_run::PlatformPlan;
use crate::report::{ComparisonReport, RunReport};
use crate::results::ListedRun;
use crate::results::export::RunDocument;

/// Every schema: its file's name, and the schema.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("run-report-1.json", schema_for!(RunReport)),
        ("run-1.json", schema_for!(RunDocument)),
        ("comparison-1.json", schema_for!(ComparisonReport)),
        ("diagnosis-1.json", schema_for!(Diagnosis)),
        ("listed-runs-1.json", schema_for!(Vec<ListedRun>)),
        ("plan-1.json", schema_for!(Plan)),
        ("configuration-1.json", schema_for!(configuration::File)),
        ("platforms-1.json", schema_for!(Vec<PlatformDocument>)),
        ("built-1.json", schema_for!(Vec<BuiltDocument>)),
        ("deployed-1.json", schema_for!(Vec<DeployedDocument>)),
        ("status-1.json", schema_for!(Vec<StatusDocument>)),
        ("invocation-1.json", schema_for!(InvocationDocument)),
        ("log-line-1.json", schema_for!(LogLine)),
        ("undeployed-1.json", schema_for!(RemovalDocument)),
        ("verification-1.json", schema_for!(Verification)),
        ("uploaded-1.json", schema_for!(Vec<UploadedDocument>)),
        ("objects-1.json", schema_for!(Vec<ObjectDocument>)),
        ("cleaned-1.json", schema_for!(CleanedDocument)),
        ("load-1.json", schema_for!(LoadReport)),
        ("platform-plan-1.json", schema_for!(PlatformPlan)),
        ("requests-1.json", schema_for!(Vec<PlannedRequest>)),
        ("experiment-1.json", schema_for!(ScriptFile)),
        ("prices-1.json", schema_for!(PriceTable)),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;

    /// `FAASBENCH_WRITE_SCHEMAS=1 cargo test schemas` writes them anew. A change that breaks readers needs a new number.
    #[test]
    fn the_schemas_that_are_checked_in_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for (name, schema) in all() {
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            let path = folder.join(name);
            if std::env::var_os("FAASBENCH_WRITE_SCHEMAS").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let stored = std::fs::read_to_string(&path).unwrap_or_default();
            // Without the texts: they fill screens.
            assert!(
                stored == text,
                "{} is out of date; `git diff` shows what the command above changes",
                path.display()
            );
        }
    }
}
