//! All that is written down of one deployment, over all its pools.

use std::sync::Arc;
use std::time::Duration;

use platform::LogStream;

use crate::accounts::Accounts;
use crate::history::{History, InstanceChange};
use crate::journal::Journal;

/// All that is written down of one deployment.
pub(crate) struct Book {
    pub(crate) accounts: Accounts,
    pub(crate) journal: Journal,
    pub(crate) history: History,
}

impl Book {
    pub(crate) fn new() -> Book {
        Book { accounts: Accounts::new(), journal: Journal::default(), history: History::default() }
    }

    pub(crate) fn remark(&self, instance: &str, text: &str) {
        self.journal.write(instance, LogStream::Platform, text);
    }

    pub(crate) fn started(&self, instance: &Arc<str>) {
        self.accounts.instance_started();
        self.history.write(instance, InstanceChange::Started);
    }

    pub(crate) fn ended(&self, instance: &Arc<str>, age: Duration) {
        self.accounts.instance_ended(age);
        self.history.write(instance, InstanceChange::Ended);
    }
}
