//! What the things of a deployment are called.

use platform::{DeploymentId, DeploymentSpec, PlatformError};

use sha2::{Digest, Sha256};

use crate::Options;

/// The blob container of a Flex site's packages.
pub(crate) const PACKAGES: &str = "packages";

/// The names of one deployment's things. Those that are unique in the whole of Azure hold the deployment's id, or the prefix
/// that the user gave.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) group: String,
    /// Whether the group is made for the deployment.
    pub(crate) owns_group: bool,
    pub(crate) storage: String,
    /// Of the plan, of Application Insights and of its workspace.
    pub(crate) common: String,
    pub(crate) site: String,
    /// What the names of sites begin with that can call each other.
    pub(crate) prefix: String,
    subscription: String,
}

/// Where a target is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) region: &'a str,
    pub(crate) target: &'a str,
}

impl Place<'_> {
    /// What its sites' names begin with where they are to be known before they are made: always the same, and hardly that of
    /// another target in the whole of Azure.
    pub(crate) fn prefix(&self) -> String {
        let parts = [&self.subscription.to_ascii_lowercase(), self.region, self.target];
        format!("faasbench-{}", &hex::encode(Sha256::digest(parts.join("\0")))[..8])
    }
}

impl Names {
    /// The names, each as Azure takes it.
    pub(crate) fn new(place: Place<'_>, spec: &DeploymentSpec, options: &Options) -> Result<Names, PlatformError> {
        let id = spec.id.as_str();
        let common = format!("faasbench-{id}");
        let prefix = match &options.site_prefix {
            Some(prefix) => prefix.clone(),
            None if options.nested_calls => place.prefix(),
            None => common.clone(),
        };
        let names = Names {
            group: options.resource_group.clone().unwrap_or_else(|| common.clone()),
            owns_group: options.resource_group.is_none(),
            storage: format!("fb{id}"),
            site: format!("{prefix}-{}", spec.name),
            prefix,
            common,
            subscription: place.subscription.to_owned(),
        };
        names.check(&spec.id)?;
        Ok(names)
    }

    /// The rules of Azure (learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules).
    fn check(&self, id: &DeploymentId) -> Result<(), PlatformError> {
        let is = |text: &str, range: std::ops::RangeInclusive<usize>, plain: fn(u8) -> bool| {
            range.contains(&text.len()) && text.bytes().all(plain)
        };
        let invalid = |what: &str, name: &str, rule: &str| {
            Err(PlatformError::Invalid(format!("`{name}` can't be {what}: give {rule}")))
        };
        if !is(&self.storage, 3..=24, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
            return invalid("a storage account's name", &self.storage, "3 to 24 lower-case letters or digits");
        }
        let with_dashes = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !is(&self.site, 2..=60, with_dashes) || self.site.starts_with('-') || self.site.ends_with('-') {
            let rule = "2 to 60 letters, digits or `-`, not at its ends; choose a shorter --name or `site-prefix`";
            return invalid("a site's name", &self.site, rule);
        }
        if !is(&self.common, 4..=40, with_dashes) {
            return invalid("a deployment's id", id.as_str(), "letters, digits or `-`");
        }
        let group = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'(' | b')');
        if !is(&self.group, 1..=90, group) || self.group.ends_with('.') || self.group.starts_with('.') {
            let rule = "1 to 90 letters, digits, `-`, `_`, `(`, `)` or `.`, without a `.` at its ends";
            return invalid("a resource group's name", &self.group, rule);
        }
        Ok(())
    }

    /// The group's id.
    pub(crate) fn group_id(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }

    fn id(&self, kind: &str, name: &str) -> String {
        format!("{}/providers/{kind}/{name}", self.group_id())
    }

    pub(crate) fn storage_id(&self) -> String {
        self.id("Microsoft.Storage/storageAccounts", &self.storage)
    }

    pub(crate) fn container_id(&self) -> String {
        format!("{}/blobServices/default/containers/{PACKAGES}", self.storage_id())
    }

    pub(crate) fn workspace_id(&self) -> String {
        self.id("Microsoft.OperationalInsights/workspaces", &self.common)
    }

    pub(crate) fn insights_id(&self) -> String {
        self.id("Microsoft.Insights/components", &self.common)
    }

    pub(crate) fn plan_id(&self) -> String {
        self.id("Microsoft.Web/serverfarms", &self.common)
    }

    pub(crate) fn site_id(&self) -> String {
        self.id("Microsoft.Web/sites", &self.site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_prefix_of_its_own() {
        let place = Place { subscription: "AB", region: "westeurope", target: "one" };
        let prefix = place.prefix();
        assert!(prefix.len() == 18 && prefix.starts_with("faasbench-"), "{prefix}");
        assert_eq!(Place { subscription: "ab", ..place }.prefix(), prefix);
        assert_ne!(Place { target: "two", ..place }.prefix(), prefix);
        assert_ne!(Place { region: "eastus", ..place }.prefix(), prefix);
    }
}
