//! Which protocol this process is to speak.

use std::fmt;

/// A protocol, with what only its platform tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// JSON lines on the processor's socket.
    Nuclio { socket: String },
    /// The Runtime API.
    Lambda,
    /// HTTP on the agent's socket.
    Fn { listener: String },
    /// HTTP on the host's port.
    Azure { port: String },
    /// JSON lines on the standard input.
    ActionLoop,
    /// One process per request: the event in the first argument, or else on the standard input.
    OneShot { event: Option<String>, platform: &'static str },
    /// gRPC on a port, and HTTP.
    Riff { grpc_port: String },
    /// HTTP on `PORT`.
    Http,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Nuclio { .. } => "nuclio",
            Protocol::Lambda => "lambda",
            Protocol::Fn { .. } => "fn",
            Protocol::Azure { .. } => "azure",
            Protocol::ActionLoop => "openwhisk",
            Protocol::OneShot { platform, .. } => platform,
            Protocol::Riff { .. } => "riff",
            Protocol::Http => "http",
        })
    }
}

/// What a process finds at its start.
pub(crate) struct Surroundings<'a> {
    /// Its arguments, without its own name.
    pub(crate) arguments: &'a [String],
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether its standard input is a pipe or a socket: somebody writes it.
    pub(crate) input_is_written: bool,
    /// Whether its standard output is a pipe or a socket: somebody reads it.
    pub(crate) output_is_read: bool,
    /// Whether file descriptor 3 is open.
    pub(crate) has_result_pipe: bool,
}

/// The first protocol that the surroundings are those of. The order matters: a platform's processes may find other platforms'
/// variables too, as `PORT` is everybody's.
pub(crate) fn detect(surroundings: &Surroundings<'_>) -> Protocol {
    let variable = |name: &str| (surroundings.variable)(name).filter(|value| !value.is_empty());
    if let Some(socket) = nuclio_socket(surroundings.arguments) {
        return Protocol::Nuclio { socket };
    }
    if variable("AWS_LAMBDA_RUNTIME_API").is_some() {
        return Protocol::Lambda;
    }
    if let Some(listener) = variable("FN_LISTENER") {
        return Protocol::Fn { listener };
    }
    if let Some(port) = variable("FUNCTIONS_CUSTOMHANDLER_PORT") {
        return Protocol::Azure { port };
    }
    let openwhisk = variable("__OW_ACTION_NAME").is_some();
    if openwhisk && surroundings.has_result_pipe {
        return Protocol::ActionLoop;
    }
    if surroundings.output_is_read
        && let Some(event) = surroundings.arguments.first().filter(|argument| argument.trim_start().starts_with('{'))
    {
        let platform = if openwhisk { "openwhisk" } else { "gestalt" };
        return Protocol::OneShot { event: Some(event.clone()), platform };
    }
    // Who starts a process per request and writes the event to it: Riff's command invoker, OpenFaaS's forking watchdog.
    if surroundings.input_is_written && surroundings.output_is_read {
        for (mark, platform) in [("FUNCTION_URI", "riff"), ("Http_Method", "openfaas")] {
            if variable(mark).is_some() {
                return Protocol::OneShot { event: None, platform };
            }
        }
    }
    if let Some(grpc_port) = variable("GRPC_PORT") {
        return Protocol::Riff { grpc_port };
    }
    Protocol::Http
}

/// The socket among the arguments that Nuclio's processor starts its wrapper with.
fn nuclio_socket(arguments: &[String]) -> Option<String> {
    let is_socket = |argument: &&String| {
        let id = argument.strip_prefix("/tmp/nuclio-rpc-").and_then(|rest| rest.strip_suffix(".sock"));
        id.is_some_and(|id| !id.is_empty() && !id.contains('/'))
    };
    arguments.iter().find(is_socket).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: &str = "/tmp/nuclio-rpc-abc.sock";

    fn found(arguments: &[&str], variables: &[(&str, &str)], output_is_read: bool, has_result_pipe: bool) -> Protocol {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
        detect(&Surroundings {
            arguments: &arguments,
            variable: &variable,
            input_is_written: output_is_read,
            output_is_read,
            has_result_pipe,
        })
    }

    #[test]
    fn each_platform_is_known_by_its_own_marks() {
        let nuclio = Protocol::Nuclio { socket: SOCKET.to_owned() };
        assert_eq!(found(&["/opt/nuclio/fn", SOCKET, "/opt/nuclio/fn", "handler"], &[], true, false), nuclio);
        assert_eq!(found(&[], &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")], true, true), Protocol::Lambda);
        let listener = "unix:/tmp/iofs/lsnr.sock".to_owned();
        assert_eq!(found(&[], &[("FN_LISTENER", &listener)], true, false), Protocol::Fn { listener: listener.clone() });
        let azure = Protocol::Azure { port: "7071".to_owned() };
        assert_eq!(found(&[], &[("FUNCTIONS_CUSTOMHANDLER_PORT", "7071")], true, false), azure);
        assert_eq!(found(&[], &[("__OW_ACTION_NAME", "/guest/f")], true, true), Protocol::ActionLoop);
        let riff = Protocol::Riff { grpc_port: "8081".to_owned() };
        assert_eq!(found(&[], &[("GRPC_PORT", "8081"), ("PORT", "8080")], true, false), riff);
        assert_eq!(found(&[], &[("PORT", "8080")], true, true), Protocol::Http);
        assert_eq!(found(&["--some", "flag"], &[], false, false), Protocol::Http);
    }

    #[test]
    fn the_first_mark_decides() {
        let all = [
            ("AWS_LAMBDA_RUNTIME_API", "x"),
            ("FN_LISTENER", "x"),
            ("FUNCTIONS_CUSTOMHANDLER_PORT", "1"),
            ("__OW_ACTION_NAME", "x"),
            ("GRPC_PORT", "1"),
            ("PORT", "1"),
        ];
        let order = ["lambda", "fn", "azure", "openwhisk", "riff", "http"];
        assert_eq!(found(&[SOCKET], &all, true, true).to_string(), "nuclio");
        for (index, expected) in order.into_iter().enumerate() {
            assert_eq!(found(&[], &all[index..], true, true).to_string(), expected);
        }
    }

    #[test]
    fn an_event_in_the_arguments_is_served_once_where_somebody_reads_the_output() {
        let gestalt = Protocol::OneShot { event: Some("{}".to_owned()), platform: "gestalt" };
        assert_eq!(found(&["{}"], &[("GRPC_PORT", "1")], true, false), gestalt);
        assert_eq!(found(&["{}"], &[], false, false), Protocol::Http);
        let native = Protocol::OneShot { event: Some("{}".to_owned()), platform: "openwhisk" };
        assert_eq!(found(&["{}"], &[("__OW_ACTION_NAME", "f")], true, false), native);
    }

    #[test]
    fn an_event_on_the_standard_input_is_served_once_for_those_that_write_it_there() {
        for (mark, platform) in [("FUNCTION_URI", "riff"), ("Http_Method", "openfaas")] {
            let one_shot = Protocol::OneShot { event: None, platform };
            assert_eq!(found(&[], &[(mark, "x"), ("PORT", "8080")], true, false), one_shot);
            assert_eq!(found(&[], &[(mark, "x")], false, false), Protocol::Http);
        }
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        for argument in ["/tmp/nuclio-rpc-.sock", "/tmp/nuclio-rpc-a/b.sock", "/var/nuclio-rpc-a.sock", "[]", ""] {
            assert_eq!(found(&[argument], &[("FN_LISTENER", "")], true, false), Protocol::Http, "{argument}");
        }
        assert_eq!(found(&[], &[("__OW_ACTION_NAME", "f")], true, false), Protocol::Http);
    }
}
