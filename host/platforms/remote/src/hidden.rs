//! What must not be shown: some servers repeat in an error what they were sent.

use std::fmt;
use std::sync::Arc;

use crate::Authorization;

/// Hiding a text of a few letters would hide nothing and spoil what is said.
const SHORTEST_CREDENTIAL: usize = 4;
const SHORTEST_VALUE: usize = 8;

/// Texts that must not be shown.
#[derive(Clone, Default)]
pub(crate) struct Hidden(Arc<Vec<String>>);

impl Hidden {
    /// What lets requests in.
    pub(crate) fn new(authorization: Option<&Authorization>) -> Hidden {
        authorization.map_or_else(Hidden::default, |authorization| Hidden::default().and_of(authorization))
    }

    /// What else lets requests in, too.
    pub(crate) fn and_of(&self, authorization: &Authorization) -> Hidden {
        let credentials = authorization.secrets().into_iter().filter(|text| text.len() >= SHORTEST_CREDENTIAL);
        Hidden::sorted(self.0.iter().cloned().chain(credentials).collect())
    }

    /// These too.
    pub(crate) fn and(&self, values: impl IntoIterator<Item = String>) -> Hidden {
        let values = values.into_iter().filter(|text| text.len() >= SHORTEST_VALUE);
        Hidden::sorted(self.0.iter().cloned().chain(values).collect())
    }

    /// Of texts of which one holds the other, the longer goes first.
    fn sorted(mut texts: Vec<String>) -> Hidden {
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Hidden(Arc::new(texts))
    }

    /// A text without them.
    pub(crate) fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| text.replace(secret.as_str(), "(not shown)"))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({} texts)", self.0.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_not_shown() {
        let basic = Authorization::basic("admin", "open sesame").unwrap();
        let hidden = Hidden::new(Some(&basic)).and(["storage-secret".to_owned(), "storage-secret-2".to_owned()]);
        let said = hidden.redact("no YWRtaW46b3BlbiBzZXNhbWU= or open sesame or storage-secret-2 here".to_owned());
        assert_eq!(said, "no (not shown) or (not shown) or (not shown) here");
        assert_eq!(format!("{hidden:?}"), "Hidden(5 texts)");
    }

    #[test]
    fn a_few_letters_are_no_secret() {
        let hidden = Hidden::new(Authorization::basic("a", "b").as_ref()).and(["true".to_owned()]);
        assert_eq!(hidden.redact("about true b".to_owned()), "about true b");
    }
}
