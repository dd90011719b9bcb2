//! A cluster's API: who is asked as whom, what is asked, and what the answers mean.

mod ask;
mod connect;
mod failure;
mod objects;

pub(crate) use ask::{Ask, Reply};
pub(crate) use connect::{Cluster, is_label};
