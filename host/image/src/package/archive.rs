//! Zips with unix modes, without times.

use std::io::{Cursor, Write};

use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::CALLER;

/// An archive with one executable in its root.
pub(crate) fn single_file_zip(name: &str, binary: &[u8]) -> std::io::Result<Vec<u8>> {
    zip_of(&[(name.to_owned(), 0o755, binary)])
}

/// An archive of AWS Lambda's custom runtime, with the program that carries its nested calls.
pub(crate) fn lambda_zip(binary: &[u8], caller: Option<&[u8]>) -> std::io::Result<Vec<u8>> {
    let mut files = vec![("bootstrap".to_owned(), 0o755, binary)];
    files.extend(caller.map(|caller| (CALLER.to_owned(), 0o755, caller)));
    zip_of(&files)
}

/// An archive of a function app with a custom handler: HTTP requests are forwarded to it as they are. With the program that
/// carries its nested calls.
pub(crate) fn azure_zip(function: &str, binary: &[u8], caller: Option<&[u8]>) -> std::io::Result<Vec<u8>> {
    let host = json!({
        "version": "2.0",
        "customHandler": {
            "description": { "defaultExecutablePath": "handler" },
            "enableForwardingHttpRequest": true,
        },
        "extensions": { "http": { "routePrefix": "api" } },
        "functionTimeout": "00:05:00",
    });
    let bindings = json!({
        "bindings": [
            {
                "authLevel": "anonymous",
                "type": "httpTrigger",
                "direction": "in",
                "name": "req",
                "methods": ["get", "post"],
                "route": function,
            },
            { "type": "http", "direction": "out", "name": "res" },
        ],
    });
    let (host, bindings) = (super::oci::json_bytes(host), super::oci::json_bytes(bindings));
    let mut files = vec![
        (format!("{function}/function.json"), 0o644, bindings.as_slice()),
        ("handler".to_owned(), 0o755, binary),
        ("host.json".to_owned(), 0o644, host.as_slice()),
    ];
    files.extend(caller.map(|caller| (CALLER.to_owned(), 0o755, caller)));
    zip_of(&files)
}

fn zip_of(files: &[(String, u32, &[u8])]) -> std::io::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(6))
            .last_modified_time(DateTime::default())
            .unix_permissions(*mode);
        archive.start_file(name.as_str(), options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}
