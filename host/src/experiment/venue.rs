//! Where a function is measured.

use std::fmt;

use crate::engine::EngineKind;
use crate::platforms;
use crate::results::IN_PROCESS;

/// Where, and so how, a function is measured on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// In a worker process of ours that brackets the handler itself, on an engine.
    Worker(EngineKind),
    /// In an instance of a platform of the catalogue, looked at from outside.
    Platform(&'static str),
}

impl Venue {
    /// Its name in reports and messages: the engine's, or the platform's.
    pub fn name(self) -> &'static str {
        match self {
            Venue::Worker(engine) => engine.name(),
            Venue::Platform(name) => name,
        }
    }

    /// How the code runs there.
    pub fn engine(self) -> EngineKind {
        match self {
            Venue::Worker(engine) => engine,
            Venue::Platform(name) => match platforms::find(name) {
                Ok(kind) if kind.image == image_build::ImageKind::Component => EngineKind::Wasm,
                _ => EngineKind::Native,
            },
        }
    }

    /// The platform as results have it.
    pub fn platform(self) -> &'static str {
        match self {
            Venue::Worker(_) => IN_PROCESS,
            Venue::Platform(name) => name,
        }
    }

    /// The venue of a stored row; `None` for one that this version does not know.
    pub(super) fn stored(engine: &str, platform: &str) -> Option<Venue> {
        if platform == IN_PROCESS {
            return EngineKind::ALL.into_iter().find(|kind| kind.name() == engine).map(Venue::Worker);
        }
        platforms::find(platform).ok().map(|kind| Venue::Platform(kind.name))
    }
}

impl fmt::Display for Venue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_is_found_again_from_what_is_stored() {
        for venue in [Venue::Worker(EngineKind::Native), Venue::Worker(EngineKind::Wasm), Venue::Platform("process")] {
            assert_eq!(Venue::stored(venue.engine().name(), venue.platform()), Some(venue));
        }
        assert_eq!(Venue::stored("lua", IN_PROCESS), None);
        assert_eq!(Venue::stored("native", "a cloud of the future"), None);
    }
}
