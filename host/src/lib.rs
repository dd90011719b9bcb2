//! faasbench builds the lab functions, deploys and invokes them, and measures them. The command is a thin layer over
//! this library.

pub mod cli;
pub mod configuration;
pub mod deployments;
pub mod environment;
pub mod experiment;
pub mod load_report;
pub mod paths;
pub mod platform_run;
pub mod platforms;
pub mod report;
pub mod results;
pub mod schemas;
pub mod worker;

pub use {engine, probe, stats, workload};
