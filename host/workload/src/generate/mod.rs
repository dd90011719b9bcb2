//! Generated inputs. A generator is a pure function of its seed, in integers: the same bytes on every machine.

mod binary;
mod media;
mod noise;
mod photograph;
mod random;
mod text;
mod tree;
mod vocabulary;

pub(crate) use photograph::jpeg as photograph;
pub(crate) use tree::{Tree, TreeShape};

/// Version of the generators. It is part of an input's name in storage: count it up with every change of what they make.
pub(crate) const VERSION: u32 = 1;
