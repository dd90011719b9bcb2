//! Publishing a package through the site's own service, Kudu.

use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::PlatformError;
use remote_platform::header::LOCATION;
use remote_platform::{Api, ApiRequest, Method};
use serde_json::Value;

use crate::arm::failed;
use crate::credentials::PLATFORM;
use crate::platform::Azure;
use crate::{Options, Plan};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(300);
/// Between two looks at a publication.
const PAUSE: Duration = Duration::from_secs(2);

/// The states of a publication in Kudu (`DeployStatus`).
const FAILED: u64 = 3;
const SUCCESS: u64 = 4;

/// The request that uploads a package.
pub(crate) fn upload(options: &Options, site: &str, package: Bytes) -> ApiRequest {
    let path = match options.plan {
        Plan::Flex => "/api/publish?RemoteBuild=false&Deployer=faasbench",
        Plan::Consumption => "/api/zipdeploy?isAsync=true",
    };
    let mut request = ApiRequest::new(format!("publishing the package of {site}"), Method::POST, path)
        .bytes(package, "application/zip");
    // The same package twice is the same site.
    request.repeatable = true;
    request
}

impl Azure {
    /// Publishes a package and waits until it is what the site runs.
    pub(crate) async fn publish(&self, site: &str, address: &str, package: Vec<u8>) -> Result<(), PlatformError> {
        let doing = format!("publishing the package of {site}");
        let authorization = self.arm.tokens.authorization(&self.arm.scope).await?;
        let kudu = Api::new(PLATFORM, address, Some(authorization))?.with_patience(UPLOAD);
        let response = kudu.ask(&upload(&self.options, site, package.into()), &[]).await?;
        let place = response.headers.get(LOCATION).and_then(|place| place.to_str().ok());
        let path = match (place, publication(&response.body)) {
            (Some(place), _) => {
                let base = kudu.base().as_str().trim_end_matches('/').to_owned();
                match place.strip_prefix(&base) {
                    Some(path) if path.starts_with('/') => path.to_owned(),
                    _ => return Err(failed(&doing, "its publication is told to be at another address")),
                }
            }
            (None, Some(id)) => format!("/api/deployments/{id}"),
            (None, None) => "/api/deployments/latest".to_owned(),
        };
        let look = ApiRequest::new(doing.clone(), Method::GET, path);
        let begin = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            let authorization = self.arm.tokens.authorization(&self.arm.scope).await?;
            let response = kudu.with_authorization(authorization).ask(&look, &[404]).await?;
            if response.status.is_success() {
                let publication: Value = response.json()?;
                match publication["status"].as_u64() {
                    Some(SUCCESS) => return Ok(()),
                    Some(FAILED) => {
                        let said = publication["status_text"].as_str().filter(|text| !text.is_empty());
                        return Err(failed(
                            &doing,
                            said.unwrap_or("Kudu says only that it failed; look at its log stream"),
                        ));
                    }
                    _ => {}
                }
            }
            self.arm.pause(&doing, pause, begin).await?;
            pause = (pause * 2).min(PAUSE);
        }
    }
}

/// The publication's id in an answer: a text, or a field `id`. Only what can stand in a path.
fn publication(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let id = body.as_str().or_else(|| body["id"].as_str())?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!id.is_empty() && id.bytes().all(plain)).then(|| id.to_owned())
}
