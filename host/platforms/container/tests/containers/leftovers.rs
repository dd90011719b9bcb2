//! Removing what is left, and nothing that is not ours.

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions, RemoveImageOptions, TagImageOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use container_platform::Connection;
use local_platform::Driver;
use platform::{PlatformError, Resource};
use serde_json::json;

use crate::engines::{Engine, on_both};
use crate::scene::{Scene, driver};

on_both!(
    another_process_finds_and_removes_what_is_left_and_may_do_so_twice,
    what_is_not_ours_is_never_touched,
    a_name_that_another_has_is_told,
    an_update_leaves_no_former_image,
);

pub(crate) async fn api(engine: &Engine) -> Docker {
    let path = engine.address.trim_start_matches("unix://");
    Docker::connect_with_unix(path, 60, API_DEFAULT_VERSION).unwrap().negotiate_version().await.unwrap()
}

async fn another_process_finds_and_removes_what_is_left_and_may_do_so_twice(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    // As a process that is killed leaves them: nothing is dropped.
    std::mem::forget((scene.start().await, scene.start().await));
    let other = driver(engine, Connection::Detect);
    let found = other.find_marked().await.unwrap();
    let kinds: Vec<_> = found
        .iter()
        .filter(|found| found.deployment == scene.spec.id.as_str())
        .map(|found| found.kind.as_str())
        .collect();
    assert_eq!(kinds, ["container", "container", "image"]);
    let entries = scene.ledger.entries();
    for _ in 0..2 {
        for entry in entries.iter().rev() {
            other.remove(&entry.resource).await.unwrap();
        }
    }
    scene.end().await;
}

async fn what_is_not_ours_is_never_touched(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let api = api(engine).await;
    let entries = scene.ledger.entries();
    let image = &entries[0].resource;
    // Its name is one of ours, but nobody of us made it.
    let name = format!("faasbench-{}-foreign", scene.spec.id);
    let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
    let body = ContainerCreateBody { image: Some(image.name.clone()), ..Default::default() };
    api.create_container(Some(options), body).await.unwrap();
    let resource = |kind: &str, name: &str| Resource {
        kind: kind.to_owned(),
        name: name.to_owned(),
        details: json!({}),
        ..image.clone()
    };
    scene.driver.remove(&resource("container", &name)).await.unwrap();
    assert!(api.inspect_container(&name, None).await.is_ok(), "it was removed");
    // Names that we never give.
    let foreign = format!("localhost/other:{}-x", scene.spec.id);
    let options = TagImageOptions { repo: Some("localhost/other".into()), tag: Some(format!("{}-x", scene.spec.id)) };
    api.tag_image(&image.name, Some(options)).await.unwrap();
    for resource in [resource("image", &foreign), resource("container", "database"), resource("volume", &name)] {
        let error = scene.driver.remove(&resource).await.unwrap_err();
        assert!(matches!(error, PlatformError::Invalid(_)), "{error}");
    }
    assert!(api.inspect_image(&foreign).await.is_ok(), "it was removed");
    let options = RemoveContainerOptions { force: true, ..Default::default() };
    api.remove_container(&name, Some(options)).await.unwrap();
    api.remove_image(&foreign, Some(RemoveImageOptions::default()), None).await.unwrap();
    scene.end().await;
}

async fn a_name_that_another_has_is_told(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let api = api(engine).await;
    let request = scene.request();
    let name = format!("faasbench-{}-{}", scene.spec.id, request.id);
    let options = CreateContainerOptions { name: Some(name.clone()), ..Default::default() };
    let image = Some(scene.ledger.entries()[0].resource.name.clone());
    api.create_container(Some(options), ContainerCreateBody { image, ..Default::default() }).await.unwrap();
    let error = scene.prepared.start(request).await.err().unwrap();
    assert!(matches!(&error, PlatformError::NameTaken { name: taken, .. } if *taken == name), "{error}");
    assert!(api.inspect_container(&name, None).await.is_ok(), "it was removed");
    api.remove_container(&name, Some(RemoveContainerOptions::default())).await.unwrap();
    scene.end().await;
}

async fn an_update_leaves_no_former_image(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "hostile", |_| {}).await else { return };
    let instance = scene.start().await;
    // The next image, made while an instance of the former one runs.
    let next = scene.another("function1").await;
    let second = next.start(scene.request()).await.unwrap();
    instance.stop().await;
    second.stop().await;
    scene.end().await;
}
