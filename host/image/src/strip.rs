//! Removing the names of functions and types from a component: a host needs none of them, and they are a tenth of its size.

use wasm_encoder::{ComponentSectionId, Encode};
use wasmparser::{BinaryReaderError, Encoding, Parser, Payload};

/// A component, or a module, without custom sections, also within those inside it.
pub(crate) fn strip(binary: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut output = Vec::new();
    // The components and modules around the one that is read, as far as they are written.
    let mut outer: Vec<(Vec<u8>, u8)> = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding, .. } => {
                let header = if *encoding == Encoding::Component {
                    &wasm_encoder::Component::HEADER
                } else {
                    &wasm_encoder::Module::HEADER
                };
                output.extend_from_slice(header);
            }
            Payload::ModuleSection { .. } => {
                outer.push((std::mem::take(&mut output), ComponentSectionId::CoreModule as u8));
            }
            Payload::ComponentSection { .. } => {
                outer.push((std::mem::take(&mut output), ComponentSectionId::Component as u8));
            }
            Payload::End(_) => {
                if let Some((around, id)) = outer.pop() {
                    let inner = std::mem::replace(&mut output, around);
                    output.push(id);
                    inner.as_slice().encode(&mut output);
                }
            }
            Payload::CustomSection(_) => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    output.push(id);
                    // A range of the binary that was given, so it fits.
                    binary[range.start as usize..range.end as usize].encode(&mut output);
                }
            }
        }
    }
    Ok(output)
}
