//! Zips and folders, read with other libraries and programs.

use std::fs::{self, File};
use std::io::Read;
use std::process::Command;

use image_build::{Image, ImageKind, PLATFORM_IMAGES, function_names};
use sha2::{Digest, Sha256};

use crate::shared::{has, image};

/// Name, mode and content of each entry.
fn entries(image: &Image) -> Vec<(String, u32, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(File::open(&image.path).unwrap()).unwrap();
    (0..archive.len())
        .map(|number| {
            let mut entry = archive.by_index(number).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), entry.unix_mode().unwrap() & 0o7777, content)
        })
        .collect()
}

#[test]
fn each_archive_has_the_binary_under_the_name_that_its_platform_runs() {
    let binary = fs::read(image("function1", ImageKind::Binary).path).unwrap();
    for (kind, name) in [
        (ImageKind::LambdaZip, "bootstrap"),
        (ImageKind::OpenWhiskZip, "exec"),
        (ImageKind::GestaltZip, "function1"),
        (ImageKind::AzureZip, "handler"),
    ] {
        let image = image("function1", kind);
        let content = fs::read(&image.path).unwrap();
        assert_eq!(image.digest, format!("sha256:{}", hex::encode(Sha256::digest(&content))));
        assert_eq!(image.bytes, content.len() as u64);
        let entries = entries(&image);
        let mut executables: Vec<_> = entries.iter().filter(|(_, mode, _)| mode & 0o111 != 0).collect();
        if kind.has_caller() {
            // What carries nested calls there.
            let (caller, mode, _) = executables.pop().unwrap();
            assert_eq!((caller.as_str(), *mode), ("faasbench-caller", 0o755));
        }
        let [(found, mode, content)] = executables.as_slice() else { panic!("{kind}") };
        assert_eq!((found.as_str(), *mode), (name, 0o755));
        assert!(*content == binary, "{kind}");
        let others = match kind {
            ImageKind::AzureZip => 3,
            ImageKind::LambdaZip => 1,
            _ => 0,
        };
        assert_eq!(entries.len(), 1 + others);
    }
}

#[test]
fn azures_files_name_the_handler_and_the_route() {
    let entries = entries(&image("function1", ImageKind::AzureZip));
    let json = |name: &str| -> serde_json::Value {
        let (_, mode, content) = entries.iter().find(|(entry, ..)| entry == name).unwrap();
        assert_eq!(*mode, 0o644);
        serde_json::from_slice(content).unwrap()
    };
    let host = json("host.json");
    assert_eq!(host["customHandler"]["description"]["defaultExecutablePath"], "handler");
    assert_eq!(host["customHandler"]["enableForwardingHttpRequest"], true);
    let function = json("function1/function.json");
    assert_eq!(function["bindings"][0]["route"], "function1");
    assert_eq!(function["bindings"][0]["type"], "httpTrigger");
}

#[test]
fn unzip_sees_unix_modes() {
    if !has("unzip") {
        return;
    }
    for (kind, name) in [(ImageKind::LambdaZip, "bootstrap"), (ImageKind::OpenWhiskZip, "exec")] {
        let image = image("function1", kind);
        let output = Command::new("unzip").arg("-Z").arg(&image.path).output().unwrap();
        let listed = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = listed.lines().find(|line| line.ends_with(name)).unwrap();
        assert!(line.starts_with("-rwxr-xr-x"), "{line}");
        let folder = tempfile::tempdir().unwrap();
        let unpacked = Command::new("unzip").arg("-q").arg(&image.path).arg("-d").arg(folder.path()).status().unwrap();
        assert!(unpacked.success());
        assert_eq!(fs::read(folder.path().join(name)).unwrap().len() as u64, image.code_bytes);
    }
}

#[test]
fn a_component_is_as_it_was_compiled_in() {
    for function in function_names() {
        let image = image(function, ImageKind::Component);
        assert!(fs::read(&image.path).unwrap() == artifacts::component(function).unwrap());
        assert_eq!((image.digest, image.architecture.as_str()), (image.code_digest, "wasm32"));
    }
}

#[test]
fn a_spin_application_has_its_component_beside_its_manifest() {
    let image = image("function1", ImageKind::SpinApplication);
    let manifest = fs::read_to_string(image.path.join("spin.toml")).unwrap();
    let component = fs::read(image.path.join("function1.wasm")).unwrap();
    assert!(manifest.contains("source = \"function1.wasm\""), "{manifest}");
    assert_eq!(image.code_digest, format!("sha256:{}", hex::encode(Sha256::digest(&component))));
    assert_eq!(image.bytes, manifest.len() as u64 + component.len() as u64);
}

#[test]
fn the_binary_inside_is_the_same_on_all_platforms() {
    let binary = image("function1", ImageKind::Binary);
    for row in PLATFORM_IMAGES.iter().filter(|row| !row.kinds[0].is_wasm()) {
        for kind in row.kinds {
            assert_eq!(image("function1", *kind).code_digest, binary.digest, "{} {kind}", row.platform);
        }
    }
    assert!(binary.code_bytes < 2_500_000, "{} bytes", binary.code_bytes);
}
