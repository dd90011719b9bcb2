//! The variables that a service's client reads: one list for the client and for all that must hand them on.

use crate::Service;

/// Without any of them only a machine of the cloud itself has credentials.
const S3_CREDENTIALS: [&str; 9] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_SKIP_SIGNATURE",
];
const S3_OTHERS: [&str; 8] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ROLE_SESSION_NAME",
    "AWS_METADATA_ENDPOINT",
    "AWS_UNSIGNED_PAYLOAD",
];
const GOOGLE_CREDENTIALS: [&str; 5] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_SKIP_SIGNATURE",
];
const AZURE_CREDENTIALS: [&str; 9] = [
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_SKIP_SIGNATURE",
];
const AZURE_OTHERS: [&str; 5] =
    ["AZURE_TENANT_ID", "AZURE_AUTHORITY_HOST", "AZURE_MSI_ENDPOINT", "AZURE_MSI_RESOURCE_ID", "AZURE_OBJECT_ID"];

/// Those whose values are paths of files.
const FILES: [&str; 6] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
];
/// Those that are enough, or tell that no more is needed; the others only say something about credentials in a file.
const ENOUGH_WITHOUT_FILE: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_SKIP_SIGNATURE",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_SKIP_SIGNATURE",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AZURE_SKIP_SIGNATURE",
];

impl Service {
    /// The variables that hold credentials, or name a file that does. Their values are secrets: they are never shown.
    pub fn credential_variables(self) -> &'static [&'static str] {
        match self {
            Service::S3 => &S3_CREDENTIALS,
            Service::GoogleCloud => &GOOGLE_CREDENTIALS,
            Service::Azure => &AZURE_CREDENTIALS,
        }
    }

    /// The other variables: region, endpoint, tenant.
    pub fn other_variables(self) -> &'static [&'static str] {
        match self {
            Service::S3 => &S3_OTHERS,
            Service::GoogleCloud => &[],
            Service::Azure => &AZURE_OTHERS,
        }
    }

    /// All its variables that are set, with their values, by how `variables` answers.
    pub fn set_variables(self, variables: &dyn Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
        let all = self.credential_variables().iter().chain(self.other_variables());
        all.filter_map(|name| Some((*name, variables(name).filter(|value| !value.is_empty())?))).collect()
    }

    /// The variable that names a file without which there are no credentials; `None` where others are enough, or where none
    /// are set. For what can't hand a file on.
    pub fn needs_file(self, variables: &dyn Fn(&str) -> Option<String>) -> Option<&'static str> {
        let has = |name: &str| variables(name).is_some_and(|value| !value.is_empty() && value != "false");
        let credentials = self.credential_variables();
        if credentials.iter().any(|name| ENOUGH_WITHOUT_FILE.contains(name) && has(name)) {
            return None;
        }
        credentials.iter().copied().find(|name| names_file(name) && has(name))
    }
}

/// Whether a variable's value is the path of a file with credentials.
pub fn names_file(variable: &str) -> bool {
    FILES.contains(&variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Service; 3] = [Service::S3, Service::GoogleCloud, Service::Azure];

    #[test]
    fn what_is_said_of_a_variable_is_said_of_one_that_is_read() {
        for name in FILES.iter().chain(&ENOUGH_WITHOUT_FILE) {
            assert!(ALL.iter().any(|service| service.credential_variables().contains(name)), "{name}");
        }
    }

    #[test]
    fn a_file_is_needed_where_nothing_else_is_enough() {
        let needs = |service: Service, set: &[(&str, &str)]| {
            service.needs_file(&|name| set.iter().find(|(is, _)| *is == name).map(|(_, value)| (*value).to_owned()))
        };
        let file = ("GOOGLE_APPLICATION_CREDENTIALS", "/key.json");
        assert_eq!(needs(Service::GoogleCloud, &[]), None);
        assert_eq!(needs(Service::GoogleCloud, &[file]), Some(file.0));
        assert_eq!(needs(Service::GoogleCloud, &[file, ("GOOGLE_SKIP_SIGNATURE", "false")]), Some(file.0));
        assert_eq!(needs(Service::GoogleCloud, &[file, ("GOOGLE_SERVICE_ACCOUNT_KEY", "{}")]), None);
        assert_eq!(needs(Service::S3, &[file]), None);
        let token = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
        assert_eq!(needs(Service::S3, &[token, ("AWS_ROLE_ARN", "arn")]), Some(token.0));
        assert_eq!(needs(Service::S3, &[token, ("AWS_ACCESS_KEY_ID", "id")]), None);
    }
}
