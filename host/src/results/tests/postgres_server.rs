//! A PostgreSQL server for tests: in a temporary folder, on a free port, gone with the process that started it.
//!
//! Needs PostgreSQL's own programs (in the path, or where distributions put them). With `DATABASE_URL` set that server is
//! used instead; its user must be allowed to create databases.

#![allow(dead_code, reason = "shared by tests that need different parts of it")]

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A server that a test may use.
pub(crate) struct PostgresServer {
    programs: PathBuf,
    kind: Kind,
}

enum Kind {
    /// `DATABASE_URL`.
    Given {
        url: String,
    },
    Ours(Ours),
}

/// Ends the server and removes its folder when dropped, and when this process ends in whatever way.
struct Ours {
    folder: PathBuf,
    port: u16,
    user: Option<User>,
    /// Waits for the other end of its standard input to be closed, which the system does too.
    watcher: Child,
}

/// An account that a server may run as: it refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

/// A fresh database, dropped at the end.
pub(crate) struct PostgresDatabase {
    name: String,
    url: String,
    /// The server's URL and `psql`, where the server stays.
    drop_from: Option<(PathBuf, String)>,
}

impl PostgresServer {
    /// One server for all tests of this process. None, and a line on standard error, where there is none to be had.
    pub(crate) fn shared() -> Option<&'static PostgresServer> {
        static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
        SERVER
            .get_or_init(|| match (std::env::var("DATABASE_URL"), programs()) {
                (Ok(url), Some(programs)) if !url.is_empty() => {
                    Some(PostgresServer { programs, kind: Kind::Given { url } })
                }
                _ => PostgresServer::start(),
            })
            .as_ref()
    }

    /// A server for one test, which may stop it.
    pub(crate) fn start() -> Option<PostgresServer> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL server is installed here");
            return None;
        };
        let user = account();
        let folder = tempfile::Builder::new().prefix("faasbench-postgres-").tempdir().unwrap().keep();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        if let Some(user) = user {
            chown(&folder, Some(user.id), Some(user.group)).unwrap();
        }
        let data = folder.join("data");
        let script = r#"trap '' INT TERM HUP; read -r _; "$1" -D "$2/data" -m immediate stop; rm -rf "$2""#;
        let watcher = as_user("/bin/sh".as_ref(), user, &folder)
            .args(["-c", script, "sh"])
            .args([programs.join("pg_ctl"), folder.clone()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut ours = Ours { folder: folder.clone(), port: 0, user, watcher };
        let made = as_user(&programs.join("initdb"), user, &folder)
            .args(["-A", "trust", "-U", "postgres", "-N", "-E", "UTF8", "--locale=C", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        for attempt in 0.. {
            ours.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let started = ours.pg_ctl_start(&programs);
            if started.status.success() {
                break;
            }
            // Somebody else may have taken the port in between.
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(attempt < 5, "pg_ctl: {}\n{log}", String::from_utf8_lossy(&started.stderr));
        }
        Some(PostgresServer { programs, kind: Kind::Ours(ours) })
    }

    /// Cuts all connections, as a crash of the server does. Only for one that was started for this test.
    pub(crate) fn stop(&self) {
        let ours = self.ours();
        let stopped = ours.pg_ctl(&self.programs).args(["-m", "immediate", "stop"]).output().unwrap();
        assert!(stopped.status.success(), "pg_ctl: {}", String::from_utf8_lossy(&stopped.stderr));
    }

    /// Starts it again after [`PostgresServer::stop`], on the same port with the same data.
    pub(crate) fn restart(&self) {
        let started = self.ours().pg_ctl_start(&self.programs);
        assert!(started.status.success(), "pg_ctl: {}", String::from_utf8_lossy(&started.stderr));
    }

    /// A new database.
    pub(crate) fn database(&self) -> PostgresDatabase {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("faasbench_test_{}_{number}", std::process::id());
        psql(&self.programs, &self.url("postgres"), &format!("CREATE DATABASE {name}"));
        let drop_from = match &self.kind {
            Kind::Given { url } => Some((self.programs.clone(), url.clone())),
            Kind::Ours(_) => None,
        };
        PostgresDatabase { url: self.url(&name), name, drop_from }
    }

    /// The URL of a database on it.
    pub(crate) fn url(&self, database: &str) -> String {
        match &self.kind {
            Kind::Ours(ours) => format!("postgres://postgres@127.0.0.1:{}/{database}", ours.port),
            Kind::Given { url } if database == "postgres" => url.clone(),
            Kind::Given { url } => with_database(url, database),
        }
    }

    fn ours(&self) -> &Ours {
        match &self.kind {
            Kind::Ours(ours) => ours,
            Kind::Given { .. } => panic!("the server of DATABASE_URL is not to be stopped"),
        }
    }
}

impl Ours {
    fn pg_ctl(&self, programs: &Path) -> Command {
        let mut command = as_user(&programs.join("pg_ctl"), self.user, &self.folder);
        command.arg("-D").arg(self.folder.join("data"));
        command
    }

    fn pg_ctl_start(&self, programs: &Path) -> Output {
        // Without fsync, since the data needs to outlive the server and not the machine.
        let options = format!("-F -h 127.0.0.1 -p {} -k {}", self.port, self.folder.display());
        self.pg_ctl(programs)
            .arg("-l")
            .arg(self.folder.join("log"))
            .args(["-w", "-o", &options, "start"])
            // The server keeps what it inherits, so that nobody is to wait for its end of a pipe.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Its `read` ends.
        if let Some(mut input) = self.watcher.stdin.take() {
            let _ = input.write_all(b"\n");
        }
        let _ = self.watcher.wait();
    }
}

impl PostgresDatabase {
    /// `postgres://...`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if let Some((programs, url)) = &self.drop_from {
            psql(programs, url, &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

/// The folder of PostgreSQL's programs, those of the newest version.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let mut installed: Vec<PathBuf> = ["/usr/lib/postgresql", "/usr/pgsql"]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path().join("bin"))))
        .collect();
    installed.sort_by_key(|folder| {
        let version = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|version| version.parse::<u32>().ok()))
    });
    let needed = ["initdb", "pg_ctl", "postgres", "psql"];
    in_path.into_iter().chain(installed).find(|folder| needed.iter().all(|program| folder.join(program).is_file()))
}

/// Somebody else when we are root.
fn account() -> Option<User> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| {
        let mut fields = accounts.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
    })
}

fn as_user(program: &Path, user: Option<User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    // A variable of somebody's own server is not to reach ours.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    if let Some(user) = user {
        command.gid(user.group).uid(user.id);
    }
    command
}

fn psql(programs: &Path, url: &str, sql: &str) {
    let done = Command::new(programs.join("psql")).args(["-X", "-q", "-d", url, "-c", sql]).output().unwrap();
    assert!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr));
}

/// The URL with another database in it.
fn with_database(url: &str, database: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").unwrap();
    let host = rest.split('/').next().unwrap();
    format!("{scheme}://{host}/{database}{}", query.map(|query| format!("?{query}")).unwrap_or_default())
}
