//! What a composed component asks of its host.

use image_build::HttpEnvironment;
use wasmparser::{Parser, Payload};

use crate::host::{image, strict};

/// The imports of the world `wasi:http/proxy`.
const PROXY: [&str; 11] = [
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
];

/// Names of the imports and the exports of a component, without versions, which must be of WASI 0.2.
fn interfaces(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                imports.extend(section.into_iter().map(|import| base(import.unwrap().name.name)));
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                exports.extend(section.into_iter().map(|export| base(export.unwrap().name.name)));
            }
            _ => {}
        }
    }
    (imports, exports)
}

fn base(name: &str) -> String {
    let (base, version) = name.split_once('@').unwrap();
    assert!(version.starts_with("0.2."), "{name}");
    base.to_owned()
}

#[test]
fn every_function_asks_for_what_a_proxy_has_and_exports_a_handler() {
    wasmparser::Validator::new().validate_all(&image("compression", &strict())).unwrap();
    for (function, _) in artifacts::COMPONENTS {
        let (imports, exports) = interfaces(&image(function, &strict()));
        for import in imports {
            assert!(PROXY.contains(&import.as_str()), "{function} imports {import}");
        }
        assert_eq!(exports, ["wasi:http/incoming-handler"], "{function}");
    }
}

#[test]
fn with_the_hosts_environment_that_is_the_only_addition() {
    for (function, _) in artifacts::COMPONENTS {
        let (imports, _) = interfaces(&image(function, &HttpEnvironment::OfHost));
        let more: Vec<_> = imports.iter().filter(|import| !PROXY.contains(&import.as_str())).collect();
        assert_eq!(more, ["wasi:cli/environment"], "{function}");
    }
}

#[test]
fn function1_stays_below_300_kb() {
    let bytes = image("function1", &strict()).len();
    assert!(bytes < 300_000, "{bytes}");
}

#[test]
fn equal_inputs_make_equal_bytes() {
    assert!(image("function1", &strict()) == image("function1", &strict()));
}
