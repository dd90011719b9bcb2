//! The table `[targets.NAME.options]` of a target on Fn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the agent gets its images from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImageSource {
    /// They are pushed to the target's `registry`, pinned by their digest, and the agent pulls them.
    #[default]
    Registry,
    /// They are loaded into the container daemon that the agent uses.
    LocalDaemon,
}

/// How functions are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// `/invoke/ID`: all headers of the function's answer pass.
    #[default]
    Invoke,
    /// `/t/APP/NAME`, the HTTP trigger, as other functions call it: the status is the function's own.
    Trigger,
}

/// How a target on Fn is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Options {
    /// The app that all functions are in: 1 to 63 letters, digits, `-` or `_`. It is made when it is not there; one that
    /// faasbench did not make is never touched.
    pub app: String,
    /// Where the agent gets its images from.
    pub image: ImageSource,
    /// The container daemon that the agent uses, `unix:///PATH` or `tcp://HOST:PORT`: for `image = "local-daemon"`. Absent:
    /// what `DOCKER_HOST` says, else Docker's usual socket.
    pub docker: Option<String>,
    /// How functions are called.
    pub way: Way,
    /// The server's address as its containers see it, for nested calls. Absent: the endpoint; when that is of this machine
    /// itself, the same port of 172.17.0.1, this machine's address in Docker's usual network.
    pub instances_endpoint: Option<String>,
    /// The environment variable that holds a bearer token, for servers behind one: the one that Fn's own command reads.
    pub token_variable: String,
    /// How long an agent may go on with the old function after an update, ms: 5000 in every server of Fn.
    pub stale_after_update_ms: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            app: "faasbench".to_owned(),
            image: ImageSource::default(),
            docker: None,
            way: Way::default(),
            instances_endpoint: None,
            token_variable: "FN_TOKEN".to_owned(),
            stale_after_update_ms: 5_000,
        }
    }
}
