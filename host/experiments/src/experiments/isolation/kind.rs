//! Kinds of neighbours.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Request;

/// What neighbours take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// Processor time: a loop within the registers.
    Cpu,
    /// Memory bandwidth and shared caches: a product of matrices, which reads the whole of one, larger than most cores' own
    /// caches, for each row of the other.
    Memory,
    /// The disk: files are fetched, written, read again and packed.
    Disk,
}

impl Kind {
    /// In words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Cpu => "CPU",
            Kind::Memory => "memory bandwidth",
            Kind::Disk => "disk",
        }
    }

    /// The function that such neighbours are, and its event; `None` where the request has no input for it.
    pub(super) fn function(self, request: &Request) -> Option<(String, Bytes)> {
        match self {
            Kind::Cpu => Some(("function2".to_owned(), Bytes::from_static(br#"{"throughput_time": 0.3}"#))),
            Kind::Memory => {
                // 1,000 by 1,000 numbers of two bytes: 2 MB, read 1,000 times.
                let event = br#"{"run_function": "matrix_mult", "args": 1000, "seed": 1}"#;
                Some(("monolith".to_owned(), Bytes::from_static(event)))
            }
            Kind::Disk => {
                // Its input is in the object storage, where the request put it.
                let subject = request.subjects.iter().find(|subject| subject.function == "compression")?;
                Some((subject.function.clone(), subject.event.clone()))
            }
        }
    }
}
