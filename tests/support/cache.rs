//! One cache folder for all tests of this process.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use faasbench::engine::wasm::{Allocation, ArtefactCache, Configuration, Interruption, Program, WasmEngine};
use faasbench::paths::CacheFolders;
use faasbench::workload::FUNCTIONS;

/// The folder that `FAASBENCH_CACHE` names for every command here. All components are compiled into it once, for
/// measuring and for serving, so that no test has to wait for what another one compiles at the same time.
pub(crate) fn cache() -> &'static CacheFolders {
    static CACHE: OnceLock<CacheFolders> = OnceLock::new();
    CACHE.get_or_init(|| {
        let folders = CacheFolders::in_folder(own_folder());
        for folder in [folders.objects(), folders.scratch()] {
            fs::create_dir_all(folder).unwrap();
        }
        // Native images take minutes to build: they are kept from one run of the tests to the next, by what they are made of.
        let images = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&images).unwrap();
        std::os::unix::fs::symlink(images, folders.images()).unwrap();
        compile(&folders);
        folders
    })
}

/// A static is never dropped, so the folder of a test process that has ended is removed by the next one.
fn own_folder() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("end-to-end");
    fs::create_dir_all(&parent).unwrap();
    for entry in fs::read_dir(&parent).unwrap() {
        let folder = entry.unwrap().path();
        let process = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !Path::new("/proc").join(process).exists() {
            // Another test process may be removing it too.
            let _ = fs::remove_dir_all(folder);
        }
    }
    let folder = parent.join(std::process::id().to_string());
    fs::create_dir(&folder).unwrap();
    folder
}

fn compile(folders: &CacheFolders) {
    let built = Command::new(env!("CARGO_BIN_EXE_faasbench"))
        .arg("build")
        .env("FAASBENCH_CACHE", folders.root())
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let guarded =
        Configuration { interruption: Interruption::Epochs, allocation: Allocation::OnDemand, memory_bytes: 1 << 30 };
    let engine = WasmEngine::new(guarded).unwrap();
    let cache = Arc::new(ArtefactCache::open(folders.components()).unwrap());
    for function in &FUNCTIONS {
        let function = faasbench::workload::find(function.name).unwrap();
        Program::load(function, &engine, Some(&cache)).unwrap();
    }
}
