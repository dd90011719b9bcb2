//! What this machine allows, found out once by doing it.

use crate::hierarchies::Hierarchies;
use crate::launcher::Launcher;

/// How an instance gets a file system of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespaces {
    /// By the rights of this process.
    Privileged,
    /// In a user namespace.
    User,
}

impl Namespaces {
    /// The launcher's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Namespaces::Privileged => "privileged",
            Namespaces::User => "user",
        }
    }
}

/// What can hold an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// Control groups: memory, processors, threads.
    ControlGroups,
    /// A mount namespace, with a root in memory.
    Namespaces,
    /// Landlock.
    Landlock,
    /// Seccomp.
    Seccomp,
}

/// What this machine allows. What it does not has its reason.
#[derive(Debug)]
pub(crate) struct Facilities {
    pub(crate) launcher: Launcher,
    pub(crate) cgroups: Result<Hierarchies, String>,
    pub(crate) namespaces: Result<Namespaces, String>,
    /// Landlock's version.
    pub(crate) landlock: Result<u32, String>,
    pub(crate) seccomp: Result<(), String>,
}

impl Facilities {
    /// Tries everything.
    ///
    /// # Errors
    /// When the launcher itself can't be made.
    pub(crate) fn find() -> std::io::Result<Facilities> {
        let launcher = Launcher::new()?;
        let cgroups = Hierarchies::find(&launcher);
        let folder = tempfile::tempdir()?;
        let folder = folder.path().to_string_lossy();
        let namespaces = match launcher.probe(&["namespaces", &folder]) {
            Ok(_) => Ok(Namespaces::Privileged),
            Err(_) => launcher.probe(&["user-namespaces", &folder]).map(|_| Namespaces::User),
        };
        let landlock = launcher.probe(&["landlock"]);
        let landlock = landlock.and_then(|version| version.parse().map_err(|_| format!("it told {version:?}")));
        let seccomp = launcher.probe(&["seccomp"]).map(drop);
        Ok(Facilities { launcher, cgroups, namespaces, landlock, seccomp })
    }

    /// Does without a mechanism.
    pub(crate) fn forget(&mut self, mechanism: Mechanism) {
        let reason = || "it is not to be used".to_owned();
        match mechanism {
            Mechanism::ControlGroups => self.cgroups = Err(reason()),
            Mechanism::Namespaces => self.namespaces = Err(reason()),
            Mechanism::Landlock => self.landlock = Err(reason()),
            Mechanism::Seccomp => self.seccomp = Err(reason()),
        }
    }

    /// The control groups, if they limit anything.
    pub(crate) fn hierarchies(&self) -> Option<&Hierarchies> {
        self.cgroups.as_ref().ok()
    }

    pub(crate) fn limits_memory(&self) -> bool {
        self.hierarchies().is_some_and(Hierarchies::limits_memory)
    }

    pub(crate) fn limits_processes(&self) -> bool {
        self.hierarchies().is_some_and(Hierarchies::limits_processes)
    }

    /// Why a share of processors can't be kept; `None` when it can.
    pub(crate) fn no_cpu_limit(&self) -> Option<String> {
        match &self.cgroups {
            Ok(hierarchies) if hierarchies.limits_cpu() => None,
            Ok(hierarchies) => Some(format!("{} have no controller of processors here", hierarchies.version())),
            Err(reason) => Some(reason.clone()),
        }
    }

    /// Whether an empty network of its own is needed, beside seccomp and Landlock, to keep an instance off others' sockets.
    pub(crate) fn needs_network_namespace(&self) -> bool {
        // Landlock keeps abstract sockets apart from its version 6 on.
        self.seccomp.is_err() || !self.landlock.as_ref().is_ok_and(|version| *version >= 6)
    }

    /// How each limit is kept, a line each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let groups = self.hierarchies().map_or("", Hierarchies::version);
        let memory = match &self.cgroups {
            _ if self.limits_memory() => format!("memory: {groups}"),
            Ok(_) => "memory: a resource limit and a watch, as control groups can't limit it here".to_owned(),
            Err(reason) => format!("memory: a resource limit and a watch, as there are no control groups ({reason})"),
        };
        let cpu = match self.no_cpu_limit() {
            None => format!("processors: {groups}"),
            Some(reason) => format!("processors: can't be limited ({reason})"),
        };
        let threads =
            if self.limits_processes() { format!("threads: {groups}") } else { "threads: a watch".to_owned() };
        let (scratch, files) = match &self.namespaces {
            Ok(kind) => {
                let how = if *kind == Namespaces::User { "in a user namespace" } else { "in a mount namespace" };
                let counts = if self.limits_memory() { ", which counts as the instance's memory" } else { "" };
                (format!("scratch: a file system in memory{counts}"), format!("files: a root of its own {how}"))
            }
            Err(reason) => {
                let files = match &self.landlock {
                    Ok(version) => format!(
                        "files: Landlock {version}, as there is no mount namespace ({reason}); sockets of this user's other programs can be reached"
                    ),
                    Err(missing) => format!("files: only the user's own rights ({reason}; {missing})"),
                };
                ("scratch: a limit for each file and a watch".to_owned(), files)
            }
        };
        let others = match (&self.seccomp, self.namespaces.is_ok()) {
            (Ok(()), _) => "network and other processes: refused by seccomp".to_owned(),
            (Err(reason), true) => {
                format!("network: an empty network namespace; new processes are not refused ({reason})")
            }
            (Err(reason), false) => format!("network and other processes: not refused ({reason})"),
        };
        let time = "time and printed bytes: the instance is killed".to_owned();
        let storage = "storage: a folder of this machine's disk, not bounded".to_owned();
        vec![memory, cpu, threads, scratch, storage, files, others, time]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_line_that_says_how_it_is_kept_here() {
        let remarks = Facilities::find().unwrap().remarks();
        for subject in ["memory", "processors", "threads", "scratch", "storage", "files", "network", "time"] {
            assert!(remarks.iter().any(|line| line.starts_with(subject)), "{subject}: {remarks:#?}");
        }
        eprintln!("{remarks:#?}");
    }
}
