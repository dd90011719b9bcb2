//! The platform Gestalt.
