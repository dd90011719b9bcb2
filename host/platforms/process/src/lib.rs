//! The platform process: one native image per instance, over a unix socket.
