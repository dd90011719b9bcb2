//! The name of the platform that this process runs on, as records carry it.

use crate::detect::Protocol;

/// The platform of a process that speaks `protocol`. Plain HTTP is spoken by many: their variables tell them apart, and where
/// there are none it is a `container` for the first process of one, else a `process`.
pub(crate) fn platform(protocol: &Protocol, variable: &dyn Fn(&str) -> Option<String>, process_id: u32) -> String {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let name = match protocol {
        Protocol::Http if is_set("__OW_API_HOST") => "openwhisk",
        // Cloud Run speaks Knative's contract, and is no Kubernetes.
        Protocol::Http if is_set("K_SERVICE") && is_set("KUBERNETES_SERVICE_HOST") => "knative",
        Protocol::Http if is_set("K_SERVICE") => "gcp",
        Protocol::Http if is_set("NUCLIO_FUNCTION_NAME") => "nuclio",
        Protocol::Http if is_set("OPENFAAS_NAME") => "openfaas",
        Protocol::Http if is_set("MOD_NAME") && is_set("FUNC_HANDLER") => "kubeless",
        Protocol::Http if process_id == 1 => "container",
        Protocol::Http => "process",
        other => return other.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_that_speak_http_are_told_apart_by_their_variables() {
        let named = |variables: &[&str], process_id| {
            platform(&Protocol::Http, &|name| variables.contains(&name).then(|| "x".to_owned()), process_id)
        };
        assert_eq!(named(&["K_SERVICE", "KUBERNETES_SERVICE_HOST"], 1), "knative");
        assert_eq!(named(&["K_SERVICE"], 1), "gcp");
        assert_eq!(named(&["__OW_API_HOST"], 1), "openwhisk");
        assert_eq!(named(&["NUCLIO_FUNCTION_NAME"], 1), "nuclio");
        assert_eq!(named(&[], 1), "container");
        assert_eq!(named(&[], 2), "process");
        assert_eq!(platform(&Protocol::Lambda, &|_| Some("x".to_owned()), 1), "lambda");
    }
}
