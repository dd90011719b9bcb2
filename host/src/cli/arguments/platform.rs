//! What the commands accept that work on platforms.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::stored::ResultsLocation;
use crate::configuration::{check_environment_name, check_name, parse_bytes, parse_duration};
use crate::workload::{BUCKET, Size};

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct ConfigurationFile {
    /// The configuration [default: faasbench.toml in this folder or a parent]
    #[arg(long = "config", value_name = "FILE", env = "FAASBENCH_CONFIG", hide_env_values = true)]
    pub(in crate::cli) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PlatformsArguments {
    /// Which platforms or targets [default: all]
    #[arg(value_name = "PLATFORM")]
    pub(in crate::cli) platforms: Vec<String>,

    /// List what carries our mark there and is not in the ledger
    #[arg(long)]
    pub(in crate::cli) audit: bool,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BuildArguments {
    /// Which functions [default: all six]
    #[arg(value_name = "FUNCTION")]
    pub(in crate::cli) functions: Vec<String>,

    /// Package for this platform [default: compile the components for this machine's engine]
    #[arg(long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: Option<String>,

    /// Copy the images into this folder, beside keeping them in the cache
    #[arg(short, long, value_name = "DIR", requires = "platform")]
    pub(in crate::cli) output: Option<PathBuf>,

    /// For which architectures: x86_64, aarch64 [default: this machine's]
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',', requires = "platform")]
    pub(in crate::cli) architectures: Vec<image_build::Architecture>,

    /// The only protocol that the native binary is to speak: azure, fn, gestalt, http, lambda, nuclio, openwhisk, riff
    /// [default: all of them]
    #[arg(long, value_name = "PROTOCOL", requires = "platform")]
    pub(in crate::cli) protocol: Option<image_build::Protocol>,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DeployArguments {
    /// Which functions [default: all six]
    #[arg(value_name = "FUNCTION")]
    pub(in crate::cli) functions: Vec<String>,

    /// The platform, or a target of the configuration
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: String,

    /// The name to call it by, for a single function [default: the function's]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(in crate::cli) name: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArguments,

    /// For which architectures: x86_64, aarch64 [default: this machine's]
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',')]
    pub(in crate::cli) architectures: Vec<image_build::Architecture>,

    /// How long it may take until it serves
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(in crate::cli) ready_within: Duration,

    /// Print every request that would be made, and make none: images are built here, nothing is created there
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// What a deployment is given; what is left out comes from the configuration, and then from the platform.
#[derive(Debug, Clone, Default, Args)]
pub(in crate::cli) struct SettingsArguments {
    /// Memory of an instance, MiB or with a unit: 256MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(in crate::cli) memory: Option<u64>,

    /// Processors of an instance; 0.5 is half of one
    #[arg(long, value_name = "CPUS")]
    pub(in crate::cli) cpu: Option<f64>,

    /// Longest invocation, seconds or with a unit: 500ms
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(in crate::cli) timeout: Option<Duration>,

    /// Scratch disk of an instance, MiB or with a unit
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(in crate::cli) scratch: Option<u64>,

    /// Instances that are kept, idle or not
    #[arg(long, value_name = "N")]
    pub(in crate::cli) min: Option<u32>,

    /// Instances at once
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max: Option<u32>,

    /// Invocations at once in one instance
    #[arg(long, value_name = "N")]
    pub(in crate::cli) concurrency: Option<u32>,

    /// How long an idle instance is kept, seconds or with a unit; 0: each invocation has an instance of its own
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(in crate::cli) keep_alive: Option<Duration>,

    /// Invocations that may wait for an instance; further ones are refused with 429
    #[arg(long, value_name = "N")]
    pub(in crate::cli) queue: Option<u32>,

    /// Environment variable of the instances; without a value it is handed on from the environment here
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = environment_variable)]
    pub(in crate::cli) environment: Vec<EnvironmentVariable>,
}

/// A name, and its value if it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct EnvironmentVariable {
    pub(in crate::cli) name: String,
    pub(in crate::cli) value: Option<String>,
}

fn environment_variable(text: &str) -> Result<EnvironmentVariable, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    check_environment_name(name)?;
    Ok(EnvironmentVariable { name: name.to_owned(), value })
}

fn name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

#[derive(Debug, Args)]
pub(in crate::cli) struct StatusArguments {
    /// Which deployments, by name [default: all]
    #[arg(value_name = "NAME")]
    pub(in crate::cli) names: Vec<String>,

    /// Only on this platform, or target of the configuration
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: Option<String>,

    /// Ask the platforms, too, what they measured by themselves
    #[arg(long)]
    pub(in crate::cli) metrics: bool,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogsArguments {
    /// The deployment's name
    pub(in crate::cli) name: String,

    /// The platform, or a target of the configuration [default: the one where it is deployed]
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: Option<String>,

    /// Go on as more is written, until Ctrl-C
    #[arg(short, long)]
    pub(in crate::cli) follow: bool,

    /// Only what was written in this last time: 30s, 10m
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(in crate::cli) since: Option<Duration>,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print a line of JSON for each
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct UndeployArguments {
    /// Which deployments, by name
    #[arg(value_name = "NAME", conflicts_with = "all")]
    pub(in crate::cli) names: Vec<String>,

    /// Everything that the ledger knows, of interrupted and failed deployments too
    #[arg(long)]
    pub(in crate::cli) all: bool,

    /// Only on this platform, or target of the configuration
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: Option<String>,

    /// Also what was deployed from this machine under another name of it
    #[arg(long, value_name = "HOST")]
    pub(in crate::cli) host: Option<String>,

    /// Take out of the ledger what can't be removed, for a platform that is gone for good; each thing is named
    #[arg(long)]
    pub(in crate::cli) forget: bool,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArguments {
    /// Which functions [default: all six, and the nested calls of function1 to 3]
    #[arg(value_name = "FUNCTION")]
    pub(in crate::cli) functions: Vec<String>,

    /// The platform, or a target of the configuration
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: String,

    /// Seed of generated inputs
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub(in crate::cli) seed: u64,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArguments {
    /// The functions to deploy before it listens [default: all six]
    #[arg(value_name = "FUNCTION")]
    pub(in crate::cli) functions: Vec<String>,

    /// The platform, or a target of the configuration: one of this machine
    #[arg(short, long, value_name = "PLATFORM")]
    pub(in crate::cli) platform: String,

    /// Where to listen: ADDRESS:PORT or unix:/PATH; may be repeated. Beyond this machine only with a token: --token-file,
    /// FAASBENCH_TOKEN or FAASBENCH_TOKEN_FILE
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(in crate::cli) listen: Vec<gateway::Listen>,

    /// File with the bearer token that clients must send [default: what FAASBENCH_TOKEN holds, or the file that
    /// FAASBENCH_TOKEN_FILE names, where one is set]
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) token_file: Option<PathBuf>,

    /// Log each request
    #[arg(long)]
    pub(in crate::cli) log_requests: bool,

    /// How long what was taken may go on after the end was asked for
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub(in crate::cli) grace: Duration,

    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArguments,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    #[command(flatten)]
    pub(in crate::cli) results: ResultsLocation,

    /// As the server behind `deploy`, in this state folder
    #[arg(long, value_name = "DIR", hide = true)]
    pub(in crate::cli) background: Option<PathBuf>,
}

/// Objects for the functions.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum StorageCommand {
    /// Serve a folder as S3, for platforms of this machine.
    ///
    /// The access key of its clients is that in FAASBENCH_S3_ACCESS_KEY_ID and FAASBENCH_S3_SECRET_ACCESS_KEY; without them a
    /// new one is made and shown.
    Serve {
        /// The folder, with a folder for each bucket; it is made, with the bucket of the workloads, where it is missing
        folder: PathBuf,
        /// Where to listen
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
        listen: SocketAddr,
    },
    /// Upload the generated inputs of workloads.
    Upload {
        /// Which functions [default: thumbnailer and compression]
        #[arg(value_name = "FUNCTION")]
        functions: Vec<String>,
        /// Which sizes: test, small, large [default: test]
        #[arg(long = "size", value_name = "SIZE", value_delimiter = ',')]
        sizes: Vec<Size>,
        /// Seed of generated inputs
        #[arg(long, value_name = "N", default_value_t = 42)]
        seed: u64,
        #[command(flatten)]
        place: StoragePlace,
    },
    /// List the objects.
    List {
        /// Only keys that begin so
        #[arg(value_name = "PREFIX", default_value = "")]
        prefix: String,
        /// Which bucket
        #[arg(long, value_name = "BUCKET", default_value = BUCKET)]
        bucket: String,
        #[command(flatten)]
        place: StoragePlace,
    },
    /// Delete the functions' outputs, and with --inputs what was uploaded for them.
    Clean {
        /// The inputs too
        #[arg(long)]
        inputs: bool,
        /// Which bucket
        #[arg(long, value_name = "BUCKET", default_value = BUCKET)]
        bucket: String,
        #[command(flatten)]
        place: StoragePlace,
    },
}

/// Which storage.
#[derive(Debug, Args)]
pub(in crate::cli) struct StoragePlace {
    /// A folder, or a location: s3://, gs://, azure:// [default: where generated inputs are kept]
    #[arg(long, value_name = "PLACE")]
    pub(in crate::cli) storage: Option<String>,

    /// The storage of this platform, or target of the configuration
    #[arg(short, long, value_name = "PLATFORM", conflicts_with = "storage")]
    pub(in crate::cli) platform: Option<String>,

    #[command(flatten)]
    pub(in crate::cli) configuration: ConfigurationFile,

    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
