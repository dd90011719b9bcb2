//! Who may use the endpoint.

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use crate::Variables;

const ID_VARIABLE: &str = "FAASBENCH_S3_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "FAASBENCH_S3_SECRET_ACCESS_KEY";

/// One half of the key is in the environment, and the other is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{set} is set and {missing} is not: set both, or neither for a key that is made for this start")]
pub struct HalfAccessKey {
    set: &'static str,
    missing: &'static str,
}

/// An access key and its secret, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    id: String,
    secret: String,
}

impl AccessKey {
    /// A key of one's own.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> AccessKey {
        AccessKey { id: id.into(), secret: secret.into() }
    }

    /// The key in `FAASBENCH_S3_ACCESS_KEY_ID` and `FAASBENCH_S3_SECRET_ACCESS_KEY`, or else one made for this start. Those of
    /// AWS are not taken: they are for AWS, and would be shared with whoever uses this endpoint. A variable that is empty counts
    /// as absent.
    ///
    /// # Errors
    /// When there is one of the two: a key other than the one that was meant would keep everybody out.
    pub fn from_variables(variables: Variables<'_>) -> Result<AccessKey, HalfAccessKey> {
        let set = |name| variables(name).filter(|value| !value.is_empty());
        match (set(ID_VARIABLE), set(SECRET_VARIABLE)) {
            (Some(id), Some(secret)) => Ok(AccessKey { id, secret }),
            (None, None) => Ok(AccessKey::generate()),
            (Some(_), None) => Err(HalfAccessKey { set: ID_VARIABLE, missing: SECRET_VARIABLE }),
            (None, Some(_)) => Err(HalfAccessKey { set: SECRET_VARIABLE, missing: ID_VARIABLE }),
        }
    }

    /// A random key: its secret has 244 random bits.
    pub fn generate() -> AccessKey {
        let random = || Uuid::new_v4().simple().to_string();
        let id: String = random().to_uppercase().chars().take(16).collect();
        AccessKey { id: format!("FBEN{id}"), secret: format!("{}{}", random(), random()) }
    }

    /// The key's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret: for the environment of those that may use the endpoint, and for nothing else.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_that_of_the_environment_or_a_new_one() {
        let key = AccessKey::from_variables(&|name| Some(format!("value of {name}"))).unwrap();
        assert_eq!(key.secret(), "value of FAASBENCH_S3_SECRET_ACCESS_KEY");
        let made = || AccessKey::from_variables(&|_| Some(String::new())).unwrap();
        let (first, second) = (made(), made());
        assert!(first != second && first.secret().len() == 64 && first.id().len() == 20);
        assert!(!format!("{first:?}").contains(first.secret()));
    }

    #[test]
    fn half_a_key_is_refused_without_showing_it() {
        for (set, missing) in [(ID_VARIABLE, SECRET_VARIABLE), (SECRET_VARIABLE, ID_VARIABLE)] {
            let half = |name: &str| (name == set).then(|| "hidden".to_owned());
            let message = AccessKey::from_variables(&half).unwrap_err().to_string();
            assert!(message.contains(&format!("{missing} is not")) && !message.contains("hidden"), "{message}");
        }
    }
}
