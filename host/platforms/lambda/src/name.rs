//! Names and regions that AWS would refuse, refused before anything is asked for.

use platform::PlatformError;

/// The longest name of a function.
const FUNCTION: usize = 64;

/// The partition that a region is in, which begins every ARN there.
pub(crate) fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Checks that this can be a region: `eu-central-1`, `us-gov-west-1`.
pub(crate) fn check_region(region: &str) -> Result<(), PlatformError> {
    let mut parts = region.split('-').rev();
    let number = parts
        .next()
        .is_some_and(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
    let words: Vec<_> = parts.collect();
    let plain = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let area = words.last().is_some_and(|area| (2..=4).contains(&area.len()));
    if number && words.len() >= 2 && area && words.iter().all(plain) {
        return Ok(());
    }
    let shown: String = region.chars().take(40).collect();
    Err(PlatformError::Invalid(format!("{shown:?} is no region of AWS; give one as in `region = \"eu-central-1\"`")))
}

/// The name of a deployment's function.
pub(crate) fn function(prefix: &str, name: &str) -> Result<String, PlatformError> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if prefix.is_empty() || prefix.len() > 32 || !plain(prefix) {
        return Err(PlatformError::Invalid(
            "the option `prefix` of lambda is 1 to 32 letters, digits, '-' and '_': a function may call what has the same prefix"
                .to_owned(),
        ));
    }
    if name.is_empty() || !plain(name) {
        let shown: String = name.chars().take(80).collect();
        return Err(PlatformError::Invalid(format!(
            "{shown:?} can't name a function of lambda; give letters, digits and '-'"
        )));
    }
    let full = format!("{prefix}{name}");
    if full.len() > FUNCTION {
        return Err(PlatformError::Invalid(format!(
            "`{full}` is longer than the {FUNCTION} letters that a function's name has on lambda; shorten the name or the option \
             `prefix`"
        )));
    }
    Ok(full)
}

/// Checks that this is the ARN of something of IAM, `arn:aws:iam::123456789012:role/name`.
pub(crate) fn check_arn(option: &str, arn: &str, what: &str) -> Result<(), PlatformError> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let usable = matches!(parts.as_slice(), ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && (*account == "aws" || is_account(account)) && resource.starts_with(&format!("{what}/"))
            && resource.len() > what.len() + 1);
    if usable {
        return Ok(());
    }
    Err(PlatformError::Invalid(format!(
        "the option `{option}` of lambda is no ARN of a {what}; give one as in `arn:aws:iam::123456789012:{what}/NAME`"
    )))
}

/// Whether this is the number of an account.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_region_is_an_area_words_and_a_number() {
        for region in
            ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5", "eusc-de-east-1", "us-iso-east-1"]
        {
            assert!(check_region(region).is_ok(), "{region}");
        }
        for region in
            ["", "eu", "eu-1", "eu-central", "EU-central-1", "eu-central-1a", "eu--central-1", "localhost", "a.b-c-1"]
        {
            assert!(check_region(region).is_err(), "{region}");
        }
    }

    #[test]
    fn a_partition_is_its_regions() {
        let all = [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
        ];
        for (region, name) in all {
            assert_eq!(partition(region), name);
        }
    }

    #[test]
    fn a_role_is_named_by_its_arn() {
        assert!(check_arn("role", "arn:aws:iam::123456789012:role/path/name", "role").is_ok());
        assert!(check_arn("permissions-boundary", "arn:aws:iam::aws:policy/Boundary", "policy").is_ok());
        for arn in
            ["name", "arn:aws:iam::12:role/x", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::123456789012:role/"]
        {
            assert!(check_arn("role", arn, "role").is_err(), "{arn}");
        }
    }

    #[test]
    fn a_functions_name_has_the_prefix_and_at_most_64_letters() {
        assert_eq!(function("faasbench-", "function1").unwrap(), "faasbench-function1");
        for (prefix, name) in
            [("", "f"), ("a*", "f"), ("p-", ""), ("p-", "a/b"), ("p-", "a:b"), ("faasbench-", &"f".repeat(60))]
        {
            assert!(function(prefix, name).is_err(), "{prefix}{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_can_stand_in_a_path_and_in_an_arn(prefix in "\\PC{0,40}", name in "\\PC{0,70}") {
            if let Ok(full) = function(&prefix, &name) {
                prop_assert!(full.len() <= 64 && full.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
            }
        }
    }
}
