//! The platform against an emulator of OpenFaaS, and against the real one where `OPENFAAS_ENDPOINT` names it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod asynchronous;
mod deploying;
mod emulator;
mod failures;
mod gateway;
mod given;
mod real;
mod removing;
mod scaling;
mod updating;
