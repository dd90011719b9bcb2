//! The table `[targets.NAME.options]` of a target on wasmtime serve or Spin.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a target on wasmtime serve or Spin is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ServedOptions {
    /// The program. Absent: what the variable `WASMTIME` or `SPIN` names, else `wasmtime` or `spin` on the path.
    pub program: Option<PathBuf>,
    /// A folder for what is served, its logs and records, private to its owner. Absent: one below `$FAASBENCH_STATE`, else
    /// `$XDG_RUNTIME_DIR/faasbench`, else `/tmp/faasbench-UID`.
    pub folder: Option<PathBuf>,
    /// Where functions call each other, as in `http://127.0.0.1:9000/function/{name}`: a reverse proxy of yours, as each
    /// function has a port of its own. Absent: they can't.
    pub invoke_url: Option<String>,
}
