//! How functions call each other: at their sites' addresses, with a key that all sites of a target have.
//!
//! The key is among each site's own keys, where it allows calls of that site's functions and nothing else, and in each site's
//! settings, so that the site's function can call the others. Azure keeps both. The first deployment of a target makes it; later
//! ones read it from the settings of a site that is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::time::{Duration, Instant};

use platform::{DeploymentSpec, PlannedRequest, PlatformError};
use remote_platform::{ApiRequest, Callee, Carried, Method, instance_environment};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::arm::{failed, path};
use crate::deploy::{LISTING, unreadable};
use crate::names::Names;
use crate::platform::Azure;
use crate::{AuthLevel, package};

/// The key's name among those of a site.
const KEY: &str = "faasbench-calls";
/// The setting that has it.
const SETTING: &str = "FAASBENCH_CALLER_KEY";
/// The setting that says where a site's function calls others.
const ADDRESS: &str = "FAASBENCH_CALLER_URL";
/// Where a site's package is.
const ROOT: &str = "/home/site/wwwroot/";
/// How long a new site's host may take until it takes keys.
const HOST: Duration = Duration::from_secs(180);
/// What is answered until then; ARM passes a host's failure on as 400.
const NOT_YET: [u16; 6] = [400, 404, 409, 502, 503, 504];
/// Between two attempts; the pause doubles up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

impl Azure {
    /// Whether the functions of a deployment can call others: its archive has the program for it.
    ///
    /// # Errors
    /// When that can't be read.
    pub(crate) fn is_carried(&self, spec: &DeploymentSpec) -> Result<bool, PlatformError> {
        if !self.options.nested_calls {
            return Ok(false);
        }
        let path = &spec.image.path;
        let archive = File::open(path).map_err(|error| unreadable(path, &error))?;
        package::has_caller(archive).map_err(|error| unreadable(path, &error))
    }

    /// Whether calls need a key.
    pub(crate) fn asks_for_key(&self) -> bool {
        self.options.auth_level == AuthLevel::Function
    }

    /// The environment of a deployment's instances; with `names` they can call others.
    pub(crate) fn environment(
        &self,
        spec: &DeploymentSpec,
        names: Option<&Names>,
        key: Option<&str>,
    ) -> BTreeMap<String, String> {
        let Some(names) = names else { return instance_environment(&self.connection, spec, None) };
        let url = self.address_of_calls(names);
        let carried = Carried::new(ROOT, Callee::Azure { url: &url, key });
        let mut environment = instance_environment(&self.connection, spec, Some(&carried.invoke));
        environment.extend(carried.environment);
        environment
    }

    /// Where functions of the target call each other; another target has another address.
    fn address_of_calls(&self, names: &Names) -> String {
        format!("https://{}-{{name}}.{}/api/{{name}}", names.prefix, self.options.site_suffix)
    }

    /// Refuses a site that is not where others call it. It has been made by then, which is no mistake in what was asked.
    pub(crate) fn check_host(&self, names: &Names, site: &Value) -> Result<(), PlatformError> {
        let expected = format!("{}.{}", names.site, self.options.site_suffix);
        match site["properties"]["defaultHostName"].as_str() {
            Some(host) if !host.eq_ignore_ascii_case(&expected) => Err(failed(
                &format!("making the site {}", names.site),
                &format!(
                    "Azure gave it the host name {host}, and other functions would call it at {expected}; set \
                     `nested-calls = false`, or `site-suffix` where that is another one, and deploy again"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The key of nested calls; `None` where calls need none.
    pub(crate) async fn calls_key(&self, names: &Names) -> Result<Option<String>, PlatformError> {
        if !self.asks_for_key() {
            return Ok(None);
        }
        let mut known = self.calls_key.lock().await;
        if known.is_none() {
            let key = match self.key_of_another(names).await? {
                Some(key) => key,
                // Twice 122 bits of the system's own randomness.
                None => format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            };
            self.arm.hide(&key);
            *known = Some(key);
        }
        Ok(known.clone())
    }

    /// The key that the first site of the target has, by the names of those that have one. Never rather this site's own: two
    /// that were made at once with two keys would each keep theirs.
    async fn key_of_another(&self, names: &Names) -> Result<Option<String>, PlatformError> {
        let begin = format!("{}-", names.prefix);
        let mut sites: Vec<(String, String)> = Vec::new();
        self.each(LISTING, &self.marked_path("resources"), &mut |thing| {
            let text = |key: &str| thing[key].as_str().unwrap_or_default().to_owned();
            if text("type").eq_ignore_ascii_case("Microsoft.Web/sites") && text("name").starts_with(&begin) {
                sites.push((text("name"), text("id")));
            }
        })
        .await?;
        sites.sort();
        let address = self.address_of_calls(names);
        for (name, id) in sites.iter().filter(|(_, id)| id.starts_with("/subscriptions/")) {
            let response = self.arm.ask(&self.settings_request(name, id), &[404]).await?;
            if !response.status.is_success() {
                continue;
            }
            let settings: Value = response.json()?;
            // What another target's prefix is may begin with this one's.
            if settings["properties"][ADDRESS] != address.as_str() {
                continue;
            }
            if let Some(key) = settings["properties"][SETTING].as_str().filter(|key| !key.is_empty()) {
                return Ok(Some(key.to_owned()));
            }
        }
        Ok(None)
    }

    fn settings_request(&self, name: &str, id: &str) -> ApiRequest {
        let path = path(&format!("{id}/config/appsettings/list"), &self.options.api_versions.web);
        let mut request = ApiRequest::new(format!("reading the settings of {name}"), Method::POST, path);
        request.repeatable = true;
        request
    }

    /// The request that gives a site the key.
    pub(crate) fn key_request(&self, names: &Names, key: &str) -> ApiRequest {
        let path =
            path(&format!("{}/host/default/functionKeys/{KEY}", names.site_id()), &self.options.api_versions.web);
        let doing = format!("giving the site {} the key of nested calls", names.site);
        ApiRequest::new(doing, Method::PUT, path).json(json!({ "properties": { "name": KEY, "value": key } }))
    }

    /// Gives a site the key, as soon as its host takes it.
    pub(crate) async fn put_key(&self, names: &Names, key: &str) -> Result<(), PlatformError> {
        let request = self.key_request(names, key);
        let begin = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let response = self.arm.ask(&request, &NOT_YET).await?;
            if response.status.is_success() {
                return Ok(());
            }
            if begin.elapsed() >= HOST.min(self.arm.patience) {
                return Err(response.refusal());
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// How the key is looked for.
    pub(crate) fn planned_look_for_key(&self) -> Vec<PlannedRequest> {
        if !self.asks_for_key() {
            return Vec::new();
        }
        let base = self.arm.api.base();
        let list = ApiRequest::new(LISTING, Method::GET, self.marked_path("resources"));
        let settings = self.settings_request("<site>", "/subscriptions/<site>");
        let condition = Some("for sites of the target, until one has the key of nested calls");
        vec![list.planned(base, None), settings.planned(base, condition)]
    }
}
