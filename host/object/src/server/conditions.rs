//! Requests that depend on what is there.

use s3s::dto::{ETag, ETagCondition};
use s3s::{S3Result, s3_error};

/// Refuses unless an object of this etag (`None`: no object) is what the request expects.
pub(super) fn check(
    etag: Option<&str>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| match (condition, etag) {
        (_, None) => false,
        (ETagCondition::Any, Some(_)) => true,
        (ETagCondition::ETag(expected), Some(etag)) => ETag::Strong(etag.to_owned()).weak_cmp(expected),
    };
    if if_match.is_some_and(|condition| !is(condition)) || if_none_match.is_some_and(is) {
        return Err(s3_error!(PreconditionFailed));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_met_by_what_is_there() {
        let etag = |text: &str| ETagCondition::ETag(ETag::Strong(text.to_owned()));
        for (present, matches, none_match, passes) in [
            (None, None, None, true),
            (None, None, Some(ETagCondition::Any), true),
            (Some("a"), None, Some(ETagCondition::Any), false),
            (Some("a"), Some(etag("a")), None, true),
            (Some("b"), Some(etag("a")), None, false),
            (None, Some(etag("a")), None, false),
            (Some("a"), None, Some(etag("a")), false),
            (Some("b"), None, Some(etag("a")), true),
        ] {
            let checked = check(present, matches.as_ref(), none_match.as_ref());
            assert_eq!(checked.is_ok(), passes, "{present:?} {matches:?} {none_match:?}");
        }
    }
}
