//! What the tests share: the command, engines in this process, and the results that a run leaves.

mod cache;
mod chromium;
mod command;
#[path = "../../host/platforms/container/tests/containers/engines.rs"]
#[allow(dead_code, unused_imports, unused_macros, reason = "shared with the tests of the platform container")]
mod container_engines;
mod engines;
mod installation;
mod results;
mod shared_files;

pub(crate) use cache::cache;
pub(crate) use chromium::Browser;
pub(crate) use command::{Ended, Running, faasbench, faasbench_with_input, is_alive};
pub(crate) use engines::{Bench, files, invoke, launch, records, root_record};
pub(crate) use installation::{Installation, platforms_here};
pub(crate) use results::{Recorded, Results, rows_in, saved_in};
pub(crate) use shared_files::shared;
