//! The platform Google Cloud Run.
