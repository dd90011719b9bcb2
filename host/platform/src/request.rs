//! What a deployer would ask of its platform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One request that a deployment would make: what `deploy --dry-run` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedRequest {
    /// Why it is made, as in "create the function".
    pub purpose: String,
    /// HTTP's method, or the verb of another protocol: `POST`, `PUSH`, `START`.
    pub method: String,
    /// Where it goes. What only an earlier answer tells is in angle brackets: `/v2/fns/<id of the function>`.
    pub address: String,
    /// Its body without secrets; `None`: it has none.
    pub body: Option<serde_json::Value>,
    /// When it is made, where that is not always: "when there is no such application yet".
    pub condition: Option<String>,
}
