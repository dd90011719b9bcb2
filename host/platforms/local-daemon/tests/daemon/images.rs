//! What comes into a daemon, and leaves it.

use std::fs;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptions;
use bollard::{API_DEFAULT_VERSION, Docker};
use local_daemon::LocalDaemon;
use platform::{DeploymentId, PlatformError};
use remote_platform::Registry;

use crate::{engine, layout};

/// Docker's word for this machine.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_loaded_under_our_name_and_leaves_nothing() {
    let Some(engine) = engine::docker() else { return };
    // A platform of its own, so that nobody else's images are seen.
    let daemon = LocalDaemon::new("test", Some(&engine.address)).unwrap();
    assert!(daemon.version().await.unwrap().starts_with("Docker "));
    let (folder, id) = (tempfile::tempdir().unwrap(), DeploymentId::new());
    let image = layout::image(folder.path(), architecture(), &format!("content of {id}"));
    let expected = daemon.reference(&image, &id);
    assert!(expected.tagged.starts_with(&format!("localhost/faasbench-test/function1:{id}-")), "{expected:?}");
    for _ in 0..2 {
        assert_eq!(daemon.push(&image, &id).await.unwrap(), expected);
    }
    let ours = || async {
        let found = daemon.find_marked().await.unwrap();
        found.into_iter().filter(|found| found.deployment == id.as_str()).collect::<Vec<_>>()
    };
    let found = ours().await;
    assert!(found.len() == 1 && found[0].name == expected.tagged, "{found:?}");

    // A second deployment has the same image under a name of its own.
    let other = DeploymentId::new();
    let second = daemon.push(&image, &other).await.unwrap();
    daemon.remove(&expected.tagged).await.unwrap();
    assert!(ours().await.is_empty());

    // An instance that a platform left goes with the last name.
    let path = engine.address.strip_prefix("unix://").unwrap();
    let client = Docker::connect_with_unix(path, 60, API_DEFAULT_VERSION).unwrap().negotiate_version().await.unwrap();
    let body = ContainerCreateBody { image: Some(second.tagged.clone()), ..ContainerCreateBody::default() };
    let container = client.create_container(None::<CreateContainerOptions>, body).await.unwrap().id;
    daemon.remove(&second.tagged).await.unwrap();
    assert!(client.inspect_container(&container, None).await.is_err());
    assert!(client.inspect_image(&second.tagged).await.is_err());
    // Gone already is a success; what is another's is not touched.
    daemon.remove(&second.tagged).await.unwrap();
    let error = daemon.remove("docker.io/library/busybox:1").await.unwrap_err();
    assert!(error.to_string().contains("not a name that faasbench gives"), "{error}");

    let foreign = if architecture() == "amd64" { "arm64" } else { "amd64" };
    let image = layout::image(tempfile::tempdir_in(folder.path()).unwrap().path(), foreign, "x");
    let error = daemon.push(&image, &id).await.unwrap_err();
    assert!(error.is_users(), "{error}");
    let broken = tempfile::tempdir().unwrap();
    let image = layout::image(broken.path(), architecture(), "y");
    for blob in fs::read_dir(broken.path().join("blobs/sha256")).unwrap() {
        fs::write(blob.unwrap().path(), "something else").unwrap();
    }
    let error = daemon.push(&image, &id).await.unwrap_err();
    assert!(error.to_string().contains("does not have its digest"), "{error}");
    assert!(ours().await.is_empty());
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_told_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix://{}/docker.sock", folder.path().display());
    let daemon = LocalDaemon::new("test", Some(&address)).unwrap();
    let error = daemon.version().await.unwrap_err();
    assert!(matches!(error, PlatformError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("DOCKER_HOST"), "{error}");
    for wrong in ["docker.sock", "tcp://host", "ssh://host", "unix://relative"] {
        let error = LocalDaemon::new("test", Some(wrong)).unwrap_err();
        assert!(error.is_users() && error.to_string().contains("unix:///PATH"), "{error}");
    }
}
