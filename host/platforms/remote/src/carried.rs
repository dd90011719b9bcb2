//! Nested calls that a program beside an image's binary carries: images speak no TLS (`runtimes/caller`).

use crate::InvokeWay;

/// The program's name in archives and layers.
pub const CALLER: &str = "faasbench-caller";
/// The variable with what lets calls in. Its value is a secret.
pub(crate) const KEY_VARIABLE: &str = "FAASBENCH_CALLER_KEY";
/// The socket between an image and that program.
const SOCKET: &str = "/tmp/faasbench-caller.sock";

/// Where calls go, and what lets them in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Callee<'a> {
    /// AWS Lambda's Invoke, signed with the credentials of the instance's role.
    Lambda {
        /// What the functions' names begin with.
        prefix: &'a str,
    },
    /// A service of Cloud Run, with an ID token of the instance's account.
    CloudRun {
        /// Its URL, with `{name}` and, where it is in there, `{project-number}`.
        url: &'a str,
    },
    /// A function of Azure.
    Azure {
        /// Its URL, with `{name}`.
        url: &'a str,
        /// Its key, if it asks for one.
        key: Option<&'a str>,
    },
}

/// How an image reaches the program, and the variables that both of them take.
#[derive(Clone, PartialEq, Eq)]
pub struct Carried {
    /// The way of the image.
    pub invoke: InvokeWay,
    /// Further variables of the instance. One of them is a secret, which [`crate::shown_environment`] leaves out.
    pub environment: Vec<(String, String)>,
}

impl Carried {
    /// With the program in this folder of the instance, which ends with `/`.
    pub fn new(folder: &str, callee: Callee<'_>) -> Carried {
        let (kind, prefix, url, key) = match callee {
            Callee::Lambda { prefix } => ("lambda", prefix, None, None),
            Callee::CloudRun { url } => ("gcp", "", Some(url), None),
            Callee::Azure { url, key } => ("azure", "", Some(url), key),
        };
        let always = [
            ("FAASBENCH_INVOKE_HELPER", Some(format!("{folder}{CALLER}"))),
            ("FAASBENCH_CALLER", Some(kind.to_owned())),
            ("FAASBENCH_CALLER_URL", url.map(str::to_owned)),
            (KEY_VARIABLE, key.map(str::to_owned)),
        ];
        let environment = always.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let invoke = InvokeWay { url: format!("unix:{SOCKET}:/{prefix}{{name}}"), authorization: None };
        Carried { invoke, environment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_callee_has_its_variables() {
        let lambda = Carried::new("/var/task/", Callee::Lambda { prefix: "lab-" });
        assert_eq!(lambda.invoke.url, "unix:/tmp/faasbench-caller.sock:/lab-{name}");
        let names = |carried: &Carried| carried.environment.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&lambda), ["FAASBENCH_INVOKE_HELPER", "FAASBENCH_CALLER"]);
        let azure = Carried::new("/", Callee::Azure { url: "https://{name}", key: Some("secret") });
        assert_eq!(azure.invoke.url, "unix:/tmp/faasbench-caller.sock:/{name}");
        let expected = ["FAASBENCH_INVOKE_HELPER", "FAASBENCH_CALLER", "FAASBENCH_CALLER_URL", "FAASBENCH_CALLER_KEY"];
        assert_eq!(names(&azure), expected);
        assert_eq!(azure.environment[0].1, "/faasbench-caller");
    }
}
