//! One channel of a picture.

/// Samples of 8 bits in rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    /// Rows of `stride` samples, of which the first `width` count.
    pub(crate) samples: Vec<u8>,
    pub(crate) stride: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// How much of the plane the picture covers, from the upper left corner, in samples. After a reduction the last column
    /// and row may stand for less than a whole sample.
    pub(crate) extent: (f64, f64),
}
