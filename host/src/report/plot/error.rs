//! Why a plot was not drawn.

use thiserror::Error;

/// Why a plot was not drawn. Data is never a reason: a plot with nothing to show is not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlotError {
    /// The built-in font could not be read.
    #[error("the built-in font is unreadable")]
    Font,
    /// The drawing library gave up.
    #[error("{plot} could not be drawn: {message}")]
    Draw {
        /// The plot's file name without its ending.
        plot: String,
        /// What the library said.
        message: String,
    },
    /// The picture could not be encoded.
    #[error("{plot} could not be encoded as PNG: {message}")]
    Encode {
        /// The plot's file name without its ending.
        plot: String,
        /// What the encoder said.
        message: String,
    },
}
