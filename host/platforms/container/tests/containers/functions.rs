//! The six lab functions do in a container what they do elsewhere.

use native::{DirectoryStorage, NativeLab, NoFunctions, Sandbox};
use serde_json::Value;
use workload::{FUNCTIONS, Size, prepare, result_digest};

use crate::engines::{Engine, on_both};
use crate::scene::{LONG, Scene, answer, invoke};

on_both!(the_results_are_those_of_native_code_in_this_process);

async fn the_results_are_those_of_native_code_in_this_process(engine: &Engine) {
    let Some(scene) = Scene::new(engine, "function1", |_| {}).await else { return };
    for function in &FUNCTIONS {
        let storage = scene.folder.path().join("storage");
        let workload = prepare(function.name, Size::Test, 7, &storage).unwrap();
        let instance = scene.another(function.name).await.start(scene.request()).await.unwrap();
        let there = answer(&invoke(&*instance, &workload.event, LONG).await);
        instance.stop().await;
        let here = in_this_process(function, &workload.event, &storage);
        match result_digest(&here) {
            Some(digest) => assert_eq!(result_digest(&there.to_string()), Some(digest), "{}: {there}", function.name),
            None => assert!(there.is_object(), "{there}"),
        }
    }
    scene.end().await;
}

fn in_this_process(function: &workload::Function, event: &Value, storage: &std::path::Path) -> String {
    let scratch = tempfile::TempDir::new().unwrap();
    let storage = DirectoryStorage::new(storage).unwrap();
    let mut sandbox = Sandbox::new("test", "native", 1, None);
    let lab = NativeLab::new(&storage, &NoFunctions, sandbox.begin(), scratch.path());
    (function.handler)(&lab, &event.to_string()).unwrap()
}
