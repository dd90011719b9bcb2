//! What a call costs: a dated, sourced table of prices, and the arithmetic of bills.

mod bill;
mod machine;
mod read;
mod table;

pub use bill::Bill;
pub use machine::HOURS_PER_MONTH;
pub use read::PricesError;
pub use table::{Architecture, FunctionPrice, MachinePrice, PriceTable, Tier, WithoutPrice};
