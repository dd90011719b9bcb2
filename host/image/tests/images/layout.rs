//! OCI layouts, read with the specification's own types and with skopeo.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use flate2::read::GzDecoder;
use image_build::{Image, ImageKind};
use oci_spec::image::{Arch, ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout, Os};
use sha2::{Digest, Sha256};

use crate::shared::{files_of, has, image};

fn blob(image: &Image, digest: &str) -> Vec<u8> {
    let content = fs::read(image.path.join("blobs").join(digest.replace(':', "/"))).unwrap();
    assert_eq!(format!("sha256:{}", hex::encode(Sha256::digest(&content))), digest);
    content
}

fn manifest(image: &Image) -> ImageManifest {
    ImageManifest::from_reader(blob(image, &image.digest).as_slice()).unwrap()
}

#[test]
fn it_is_a_layout_of_one_image_that_starts_the_binary() {
    let image = image("function1", ImageKind::Oci);
    OciLayout::from_file(image.path.join("oci-layout")).unwrap();
    let index = ImageIndex::from_file(image.path.join("index.json")).unwrap();
    let [descriptor] = index.manifests().as_slice() else { panic!("{index:?}") };
    assert_eq!(descriptor.digest().to_string(), image.digest);
    assert_eq!(descriptor.platform().as_ref().unwrap().architecture(), &Arch::Amd64);

    let manifest = manifest(&image);
    assert_eq!(manifest.layers().len(), 1);
    assert_eq!(manifest.layers()[0].media_type(), &MediaType::ImageLayerGzip);
    let configuration = blob(&image, manifest.config().digest().as_ref());
    let configuration = ImageConfiguration::from_reader(configuration.as_slice()).unwrap();
    assert_eq!((configuration.os(), configuration.architecture()), (&Os::Linux, &Arch::Amd64));
    let run = configuration.config().as_ref().unwrap();
    assert_eq!(run.entrypoint().as_deref(), Some(["/fn".to_owned()].as_slice()));
    assert_eq!(run.exposed_ports().as_deref(), Some(["8080/tcp".to_owned()].as_slice()));
    assert!(run.cmd().is_none() && run.volumes().is_none());
    assert_eq!(run.labels().as_ref().unwrap()["faasbench.code"], image.code_digest);

    let layer = blob(&image, manifest.layers()[0].digest().as_ref());
    let mut tar = Vec::new();
    GzDecoder::new(layer.as_slice()).read_to_end(&mut tar).unwrap();
    let uncompressed = format!("sha256:{}", hex::encode(Sha256::digest(&tar)));
    assert_eq!(configuration.rootfs().diff_ids(), &[uncompressed]);
}

/// What is in a layer, by its path: kind, mode, link, and content of the files. None has a time or an owner.
fn entries(layer: &[u8]) -> BTreeMap<String, (tar::EntryType, u32, Option<String>, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(layer));
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        let path = entry.path().unwrap().display().to_string();
        let link = entry.link_name().unwrap().map(|link| link.display().to_string());
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.insert(path, (header.entry_type(), header.mode().unwrap(), link, content));
    }
    found
}

#[test]
fn the_layer_has_the_binary_a_link_to_it_and_a_folder_for_scratch_files() {
    let image = image("function1", ImageKind::Oci);
    let layer = blob(&image, manifest(&image).layers()[0].digest().as_ref());
    let mut found = entries(&layer);
    let binary = std::mem::take(&mut found.get_mut("fn").unwrap().3);
    assert_eq!(format!("sha256:{}", hex::encode(Sha256::digest(&binary))), image.code_digest);
    assert_eq!(binary.len() as u64, image.code_bytes);
    let entry = |kind, mode, link: Option<&str>| (kind, mode, link.map(str::to_owned), Vec::new());
    let expected = BTreeMap::from([
        ("fn".to_owned(), entry(tar::EntryType::Regular, 0o755, None)),
        ("bin/".to_owned(), entry(tar::EntryType::Directory, 0o755, None)),
        ("bin/cat".to_owned(), entry(tar::EntryType::Link, 0o755, Some("fn"))),
        ("tmp/".to_owned(), entry(tar::EntryType::Directory, 0o1777, None)),
    ]);
    assert!(found == expected, "{:?}", found.keys());
}

#[test]
fn only_the_image_for_google_cloud_has_the_program_that_carries_nested_calls_in_a_layer_of_its_own() {
    let (plain, with_caller) = (image("function1", ImageKind::Oci), image("function1", ImageKind::OciWithCaller));
    let (plain, layers) = (manifest(&plain).layers().clone(), manifest(&with_caller).layers().clone());
    // The other layer is the same as elsewhere.
    assert_eq!((plain.len(), layers.len(), &plain[0]), (1, 2, &layers[0]));
    let layer = blob(&with_caller, layers[1].digest().as_ref());
    let found = entries(&layer);
    let [(name, (kind, mode, None, program))] = found.iter().collect::<Vec<_>>()[..] else {
        panic!("{:?}", found.keys())
    };
    assert_eq!((name.as_str(), *kind, *mode), ("faasbench-caller", tar::EntryType::Regular, 0o755));
    assert!(program.starts_with(b"\x7fELF"));
    let configuration = blob(&with_caller, manifest(&with_caller).config().digest().as_ref());
    let configuration = ImageConfiguration::from_reader(configuration.as_slice()).unwrap();
    let mut tar = Vec::new();
    GzDecoder::new(layer.as_slice()).read_to_end(&mut tar).unwrap();
    let uncompressed = format!("sha256:{}", hex::encode(Sha256::digest(&tar)));
    assert_eq!((configuration.rootfs().diff_ids().len(), &configuration.rootfs().diff_ids()[1]), (2, &uncompressed));
    let other = blob(&image("function2", ImageKind::OciWithCaller), layers[1].digest().as_ref());
    assert!(other == layer, "it is the same for all functions");
}

#[test]
fn the_archive_is_the_folder() {
    let image = image("function1", ImageKind::Oci);
    let unpacked = tempfile::tempdir().unwrap();
    tar::Archive::new(fs::File::open(image.archive().unwrap()).unwrap()).unpack(unpacked.path()).unwrap();
    assert!(files_of(unpacked.path()) == files_of(&image.path));
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(image.path.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest[0]["RepoTags"][0].as_str(), image.reference().as_deref());
    for path in [&manifest[0]["Config"], &manifest[0]["Layers"][0]] {
        assert!(image.path.join(path.as_str().unwrap()).is_file(), "{path}");
    }
}

#[test]
fn only_the_image_for_nuclio_checks_its_own_health() {
    let health = |kind| {
        let image = image("function1", kind);
        let configuration = blob(&image, manifest(&image).config().digest().as_ref());
        let configuration: serde_json::Value = serde_json::from_slice(&configuration).unwrap();
        configuration["config"]["Healthcheck"]["Test"].clone()
    };
    assert!(health(ImageKind::Oci).is_null());
    let expected = serde_json::json!(["CMD", "/fn", "--hc", "127.0.0.1:8082/ready"]);
    assert_eq!(health(ImageKind::OciWithHealthCheck), expected);
}

#[test]
fn skopeo_reads_the_folder_and_the_archive() {
    if !has("skopeo") {
        return;
    }
    let image = image("function1", ImageKind::OciWithCaller);
    let copies = tempfile::tempdir().unwrap();
    let skopeo = |arguments: &[&str]| {
        let output = Command::new("skopeo").args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let folder = format!("oci:{}", image.path.display());
    let archive = image.archive().unwrap();
    for (source, name) in [
        (folder.clone(), "of-folder"),
        (format!("oci-archive:{}", archive.display()), "of-archive"),
        (format!("docker-archive:{}", archive.display()), "of-docker-archive"),
    ] {
        let inspected: serde_json::Value = serde_json::from_slice(&skopeo(&["inspect", "--config", &source])).unwrap();
        assert_eq!(inspected["config"]["Entrypoint"][0], "/fn", "{source}");
        let copy = copies.path().join(name);
        skopeo(&["copy", "--quiet", &source, &format!("dir:{}", copy.display())]);
        assert!(copy.join("manifest.json").is_file());
    }
    let copied = fs::read(copies.path().join("of-folder/manifest.json")).unwrap();
    assert_eq!(format!("sha256:{}", hex::encode(Sha256::digest(copied))), image.digest);
    assert!(Path::new(&image.path).ends_with("function1"));
}
