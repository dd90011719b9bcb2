//! What the deployers of remote platforms share.
//!
//! A deployer is made from a [`Connection`] and speaks to its platform's API through an [`Api`]. Images reach platforms that
//! pull them through a [`Registry`].

mod address;
mod answer;
mod api;
mod authorization;
mod carried;
mod connection;
mod direct;
mod environment;
mod exposition;
mod hidden;
mod making;
mod probe;
mod registry;
mod request;
mod response;
mod route;
mod settings;
mod tls;

pub use answer::{Begin, answer_of, identity_in_body, identity_in_headers};
pub use api::{Api, ApiError};
pub use authorization::Authorization;
pub use carried::{CALLER, Callee, Carried};
pub use connection::Connection;
pub use environment::{InvokeWay, instance_environment, shown_environment};
pub use exposition::{Sample, samples};
pub use making::make;
pub use probe::{Freshness, Probe, Seen};
pub use registry::{PushedImage, Registry};
pub use request::ApiRequest;
pub use reqwest::{Method, StatusCode, Url, header};
pub use response::ApiResponse;
pub use settings::ApiSettings;
