//! The answers of experiments on platforms, as they were stored: data, which is printed and drawn here.

mod quantity;
mod text;

pub(super) use quantity::{cell, in_base_unit, shown};
pub(super) use text::render;
