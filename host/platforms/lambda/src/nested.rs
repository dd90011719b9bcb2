//! How a function calls another: the service's Invoke, allowed by the role of its instance.

use std::fs::File;
use std::path::Path;

use image_kind::ImageKind;
use platform::{DeploymentSpec, PlatformError};
use rawzip::{RECOMMENDED_BUFFER_SIZE, ZipArchive};
use remote_platform::{CALLER, Callee, Carried, InvokeWay};

use crate::Options;

/// Where an archive is unpacked.
const TASK_ROOT: &str = "/var/task/";

/// Where an image has the program.
const IMAGE_ROOT: &str = "/";

/// How the functions of a deployment call others; `None` where they can't.
///
/// # Errors
/// When its archive can't be read.
pub(crate) fn way(
    spec: &DeploymentSpec,
    options: &Options,
    endpoint: Option<&str>,
) -> Result<Option<Carried>, PlatformError> {
    let prefix = &options.prefix;
    if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.starts_with("http://")) {
        // An emulator, which asks for no signature.
        let url = format!("{}/2015-03-31/functions/{prefix}{{name}}/invocations", endpoint.trim_end_matches('/'));
        return Ok(Some(Carried { invoke: InvokeWay { url, authorization: None }, environment: Vec::new() }));
    }
    let folder = match spec.image.kind {
        ImageKind::LambdaZip if holds_caller(&spec.image.path)? => TASK_ROOT,
        ImageKind::OciWithCaller => IMAGE_ROOT,
        _ => return Ok(None),
    };
    let mut carried = Carried::new(folder, Callee::Lambda { prefix });
    if let Some(endpoint) = endpoint {
        carried.environment.push(("FAASBENCH_LAMBDA_ENDPOINT".to_owned(), endpoint.to_owned()));
    }
    Ok(Some(carried))
}

/// Whether an archive holds the program.
fn holds_caller(archive: &Path) -> Result<bool, PlatformError> {
    let unreadable = |reason: String| {
        PlatformError::Invalid(format!("the archive {} can't be read: {reason}; build it again", archive.display()))
    };
    let file = File::open(archive).map_err(|error| unreadable(error.to_string()))?;
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = ZipArchive::from_file(file, &mut buffer).map_err(|error| unreadable(error.to_string()))?;
    let mut entries = archive.entries(&mut buffer);
    while let Some(entry) = entries.next_entry().map_err(|error| unreadable(error.to_string()))? {
        if entry.file_path().as_ref() == CALLER.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::Write;

    use image_kind::Image;
    use platform::{DeploymentId, Limits, Scale};
    use tempfile::NamedTempFile;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(programs: &[&str]) -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        let mut writer = ZipWriter::new(file.reopen().unwrap());
        for name in programs {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(b"ELF").unwrap();
        }
        writer.finish().unwrap();
        file
    }

    fn spec(archive: &Path) -> DeploymentSpec {
        let digest = format!("sha256:{}", "0".repeat(64));
        DeploymentSpec {
            id: DeploymentId::new(),
            name: "function1".to_owned(),
            function: "function1".to_owned(),
            image: Image {
                function: "function1".to_owned(),
                kind: ImageKind::LambdaZip,
                path: archive.to_owned(),
                digest: digest.clone(),
                code_digest: digest,
                bytes: 3,
                code_bytes: 3,
                architecture: "x86_64".to_owned(),
            },
            scale: Scale::default(),
            limits: Limits::default(),
            environment: Default::default(),
        }
    }

    #[test]
    fn calls_are_carried_by_the_program_in_the_archive() {
        let file = archive(&["bootstrap", "faasbench-caller"]);
        let options = Options { prefix: "lab-".to_owned(), ..Options::default() };
        let way = way(&spec(file.path()), &options, Some("https://lambda.test")).unwrap().unwrap();
        assert_eq!(way.invoke.url, "unix:/tmp/faasbench-caller.sock:/lab-{name}");
        let expected = [
            ("FAASBENCH_INVOKE_HELPER", "/var/task/faasbench-caller"),
            ("FAASBENCH_CALLER", "lambda"),
            ("FAASBENCH_LAMBDA_ENDPOINT", "https://lambda.test"),
        ];
        assert_eq!(way.environment, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn an_image_has_the_program_at_its_root() {
        let mut spec = spec(Path::new("/nowhere"));
        spec.image.kind = ImageKind::OciWithCaller;
        let way = way(&spec, &Options::default(), None).unwrap().unwrap();
        assert!(way.environment.contains(&("FAASBENCH_INVOKE_HELPER".to_owned(), "/faasbench-caller".to_owned())));
        spec.image.kind = ImageKind::Oci;
        assert!(super::way(&spec, &Options::default(), None).unwrap().is_none());
    }

    #[test]
    fn without_it_there_are_none_but_to_an_emulator_without_tls() {
        let file = archive(&["bootstrap"]);
        let (spec, options) = (spec(file.path()), Options::default());
        assert!(way(&spec, &options, None).unwrap().is_none());
        let plain = way(&spec, &options, Some("http://127.0.0.1:5000")).unwrap().unwrap();
        assert!(plain.invoke.url.starts_with("http://127.0.0.1:5000/2015-03-31/functions/"));
        assert!(plain.environment.is_empty());
    }
}
