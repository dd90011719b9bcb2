//! The command line: what is to be started, inside what.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use rustix::process::Resource;

use crate::failure::Failure;

/// How a mount namespace is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespaces {
    /// By the rights that this process has.
    Privileged,
    /// In a user namespace of its own.
    User,
}

/// A folder of the image's own as its root, in memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Root {
    /// An empty folder that it is mounted on.
    pub(crate) folder: PathBuf,
    /// Most bytes of all its files.
    pub(crate) bytes: u64,
    /// Most files and folders.
    pub(crate) files: u64,
}

/// What is to be started.
///
/// | option | meaning |
/// |---|---|
/// | `--parent PID` | the process that it must not outlive |
/// | `--cgroup FOLDER` | a control group to join; may be repeated |
/// | `--namespaces privileged\|user` | how the mount namespace is made that `--root` needs |
/// | `--network-namespace` | no network but an empty one of its own |
/// | `--root FOLDER BYTES FILES` | a root of its own, in memory, mounted on that folder |
/// | `--bind SOURCE TARGET` | what else is in that root; may be repeated |
/// | `--bind-read PATH` | what else is in that root under the same path, to be read only; may be repeated |
/// | `--landlock` | all else of the file system is refused |
/// | `--write FOLDER` | a folder that is not refused then; in a root of its own it is made; may be repeated |
/// | `--read PATH` | what may be read then; may be repeated |
/// | `--network` | the network is not refused: storage is reached through it |
/// | `--seccomp` | system calls are refused that reach beyond this process |
/// | `--limit NAME NUMBER` | a resource limit: `core`, `data`, `file-size`, `files`, `processes`; may be repeated |
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) parent: u32,
    pub(crate) cgroups: Vec<PathBuf>,
    pub(crate) namespaces: Option<Namespaces>,
    pub(crate) network_namespace: bool,
    pub(crate) root: Option<Root>,
    pub(crate) binds: Vec<(PathBuf, PathBuf)>,
    pub(crate) read_only_binds: Vec<PathBuf>,
    pub(crate) landlock: bool,
    pub(crate) writable: Vec<PathBuf>,
    pub(crate) readable: Vec<PathBuf>,
    pub(crate) network: bool,
    pub(crate) seccomp: bool,
    pub(crate) limits: Vec<(Limit, u64)>,
    pub(crate) image: PathBuf,
}

/// A resource limit by its number, as the library's own type can't be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Core,
    Data,
    FileSize,
    Files,
    Processes,
}

impl Limit {
    fn parse(name: &OsStr) -> Option<Limit> {
        Some(match name.to_str()? {
            "core" => Limit::Core,
            "data" => Limit::Data,
            "file-size" => Limit::FileSize,
            "files" => Limit::Files,
            "processes" => Limit::Processes,
            _ => return None,
        })
    }

    pub(crate) fn resource(self) -> Resource {
        match self {
            Limit::Core => Resource::Core,
            Limit::Data => Resource::Data,
            Limit::FileSize => Resource::Fsize,
            Limit::Files => Resource::Nofile,
            Limit::Processes => Resource::Nproc,
        }
    }
}

impl Plan {
    /// Reads the command line after `run`.
    pub(crate) fn parse(arguments: &[OsString]) -> Result<Plan, Failure> {
        let mut plan = Plan {
            parent: 0,
            cgroups: Vec::new(),
            namespaces: None,
            network_namespace: false,
            root: None,
            binds: Vec::new(),
            read_only_binds: Vec::new(),
            landlock: false,
            writable: Vec::new(),
            readable: Vec::new(),
            network: false,
            seccomp: false,
            limits: Vec::new(),
            image: PathBuf::new(),
        };
        let mut words = arguments.iter();
        while let Some(option) = words.next() {
            let mut next = || words.next().ok_or_else(|| Failure::new(format!("{option:?} lacks a value")));
            match option.to_str().unwrap_or_default() {
                "--parent" => plan.parent = number(next()?)?,
                "--cgroup" => plan.cgroups.push(next()?.into()),
                "--namespaces" => plan.namespaces = Some(namespaces(next()?)?),
                "--network-namespace" => plan.network_namespace = true,
                "--root" => {
                    plan.root = Some(Root { folder: next()?.into(), bytes: number(next()?)?, files: number(next()?)? });
                }
                "--bind" => plan.binds.push((next()?.into(), next()?.into())),
                "--bind-read" => plan.read_only_binds.push(next()?.into()),
                "--landlock" => plan.landlock = true,
                "--write" => plan.writable.push(next()?.into()),
                "--read" => plan.readable.push(next()?.into()),
                "--network" => plan.network = true,
                "--seccomp" => plan.seccomp = true,
                "--limit" => {
                    let name = next()?;
                    let limit = Limit::parse(name).ok_or_else(|| Failure::new(format!("no limit {name:?}")))?;
                    plan.limits.push((limit, number(next()?)?));
                }
                "--" => {
                    plan.image = next()?.into();
                    return match words.next() {
                        None => Ok(plan),
                        Some(more) => Err(Failure::new(format!("{more:?} is too much"))),
                    };
                }
                _ => return Err(Failure::new(format!("no option {option:?}"))),
            }
        }
        Err(Failure::new("no image: end with `-- IMAGE`"))
    }
}

/// The value of `--namespaces`.
fn namespaces(word: &OsStr) -> Result<Namespaces, Failure> {
    match word.to_str() {
        Some("privileged") => Ok(Namespaces::Privileged),
        Some("user") => Ok(Namespaces::User),
        _ => Err(Failure::new(format!("{word:?} is neither `privileged` nor `user`"))),
    }
}

fn number<T: std::str::FromStr>(word: &OsStr) -> Result<T, Failure> {
    word.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| Failure::new(format!("{word:?} is no number")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan, Failure> {
        Plan::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_whole_line_is_a_plan() {
        let plan = parse(
            "--parent 7 --cgroup /a --cgroup /b --namespaces user --network-namespace --root /r 10 20 --bind /s /t --bind-read /u \
             --landlock --write /w --read /x --network --seccomp --limit files 64 --limit core 0 -- /fn",
        )
        .unwrap();
        assert_eq!(plan.parent, 7);
        assert_eq!(plan.cgroups, [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(plan.namespaces, Some(Namespaces::User));
        assert_eq!(plan.root, Some(Root { folder: "/r".into(), bytes: 10, files: 20 }));
        assert_eq!(plan.binds, [("/s".into(), "/t".into())]);
        assert_eq!(plan.read_only_binds, [PathBuf::from("/u")]);
        assert_eq!(plan.limits, [(Limit::Files, 64), (Limit::Core, 0)]);
        assert!(plan.landlock && plan.seccomp && plan.network_namespace);
        assert!(plan.network);
        assert_eq!((plan.writable, plan.readable), (vec!["/w".into()], vec!["/x".into()]));
        assert_eq!(plan.image, PathBuf::from("/fn"));
    }

    #[test]
    fn what_is_not_understood_starts_nothing() {
        for line in [
            "",
            "--parent 7",
            "--parent x -- /fn",
            "--root /r 1 -- /fn",
            "--namespaces none -- /fn",
            "--limit stack 1 -- /fn",
            "--what -- /fn",
            "-- /fn more",
            "--",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
