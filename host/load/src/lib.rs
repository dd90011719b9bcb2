//! Load: arrival schedules, a generator that keeps them, latency histograms.
//!
//! [`run`] carries out a [`LoadPlan`]. In an open load requests are sent when they are due, whether or not those before were
//! answered; their response time counts from when they were due, so a server that stalls is seen to stall by every request
//! that it kept waiting (no coordinated omission). The service time counts from when a request was sent.

mod arrivals;
mod connection;
mod engine;
mod pacer;
mod plan;
mod profile;
mod recording;
mod request;
mod result;
mod shape;
mod target;
mod worker;

pub use arrivals::Arrivals;
pub use engine::{LoadError, Progress, Stop, run};
pub use hdrhistogram::Histogram;
pub use hyper::Method;
pub use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
pub use pacer::Pacer;
pub use plan::{LoadPlan, Pace};
pub use recording::{Failure, Recording, RequestRecord};
pub use result::{Ended, LATE_NS, LoadResult, Thread};
pub use shape::{Shape, ShapeError};
pub use target::{Address, HttpVersion, RequestTemplate, Target, TargetError};
