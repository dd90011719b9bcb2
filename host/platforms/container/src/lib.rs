//! The platform container: Docker or Podman.
