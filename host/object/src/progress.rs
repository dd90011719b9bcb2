//! How far a transfer is.

/// How far a transfer is: told after each object, and for large ones in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Objects that are done.
    pub objects_done: u64,
    /// All objects.
    pub objects: u64,
    /// Bytes that are done, those of objects that were there already among them.
    pub bytes_done: u64,
    /// Bytes of all objects.
    pub bytes: u64,
}
