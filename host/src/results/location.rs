//! Where results are kept: a file, or a PostgreSQL server.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use thiserror::Error;

/// Where results are kept. Shown without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(PostgresUrl),
}

/// A `postgres://` URL. What it doesn't say comes from the environment (`PGHOST`, `PGUSER`, `PGPASSWORD`, ...) and from
/// `.pgpass`, as for PostgreSQL's own programs. Shown without a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

/// A URL that names no PostgreSQL database.
#[derive(Debug, Error)]
// The URL itself may hold a password, so it isn't repeated.
#[error("this PostgreSQL URL can't be used; it looks like `postgres://USER@HOST:PORT/DATABASE`")]
pub struct LocationError(#[source] sqlx::Error);

impl FromStr for Location {
    type Err = LocationError;

    /// `postgres://...` and `postgresql://...` are servers, anything else is a file.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Ok(Self::File(PathBuf::from(text)));
        }
        PgConnectOptions::from_str(text).map_err(LocationError)?;
        Ok(Self::Postgres(PostgresUrl(text.to_owned())))
    }
}

impl Location {
    /// What `FAASBENCH_RESULTS` has to hold for a process of ours in whatever folder, password and all. Not to be shown.
    pub fn for_environment(&self) -> OsString {
        match self {
            Self::File(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()).into_os_string(),
            Self::Postgres(url) => url.0.clone().into(),
        }
    }
}

impl PostgresUrl {
    /// The options to connect with, password and all.
    pub(super) fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        PgConnectOptions::from_str(&self.0)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, query) = match self.0.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (self.0.as_str(), None),
        };
        let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
        // A password may hold an `@`, and even a `/` where nobody escaped it: everything before the last `@` is taken
        // for user and password.
        let shown = match rest.rsplit_once('@') {
            Some((user, place)) => format!("{}@{place}", user.split(':').next().unwrap_or_default()),
            None => rest.to_owned(),
        };
        write!(formatter, "{scheme}://{shown}")?;
        let public = |pair: &&str| !pair.to_ascii_lowercase().contains("pass");
        let kept: Vec<&str> = query.into_iter().flat_map(|query| query.split('&')).filter(public).collect();
        if kept.is_empty() { Ok(()) } else { write!(formatter, "?{}", kept.join("&")) }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PostgresUrl({self})")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Postgres(url) => url.fmt(formatter),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn urls_are_servers_and_everything_else_is_a_file() {
        let parse = |text: &str| text.parse::<Location>().unwrap();
        assert!(matches!(parse("postgres://localhost/team"), Location::Postgres(_)));
        assert!(matches!(parse("postgresql:///team"), Location::Postgres(_)));
        assert_eq!(parse("postgres.db"), Location::File("postgres.db".into()));
        assert_eq!(parse("a folder/b:c@d.db"), Location::File("a folder/b:c@d.db".into()));
        assert!("postgres://host:port/team".parse::<Location>().is_err());
    }

    #[test]
    fn no_password_is_ever_shown() {
        let cases = [
            ("postgres://me:secret@host:5432/team", "postgres://me@host:5432/team"),
            ("postgres://me:se%40cret@host/team?sslmode=require", "postgres://me@host/team?sslmode=require"),
            ("postgresql://:secret@host/team", "postgresql://@host/team"),
            ("postgres://host/team?user=me&password=secret", "postgres://host/team?user=me"),
            ("postgres:///team?host=/run/postgresql", "postgres:///team?host=/run/postgresql"),
            ("postgres://me@host/team", "postgres://me@host/team"),
        ];
        for (given, shown) in cases {
            let location: Location = given.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert!(!format!("{location:?}").contains("secret"), "{location:?}");
        }
        let refused = "postgres://me:secret@host:port/team".parse::<Location>().unwrap_err();
        assert!(!format!("{refused:?}").contains("secret"), "{refused:?}");
    }
}
