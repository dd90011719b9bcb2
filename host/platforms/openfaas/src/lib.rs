//! The platform OpenFaaS.
