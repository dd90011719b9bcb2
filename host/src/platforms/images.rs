//! Images by the names that OpenFaaS's clients give.

use async_trait::async_trait;
use gateway::Images;
use image_build::{Builder, Image, ImageKind, Options};
use platform::PlatformError;

use crate::paths::CacheFolders;
use crate::workload;

/// The lab functions' images, built when they are asked for.
#[derive(Debug, Clone)]
pub struct LabImages {
    folders: CacheFolders,
}

impl LabImages {
    /// Those in, or to be built into, this cache.
    pub fn new(folders: CacheFolders) -> LabImages {
        LabImages { folders }
    }
}

#[async_trait]
impl Images for LabImages {
    async fn find(&self, reference: &str, kind: ImageKind, _paths_allowed: bool) -> Result<Image, PlatformError> {
        // Its last part may be the name of a function that it is not.
        if reference.starts_with(['/', '.']) {
            return Err(PlatformError::Invalid(format!(
                "`{reference}` is a path, and an image is named by its function here, as in `function1`; an image at a path is \
                 deployed with `PUT /faasbench/deployments/NAME`"
            )));
        }
        let function = workload::find(function_of(reference))
            .map_err(|error| PlatformError::Invalid(format!("{error}; an image is named by its function here")))?;
        let cache = self.folders.images();
        let building = tokio::task::spawn_blocking(move || {
            Builder::open(cache)?.build_kind(&[function.name], kind, &Options::default())
        });
        let failed = |reason: String| PlatformError::Failed {
            platform: "the image's build".to_owned(),
            doing: format!("building {}", function.name),
            reason,
        };
        let built = building.await.map_err(|error| failed(error.to_string()))?;
        let mut built = built.map_err(|error| failed(error.to_string()))?;
        built.pop().map(|built| built.image).ok_or_else(|| failed("nothing was built".to_owned()))
    }
}

/// The name in `REGISTRY/PATH/NAME:TAG@DIGEST`.
fn function_of(reference: &str) -> &str {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split(['@', ':']).next().unwrap_or(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_is_refused_even_with_a_functions_name_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let images = LabImages::new(CacheFolders::in_folder(folder.path()));
        for path in ["/tmp/mine/function1", "./function1", "../function1"] {
            let error = images.find(path, ImageKind::Component, true).await.unwrap_err().to_string();
            assert!(error.contains(path) && error.contains("named by its function"), "{error}");
        }
    }

    #[test]
    fn a_function_is_found_in_any_reference() {
        for reference in ["function1", "faasbench/function1:0123", "127.0.0.1:5000/a/function1@sha256:00"] {
            assert_eq!(function_of(reference), "function1");
        }
    }
}
