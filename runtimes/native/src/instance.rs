//! The identity of one sandbox, and what it tells its function of itself.

use std::time::{Duration, Instant};

use lab::Instance;
use uuid::Uuid;

/// One sandbox: what stays the same over its life, and how often it was used.
#[derive(Debug, Clone)]
pub struct Sandbox {
    identifier: String,
    created: Instant,
    invocations: u64,
    platform: String,
    engine: &'static str,
    cores: u32,
    memory_limit_bytes: Option<u64>,
}

impl Sandbox {
    /// A new sandbox of `platform`, whose function runs on `engine` (`native` or `wasm`).
    pub fn new(platform: &str, engine: &'static str, cores: u32, memory_limit_bytes: Option<u64>) -> Sandbox {
        Sandbox::identified(Uuid::new_v4().to_string(), platform, engine, cores, memory_limit_bytes)
    }

    /// The same with an identity that the platform chose.
    pub fn identified(
        identifier: String,
        platform: &str,
        engine: &'static str,
        cores: u32,
        memory_limit_bytes: Option<u64>,
    ) -> Sandbox {
        Sandbox {
            identifier,
            created: Instant::now(),
            invocations: 0,
            platform: platform.to_owned(),
            engine,
            cores,
            memory_limit_bytes,
        }
    }

    /// Stable for the life of this sandbox.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The same, which existed for its platform since `created`.
    pub fn since(self, created: Instant) -> Sandbox {
        Sandbox { created, ..self }
    }

    /// How long it has existed.
    pub fn age(&self) -> Duration {
        self.created.elapsed()
    }

    /// Invocations begun so far.
    pub fn invocations(&self) -> u64 {
        self.invocations
    }

    /// Begins the next invocation and returns what its function is told.
    pub fn begin(&mut self) -> Instance {
        self.invocations += 1;
        Instance {
            identifier: self.identifier.clone(),
            invocation_index: self.invocations,
            age_us: u64::try_from(self.created.elapsed().as_micros()).unwrap_or(u64::MAX),
            platform: self.platform.clone(),
            engine: self.engine.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cores: self.cores,
            memory_limit_bytes: self.memory_limit_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_counts_its_invocations_from_one_and_keeps_its_identity() {
        let mut sandbox = Sandbox::new("process", "native", 2, None);
        let (first, second) = (sandbox.begin(), sandbox.begin());
        assert_eq!((first.invocation_index, second.invocation_index), (1, 2));
        assert_eq!(first.identifier, second.identifier);
        assert!(second.age_us >= first.age_us);
    }
}
