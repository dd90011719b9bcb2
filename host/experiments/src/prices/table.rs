//! The format of a price table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Prices of functions and machines, as a file has them. The one that is compiled in is `prices.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PriceTable {
    /// The format's version: 1.
    pub version: u32,
    /// What calls cost.
    #[serde(default, rename = "function")]
    pub functions: Vec<FunctionPrice>,
    /// What rented machines cost.
    #[serde(default, rename = "machine")]
    pub machines: Vec<MachinePrice>,
    /// Platforms that have no price, and why.
    #[serde(default, rename = "without-price")]
    pub without_price: Vec<WithoutPrice>,
}

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    /// x86-64.
    #[serde(rename = "x86-64")]
    X86,
    /// AArch64.
    #[serde(rename = "aarch64")]
    Arm,
}

/// What calls of one plan of a platform cost. A free tier is not counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FunctionPrice {
    /// The platform's name: `lambda`.
    pub platform: String,
    /// The plan's name, where the platform has several.
    pub plan: String,
    /// The architecture that it is for; absent: for every one.
    #[serde(default)]
    pub architecture: Option<Architecture>,
    /// The regions with this price.
    pub regions: Vec<String>,
    /// The currency, ISO 4217.
    pub currency: String,
    /// Price of a million requests.
    pub per_million_requests: f64,
    /// Price of a GiB of memory for a second, in the first tier.
    pub per_gibibyte_second: f64,
    /// Price of a vCPU for a second; absent: it is a part of the memory's.
    #[serde(default)]
    pub per_vcpu_second: Option<f64>,
    /// vCPUs of an instance that was not given any, where these are billed.
    #[serde(default)]
    pub default_vcpus: Option<f64>,
    /// Lower prices of memory above some consumption in a month, in rising order.
    #[serde(default)]
    pub tiers: Vec<Tier>,
    /// Billed time is rounded up to a multiple of this, ms.
    pub billed_step_ms: u64,
    /// Least billed time of a call, ms.
    pub minimum_billed_ms: u64,
    /// Billed memory is rounded up to a multiple of this, MiB.
    #[serde(default)]
    pub memory_step_mib: Option<u64>,
    /// Least billed memory, MiB.
    #[serde(default)]
    pub minimum_memory_mib: Option<u64>,
    /// Most memory that an instance can have, MiB.
    #[serde(default)]
    pub maximum_memory_mib: Option<u64>,
    /// The only sizes of memory there are, MiB, in rising order; empty: any.
    #[serde(default)]
    pub memory_sizes_mib: Vec<u64>,
    /// Whether the time of an instance's start is billed to its first call.
    pub bills_start: bool,
    /// Where the price is from.
    pub source: String,
    /// Of when it is: `2025-08` or `2025-08-01`.
    pub date: String,
    /// What a reader must know.
    #[serde(default)]
    pub remark: Option<String>,
}

/// A price above some consumption.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tier {
    /// From this consumption in a month on, GiB-s.
    pub above_gibibyte_seconds: f64,
    /// Price of a GiB-s.
    pub per_gibibyte_second: f64,
}

/// What a rented machine costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MachinePrice {
    /// Who rents it out.
    pub provider: String,
    /// Its name there.
    pub name: String,
    /// Its architecture.
    pub architecture: Architecture,
    /// Where it is.
    pub region: String,
    /// Its vCPUs.
    pub vcpus: f64,
    /// Its memory, GiB.
    pub memory_gib: f64,
    /// The currency, ISO 4217.
    pub currency: String,
    /// Price of an hour.
    pub per_hour: f64,
    /// Where the price is from.
    pub source: String,
    /// Of when it is: `2025-08` or `2025-08-01`.
    pub date: String,
    /// What a reader must know.
    #[serde(default)]
    pub remark: Option<String>,
}

/// A platform that has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WithoutPrice {
    /// The platform's name.
    pub platform: String,
    /// Why.
    pub reason: String,
}

impl PriceTable {
    /// The first price of a platform that fits; empty words fit every one.
    pub fn function(
        &self,
        platform: &str,
        region: &str,
        plan: &str,
        architecture: Option<Architecture>,
    ) -> Option<&FunctionPrice> {
        self.functions.iter().find(|price| {
            price.platform == platform
                && (region.is_empty() || price.regions.iter().any(|known| known == region))
                && (plan.is_empty() || price.plan == plan)
                && (architecture.is_none() || price.architecture.is_none() || price.architecture == architecture)
        })
    }

    /// Every price of a platform, in words: for a message.
    pub fn known(&self, platform: &str) -> String {
        let of_it = self.functions.iter().filter(|price| price.platform == platform);
        let words: Vec<String> = of_it.map(|price| format!("{} in {}", price.plan, price.regions.join(", "))).collect();
        words.join("; ")
    }

    /// Why a platform has no price.
    pub fn reason_without(&self, platform: &str) -> String {
        let known = self.without_price.iter().find(|without| without.platform == platform);
        known.map_or_else(|| "nobody sells calls of it".to_owned(), |without| without.reason.clone())
    }

    /// The machine of that name.
    pub fn machine(&self, name: &str) -> Option<&MachinePrice> {
        self.machines.iter().find(|machine| machine.name == name)
    }
}

impl FunctionPrice {
    /// What it is, where it is from and of when: for a note.
    pub fn origin(&self) -> String {
        let remark = self.remark.as_ref().map_or_else(String::new, |remark| format!("; {remark}"));
        let place = self.regions.join(", ");
        format!("{} {} in {place}, {} ({}){remark}", self.platform, self.plan, self.source, self.date)
    }
}
