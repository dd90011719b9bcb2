//! The ledger of deployments and of what exists because of them.

use std::collections::BTreeMap;

use image_build::{Image, ImageKind};
use platform::{Deployment, DeploymentId, DeploymentSpec, Ledger, Limits, Resource, ResourceState, Scale};
use serde_json::json;

use super::super::database::Connection;
use super::super::*;
use super::fixture::{Place, new_run};

on_both!(
    what_is_intended_is_there_for_another_process,
    one_name_is_one_deployment_whoever_comes_first,
    nothing_of_several_writers_is_lost,
    a_deployment_goes_through_its_states,
    values_of_environment_variables_are_not_kept,
    what_another_machine_has_is_out_of_reach,
    a_deleted_runs_deployments_stay,
    resources_come_along_with_an_import,
    every_commit_is_on_the_disk,
);

fn spec(name: &str) -> DeploymentSpec {
    DeploymentSpec {
        id: DeploymentId::new(),
        function: "function1".into(),
        name: name.into(),
        image: Image {
            function: "function1".into(),
            kind: ImageKind::Binary,
            path: "/cache/function1".into(),
            digest: "sha256:00".into(),
            code_digest: "sha256:00".into(),
            bytes: 7,
            code_bytes: 7,
            architecture: "x86_64".into(),
        },
        scale: Scale::default(),
        limits: Limits { cpus: Some(0.5), ..Limits::default() },
        environment: BTreeMap::from([("MODE".into(), "hunter2".into())]),
    }
}

fn new(spec: &DeploymentSpec) -> NewDeployment<'_> {
    NewDeployment { run: None, spec, platform: "process", target: "process", is_local: true }
}

fn resource(deployment: &DeploymentId, name: &str) -> Resource {
    Resource {
        deployment: deployment.clone(),
        platform: "process".into(),
        target: "process".into(),
        kind: "server".into(),
        name: name.into(),
        details: json!({ "port": 1 }),
    }
}

async fn what_is_intended_is_there_for_another_process(place: Place) {
    let (ours, theirs) = (place.open().await.ledger(), place.open().await.ledger());
    let spec = spec("f");
    assert!(matches!(ours.intend_deployment(new(&spec)).await.unwrap(), Claim::New));
    let first = ours.intend(&resource(&spec.id, "first")).await.unwrap();
    let second = ours.intend(&resource(&spec.id, "second")).await.unwrap();
    assert!(first < second);
    ours.created(first, &json!({ "port": 2 })).await.unwrap();
    let seen = theirs.resources(&spec.id).await.unwrap();
    let states: Vec<_> = seen.iter().map(|entry| (entry.resource.name.as_str(), entry.state)).collect();
    assert_eq!(states, [("first", ResourceState::Created), ("second", ResourceState::Intended)]);
    assert_eq!(seen[0].resource.details, json!({ "port": 2 }));
    theirs.removed(second).await.unwrap();
    assert_eq!(ours.resources(&spec.id).await.unwrap().len(), 1);
    assert_eq!(ours.left().await.unwrap().len(), 1);
    let unknown = platform::ResourceId(99);
    assert!(ours.removed(unknown).await.unwrap_err().to_string().contains("99"));
}

async fn one_name_is_one_deployment_whoever_comes_first(place: Place) {
    place.open().await.close().await;
    let claims: Vec<_> = (0..6)
        .map(|_| {
            let (location, options) = (place.location.clone(), place.options());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let ledger = Store::open_with(&location, options).await.unwrap().ledger();
                    let spec = spec("same");
                    match ledger.intend_deployment(new(&spec)).await.unwrap() {
                        Claim::New => (true, spec.id),
                        Claim::Update(entry) => (false, entry.id),
                    }
                })
            })
        })
        .collect();
    let claims: Vec<_> = claims.into_iter().map(|claim| claim.join().unwrap()).collect();
    assert_eq!(claims.iter().filter(|(is_new, _)| *is_new).count(), 1);
    assert!(claims.iter().all(|(_, id)| *id == claims[0].1), "{claims:?}");
    assert_eq!(place.open().await.ledger().deployments().await.unwrap().len(), 1);
}

async fn nothing_of_several_writers_is_lost(place: Place) {
    place.open().await.close().await;
    let id = DeploymentId::new();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (location, options, id) = (place.location.clone(), place.options(), id.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let ledger = Store::open_with(&location, options).await.unwrap().ledger();
                    for number in 0..10 {
                        ledger.intend(&resource(&id, &format!("{writer}-{number}"))).await.unwrap();
                    }
                });
            })
        })
        .collect();
    for writer in writers {
        tokio::task::spawn_blocking(|| writer.join()).await.unwrap().unwrap();
    }
    assert_eq!(place.open().await.ledger().resources(&id).await.unwrap().len(), 40);
}

async fn a_deployment_goes_through_its_states(place: Place) {
    let ledger = place.open().await.ledger();
    let mut spec = spec("f");
    ledger.intend_deployment(new(&spec)).await.unwrap();
    ledger.set_status(&spec.id, DeploymentStatus::Failed, Some("it\0exploded")).await.unwrap();
    let entry = ledger.deployments().await.unwrap().remove(0);
    assert_eq!((entry.status, entry.error.as_deref()), (DeploymentStatus::Failed, Some("it exploded")));
    assert_eq!((entry.engine.as_str(), entry.spec.limits.cpus), ("native", Some(0.5)));
    // Trying again goes on with the same one.
    let Claim::Update(again) = ledger.intend_deployment(new(&self::spec("f"))).await.unwrap() else { panic!() };
    assert_eq!(again.id, spec.id);
    spec.image.digest = "sha256:01".into();
    let deployment = Deployment {
        spec: spec.clone(),
        platform: "process".into(),
        target: "process".into(),
        url: Some("http://127.0.0.1:1/function/f".into()),
        details: json!({ "at": 1 }),
    };
    ledger.deployed(&deployment).await.unwrap();
    let entry = ledger.deployments().await.unwrap().remove(0);
    assert_eq!((entry.status, entry.error.as_deref()), (DeploymentStatus::Deployed, None));
    assert_eq!((entry.deployment().url, entry.deployment().details), (deployment.url, deployment.details));
    assert_eq!(entry.spec.image.digest, "sha256:01");
    ledger.set_status(&spec.id, DeploymentStatus::Removed, None).await.unwrap();
    assert_eq!(ledger.deployments().await.unwrap(), []);
    // The name is free again.
    assert!(matches!(ledger.intend_deployment(new(&self::spec("f"))).await.unwrap(), Claim::New));
}

async fn values_of_environment_variables_are_not_kept(place: Place) {
    let ledger = place.open().await.ledger();
    ledger.intend_deployment(new(&spec("f"))).await.unwrap();
    let entry = ledger.deployments().await.unwrap().remove(0);
    assert_eq!(entry.spec.environment.keys().collect::<Vec<_>>(), ["MODE"]);
    assert!(!serde_json::to_string(&entry).unwrap().contains("hunter2"));
}

async fn what_another_machine_has_is_out_of_reach(place: Place) {
    let ledger = place.open().await.ledger();
    let (local, remote) = (spec("f"), spec("g"));
    ledger.intend_deployment(new(&local)).await.unwrap();
    ledger.intend_deployment(NewDeployment { is_local: false, ..new(&remote) }).await.unwrap();
    for (spec, is_here) in [(&local, true), (&remote, false)] {
        ledger.intend(&resource(&spec.id, "r")).await.unwrap();
        let left = ledger.left().await.unwrap().pop().unwrap();
        assert_eq!(left.host.is_some(), is_here);
        assert!(ledger.is_within_reach(left.host.as_deref()));
    }
    place.raw().await.execute("UPDATE deployments SET host = 'elsewhere' WHERE name = 'f'", &[]).await.unwrap();
    let entries = ledger.deployments().await.unwrap();
    let reach: Vec<_> = entries.iter().map(|entry| ledger.is_within_reach(entry.host.as_deref())).collect();
    assert_eq!(reach, [false, true]);
    // The same name on this machine is another deployment.
    assert!(matches!(ledger.intend_deployment(new(&spec("f"))).await.unwrap(), Claim::New));
}

async fn a_deleted_runs_deployments_stay(place: Place) {
    let store = place.open().await;
    let recorder = store.create_run(new_run()).await.unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let (ledger, spec) = (store.ledger(), spec("f"));
    ledger.intend_deployment(NewDeployment { run: Some(recorder.run().number), ..new(&spec) }).await.unwrap();
    ledger.intend(&resource(&spec.id, "r")).await.unwrap();
    store.delete_run(recorder.run()).await.unwrap();
    assert_eq!((ledger.deployments().await.unwrap().len(), ledger.left().await.unwrap().len()), (1, 1));
}

async fn resources_come_along_with_an_import(place: Place) {
    let elsewhere = Place::file();
    let (from, to) = (elsewhere.open().await, place.open().await);
    let recorder = from.create_run(new_run()).await.unwrap();
    recorder.finish(RunStatus::Complete).await.unwrap();
    let (ledger, spec) = (from.ledger(), spec("f"));
    ledger.intend_deployment(NewDeployment { run: Some(recorder.run().number), ..new(&spec) }).await.unwrap();
    ledger.intend(&resource(&spec.id, "first")).await.unwrap();
    let second = ledger.intend(&resource(&spec.id, "second")).await.unwrap();
    ledger.created(second, &json!({ "port": 2 })).await.unwrap();
    for _ in 0..2 {
        to.import(&from, recorder.run(), |_| {}).await.unwrap();
        assert_eq!(to.ledger().deployments().await.unwrap(), ledger.deployments().await.unwrap());
        let names: Vec<_> =
            to.ledger().left().await.unwrap().into_iter().map(|left| left.entry.resource.name).collect();
        assert_eq!(names, ["first", "second"]);
    }
}

async fn every_commit_is_on_the_disk(place: Place) {
    let store = place.open().await;
    let mut connection = store.database.durable().connect().await.unwrap();
    let synchronous = match connection {
        Connection::Sqlite(_) => {
            connection.fetch_all("PRAGMA synchronous", &[]).await.unwrap()[0].at::<i64>(0).unwrap() == 2
        }
        Connection::Postgres(_) => {
            connection.fetch_all("SHOW synchronous_commit", &[]).await.unwrap()[0].at::<String>(0).unwrap() == "on"
        }
    };
    assert!(synchronous);
}
