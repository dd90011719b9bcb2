//! What the emulator keeps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The number of the account.
pub(crate) const ACCOUNT: &str = "123456789012";

/// A refusal: the status, the code and the message.
pub(crate) type Refusal = (u16, &'static str, String);

/// A failure that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// A part of the request's line.
    pub(crate) line: &'static str,
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
    pub(crate) times: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Function {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) configuration: Value,
    /// Looks until a change is done; what it is then is in `next`.
    pub(crate) changing: u32,
    pub(crate) is_new: bool,
    pub(crate) next: Option<Value>,
    /// The instance that serves, counted: a change makes another.
    pub(crate) generation: u64,
    pub(crate) served: u64,
    pub(crate) versions: BTreeMap<u64, Value>,
    pub(crate) last_version: u64,
    pub(crate) alias: Option<u64>,
    pub(crate) provisioned: Option<(i64, u32)>,
    pub(crate) reserved: Option<i64>,
    pub(crate) url: Option<String>,
    pub(crate) permissions: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Role {
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) path: String,
    pub(crate) policy: Option<String>,
    /// How often Lambda does not know it yet.
    pub(crate) unknown: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) retention: Option<i64>,
    pub(crate) events: Vec<(u64, String, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) functions: BTreeMap<String, Function>,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) calls: Vec<String>,
    pub(crate) faults: Vec<Fault>,
    ids: u64,
}

impl State {
    pub(crate) fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("00000000-0000-4000-8000-{:012}", self.ids)
    }

    /// The failure that this request is to have.
    pub(crate) fn fault(&mut self, line: &str) -> Option<Fault> {
        let fault = self.faults.iter_mut().find(|fault| fault.times > 0 && line.contains(fault.line))?;
        fault.times -= 1;
        Some(fault.clone())
    }
}

impl Function {
    /// One look: a change comes nearer to its end.
    pub(crate) fn look(&mut self) {
        if self.changing > 0 {
            self.changing -= 1;
            if self.changing == 0 {
                self.is_new = false;
                if let Some(next) = self.next.take() {
                    self.configuration = next;
                    self.generation += 1;
                    self.served = 0;
                }
            }
        }
    }
}
