//! Components that serve `wasi:http`: a function's component composed with the guests of `runtimes/wasi-http`.

use std::collections::BTreeMap;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};
use wasi_http::{BLOCK_BYTES, MARK};

use crate::error::BuildError;
use crate::package::sha256;
use crate::strip::strip;

/// The export of what is composed.
const INCOMING_HANDLER: &str = "wasi:http/incoming-handler@0.2.6";
/// The interface that the guests take their settings from.
const ENVIRONMENT: &str = "wasi:cli/environment@0.2.6";
/// The types that all guests share with the function.
const TYPES: &str = "faasbench:lab/types@0.1.0";
/// What stands for a function's files: with it the streams can't be the host's.
const FILES: &str = "wasi:filesystem/types";
/// What a function may import of a `wasi:http/proxy` host itself, without versions.
const OF_THE_HOST: [&str; 9] = [
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
];
/// Variables that are secrets: they don't belong into an image.
const SECRETS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "FAASBENCH_INVOKE_AUTHORIZATION"];

/// Where a composed component takes its settings from. They are listed at `Settings` of `runtimes/wasi-http`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpEnvironment {
    /// From variables that are written into it. It runs on every `wasi:http/proxy` host, also those that give an instance no
    /// environment.
    Fixed(BTreeMap<String, String>),
    /// From its host, which must offer `wasi:cli/environment`: Spin, wasmCloud, `wasmtime serve -S cli`.
    OfHost,
}

/// `sha256:` and the digest of the guests, which are part of what a composed component is made of.
pub(crate) fn adapter_digest() -> String {
    sha256(&[wasi_http::SERVER, wasi_http::PLATFORM, wasi_http::STORAGE, wasi_http::FILES, wasi_http::SYSTEM].concat())
}

/// The component that serves the component of a function over HTTP: it exports `wasi:http/incoming-handler` and imports what
/// `wasi:http/proxy` has, and `wasi:cli/environment` where that is to be the host's. Equal inputs make equal bytes.
///
/// # Errors
/// When the function imports what nobody provides, or the variables can't be written into the component.
pub fn compose_http(function: &str, component: &[u8], environment: &HttpEnvironment) -> Result<Vec<u8>, BuildError> {
    let failed = |reason: String| BuildError::Compose { function: function.to_owned(), reason };
    let variables = match environment {
        HttpEnvironment::Fixed(variables) => variables,
        HttpEnvironment::OfHost => &BTreeMap::new(),
    };
    let system = with_variables(wasi_http::SYSTEM, variables).map_err(failed)?;
    let of_host = *environment == HttpEnvironment::OfHost;
    let composed = Composition::new().compose(component, system, of_host).map_err(failed)?;
    strip(&composed).map_err(|error| failed(error.to_string()))
}

/// The guest with `variables` in its block.
fn with_variables(guest: &[u8], variables: &BTreeMap<String, String>) -> Result<Vec<u8>, String> {
    let mut block = MARK.to_vec();
    for (name, value) in variables {
        if SECRETS.contains(&name.as_str()) {
            return Err(format!(
                "{name} is a secret, which can't be part of an image: give it to the host's environment"
            ));
        }
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(format!("the variable {name:?} is none that an environment can hold"));
        }
        block.extend_from_slice(format!("{name}={value}\0").as_bytes());
    }
    if block.len() >= BLOCK_BYTES {
        return Err(format!("the variables take {} bytes, and there is room for {BLOCK_BYTES}", block.len()));
    }
    let mut places = guest.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let (Some((place, _)), None) = (places.next(), places.next()) else {
        return Err("its guest has no place for variables".to_owned());
    };
    let mut guest = guest.to_vec();
    guest[place..place + block.len()].copy_from_slice(&block);
    Ok(guest)
}

/// A graph of instances.
struct Composition {
    graph: CompositionGraph,
}

/// An instance, and the names of its component's imports.
struct Instance {
    node: NodeId,
    imports: Vec<String>,
}

impl Composition {
    fn new() -> Composition {
        Composition { graph: CompositionGraph::new() }
    }

    fn compose(mut self, function: &[u8], system: Vec<u8>, environment_of_host: bool) -> Result<Vec<u8>, String> {
        let system = self.add("system", system)?;
        let platform = self.add("platform", wasi_http::PLATFORM.to_vec())?;
        if !environment_of_host {
            self.connect(&platform, ENVIRONMENT, &system, ENVIRONMENT)?;
        }
        let function = self.add("function", function.to_vec())?;

        // What worlds `use` of an interface, components import by itself.
        let types = self.graph.alias_instance_export(platform.node, TYPES).map_err(text)?;
        let types = Instance { node: types, imports: Vec::new() };

        let mut providers = vec![&system, &platform, &types];
        let uses = |interface: &str| function.imports.iter().any(|import| base(import) == interface);
        let storage;
        if uses("faasbench:lab/storage") {
            storage = self.add("storage", wasi_http::STORAGE.to_vec())?;
            if !environment_of_host {
                self.connect(&storage, ENVIRONMENT, &system, ENVIRONMENT)?;
            }
            self.connect(&storage, TYPES, &platform, TYPES)?;
            providers.push(&storage);
        }
        let files;
        if uses(FILES) {
            files = self.add("files", wasi_http::FILES.to_vec())?;
            providers.push(&files);
        }
        for import in &function.imports {
            let provider = providers.iter().find_map(|provider| Some((*provider, self.export(provider.node, import)?)));
            match provider {
                Some((provider, export)) => self.connect(&function, import, provider, &export)?,
                None if OF_THE_HOST.contains(&base(import)) => {}
                None => {
                    return Err(format!(
                        "it imports {import}, which neither the adapter nor a wasi:http host provides"
                    ));
                }
            }
        }

        let server = self.add("server", wasi_http::SERVER.to_vec())?;
        for import in &server.imports {
            for provider in [&function, &platform, &types] {
                if let Some(export) = self.export(provider.node, import) {
                    self.connect(&server, import, provider, &export)?;
                }
            }
        }
        let handler = self.graph.alias_instance_export(server.node, INCOMING_HANDLER).map_err(text)?;
        self.graph.export(handler, INCOMING_HANDLER).map_err(text)?;
        self.graph.encode(EncodeOptions::default()).map_err(text)
    }

    fn add(&mut self, name: &str, component: Vec<u8>) -> Result<Instance, String> {
        let name = format!("faasbench:{name}");
        let package = Package::from_bytes(&name, None, component, self.graph.types_mut()).map_err(text)?;
        let world = package.ty();
        let package = self.graph.register_package(package).map_err(text)?;
        let imports = self.graph.types()[world].imports.keys().cloned().collect();
        Ok(Instance { node: self.graph.instantiate(package), imports })
    }

    /// The export of an instance that fits an import: of the same name, or of another version of it.
    fn export(&self, instance: NodeId, import: &str) -> Option<String> {
        let wac_graph::types::ItemKind::Instance(id) = self.graph[instance].item_kind() else { return None };
        let exports = &self.graph.types()[id].exports;
        let same = exports.keys().find(|export| *export == import);
        same.or_else(|| exports.keys().find(|export| base(export) == base(import) && import.contains('@'))).cloned()
    }

    fn connect(&mut self, to: &Instance, import: &str, from: &Instance, export: &str) -> Result<(), String> {
        let argument = self.graph.alias_instance_export(from.node, export).map_err(text)?;
        self.graph.set_instantiation_argument(to.node, import, argument).map_err(text)
    }
}

/// An interface's name without its version.
fn base(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

/// An error with its causes.
fn text(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn compose(component: &[u8], variables: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        compose_http("function1", component, &HttpEnvironment::Fixed(variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_are_written_into_the_component_and_change_nothing_else() {
        let plain = compose(artifacts::FUNCTION1, &[]).unwrap();
        let with = compose(artifacts::FUNCTION1, &[("FAASBENCH_PLATFORM", "spin")]).unwrap();
        assert_eq!(plain.len(), with.len());
        let text = b"FAASBENCH_PLATFORM=spin\0";
        assert!(with.windows(text.len()).any(|window| window == text));
        assert_eq!(plain.iter().zip(&with).filter(|(a, b)| a != b).count(), text.len() - 1);
    }

    #[test]
    fn secrets_and_what_does_not_fit_are_refused() {
        let secret = compose(artifacts::FUNCTION1, &[("AWS_SECRET_ACCESS_KEY", "hidden")]).unwrap_err();
        assert!(secret.contains("AWS_SECRET_ACCESS_KEY is a secret") && !secret.contains("hidden"), "{secret}");
        for (name, value) in [("", "a"), ("A=B", "c"), ("A", "b\0"), ("A", &*"x".repeat(BLOCK_BYTES))] {
            assert!(compose(artifacts::FUNCTION1, &[(name, value)]).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_import_that_nobody_provides_is_named() {
        // An empty instance is type enough.
        let mut component = wasm_encoder::ComponentBuilder::default();
        let (empty, encoder) = component.ty(None);
        encoder.instance(&wasm_encoder::InstanceType::new());
        component.import("wasi:sockets/tcp@0.2.6", wasm_encoder::ComponentTypeRef::Instance(empty));
        let error = compose(&component.finish(), &[]).unwrap_err();
        assert!(error.contains("wasi:sockets/tcp@0.2.6"), "{error}");
    }

    #[test]
    fn what_is_no_component_is_refused() {
        assert!(compose(b"\0asm", &[]).is_err());
    }
}
