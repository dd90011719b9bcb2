//! What the deployers of remote platforms share.
//!
//! A deployer is made from a [`Connection`] and speaks to its platform's API through an [`Api`]. Images reach platforms that
//! pull them through a [`Registry`].

mod answer;
mod api;
mod connection;
mod environment;
mod exposition;
mod registry;

pub use answer::{Begin, answer_of, identity_in_body, identity_in_headers};
pub use api::{Api, ApiError, ApiRequest, ApiResponse, Authorization};
pub use connection::Connection;
pub use environment::{InvokeWay, instance_environment};
pub use exposition::{Sample, samples};
pub use registry::{PushedImage, Registry};
pub use reqwest::{Method, StatusCode, Url, header};
