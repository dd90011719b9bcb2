//! What the store promises, through its public face.

mod files;
mod fixture;
mod processes;
mod recording;
mod trouble;
