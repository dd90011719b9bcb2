//! A platform of this machine behind HTTP, and a client of it that is a platform again.
//!
//! [`serve`] takes any [`platform::Platform`] and puts it behind HTTP as OpenFaaS's gateway does, so that existing tools work:
//! `/function/NAME`, `/async-function/NAME`, `/system/…`, `/metrics`. What our platforms have beyond that is under `/faasbench/`.
//! [`ServedPlatform`] is the other end. A [`Daemon`] is a server in the background, which goes on after the command that started
//! it.

mod api;
mod client;
mod daemon;
mod failure;
mod log;
mod options;
mod server;
mod token;

pub use client::{Endpoint, EndpointError, SERVED_FUNCTION, ServedPlatform};
pub use daemon::{Background, Daemon, DaemonError, DaemonOptions, SERVER};
pub use log::{LogFormat, LogGuard, start_log};
pub use options::{EndPlatform, Images, Listen, NoImages, ResultLimits, ServeOptions};
pub use server::{Ended, Running, ServeError, serve};
pub use token::{Token, TokenError};
