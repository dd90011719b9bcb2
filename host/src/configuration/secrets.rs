//! Credentials have no place in the file.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// Parts of names that only credentials have.
const WORDS: [&str; 9] =
    ["password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "privatekey", "accesskey"];

/// The first key that looks like a credential, with its tables, and where it is.
pub(super) fn find(table: &DeTable<'_>) -> Option<(String, Range<usize>)> {
    in_table(table, "")
}

fn in_table(table: &DeTable<'_>, within: &str) -> Option<(String, Range<usize>)> {
    table.iter().find_map(|(key, value)| {
        let path = if within.is_empty() { key.get_ref().to_string() } else { format!("{within}.{}", key.get_ref()) };
        if names_a_credential(key.get_ref()) || holds_a_password(value.get_ref()) {
            return Some((path, key.span()));
        }
        in_value(value.get_ref(), &path)
    })
}

fn in_value(value: &DeValue<'_>, path: &str) -> Option<(String, Range<usize>)> {
    match value {
        DeValue::Table(table) => in_table(table, path),
        DeValue::Array(values) => values.iter().find_map(|value| in_value(value.get_ref(), path)),
        _ => None,
    }
}

fn names_a_credential(key: &str) -> bool {
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    WORDS.iter().any(|word| key.contains(word))
}

/// Whether it is a URL with a password in it.
fn holds_a_password(value: &DeValue<'_>) -> bool {
    let Some((_, rest)) = value.as_str().and_then(|text| text.split_once("://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[track_caller]
    fn found(text: &str) -> Option<String> {
        find(DeTable::parse(text).unwrap().get_ref()).map(|(key, _)| key)
    }

    #[test]
    fn credentials_are_found_wherever_they_are() {
        assert_eq!(found("password = 'x'").unwrap(), "password");
        assert_eq!(
            found("[targets.a]\nplatform = 'wasm'\n[targets.a.env]\nDB_PASSWORD = 'x'").unwrap(),
            "targets.a.env.DB_PASSWORD"
        );
        assert_eq!(found("[targets.a]\nAPI-Key = 'x'").unwrap(), "targets.a.API-Key");
        assert_eq!(found("[targets.a]\nendpoint = 'https://me:pw@host/x'").unwrap(), "targets.a.endpoint");
        assert_eq!(found("[[targets.a]]\naws_secret_access_key = 'x'").unwrap(), "targets.a.aws_secret_access_key");
    }

    #[test]
    fn what_is_none_is_let_through() {
        assert_eq!(
            found("[targets.a]\nendpoint = 'https://me@host/a:b@c'\nkeep-alive = 1\n[defaults]\nmemory = 1"),
            None
        );
    }
}
