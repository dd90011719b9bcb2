//! S3's answers in XML.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use percent_encoding::percent_decode_str;

/// One page of `ListObjectsV2`.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Listing {
    /// Keys and sizes in bytes, in the order of the answer.
    pub objects: Vec<(String, u64)>,
    /// Whether there are more.
    pub truncated: bool,
}

/// Reads a `ListBucketResult`; `None` for anything else.
pub fn parse(xml: &str) -> Option<Listing> {
    let result = element(xml, "ListBucketResult")?.0;
    let encoded = element(result, "EncodingType").is_some_and(|(kind, _)| kind == "url");
    let truncated = element(result, "IsTruncated")?.0.trim() == "true";
    let mut listing = Listing { objects: Vec::new(), truncated };
    let mut rest = result;
    while let Some((contents, after)) = element(rest, "Contents") {
        let key = unescape(element(contents, "Key")?.0);
        // In this encoding a blank is a plus, as in forms.
        let key =
            if encoded { percent_decode_str(&key.replace('+', " ")).decode_utf8().ok()?.into_owned() } else { key };
        listing.objects.push((key, element(contents, "Size")?.0.trim().parse().ok()?));
        rest = after;
    }
    Some(listing)
}

/// Code and message of an `Error`.
pub fn parse_error(xml: &str) -> Option<(String, String)> {
    let error = element(xml, "Error")?.0;
    let message = element(error, "Message").map(|(message, _)| unescape(message)).unwrap_or_default();
    Some((unescape(element(error, "Code")?.0), message))
}

/// What is in the first element `name`, and what follows it. S3 nests no element in one of its own name.
fn element<'a>(xml: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = xml;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        let Some(after) = rest.strip_prefix(name) else { continue };
        let (attributes, inside) = after.split_once('>')?;
        if attributes.ends_with('/') {
            return Some(("", inside));
        }
        if !(attributes.is_empty() || attributes.starts_with(char::is_whitespace)) {
            continue;
        }
        let mut end = 0;
        loop {
            let start = end + inside[end..].find("</")?;
            end = start + 2;
            if let Some(after) = inside[end..].strip_prefix(name)
                && let Some(after) = after.trim_start().strip_prefix('>')
            {
                return Some((&inside[..start], after));
            }
        }
    }
}

fn unescape(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        whole.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some((entity, after)) = rest[1..].split_once(';') else { break };
        match character(entity) {
            Some(character) => whole.push(character),
            None => whole.push_str(&rest[..entity.len() + 2]),
        }
        rest = after;
    }
    whole.push_str(rest);
    whole.to_owned()
}

fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_in_its_order() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix/>
            <KeyCount>2</KeyCount><IsTruncated>true</IsTruncated>
            <Contents><Key>a &amp; b&#x2F;c</Key><Size>12</Size></Contents>
            <Contents><ETag>&quot;x&quot;</ETag><Size> 0 </Size><Key>%41+</Key></Contents></ListBucketResult>"#;
        let listing = parse(xml).unwrap();
        assert_eq!(listing.objects, [("a & b/c".into(), 12), ("%41+".into(), 0)]);
        assert!(listing.truncated);
    }

    #[test]
    fn encoded_keys_are_decoded() {
        let xml = "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>\
                   <Contents><Key>a+b%2Bc/%C3%A9</Key><Size>1</Size></Contents></ListBucketResult>";
        let listing = parse(xml).unwrap();
        assert_eq!((listing.objects, listing.truncated), (alloc::vec![("a b+c/é".into(), 1)], false));
    }

    #[test]
    fn an_empty_page_has_no_objects() {
        let listing = parse("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>").unwrap();
        assert_eq!(listing, Listing::default());
    }

    #[test]
    fn what_is_no_listing_is_none() {
        for xml in ["", "<", "<html></html>", "<ListBucketResult>", "<ListBucketResult></ListBucketResult>", "<a></a"] {
            assert_eq!(parse(xml), None, "{xml}");
        }
    }

    #[test]
    fn an_error_is_its_code_and_message() {
        let xml = "<Error><Code>NoSuchKey</Code><Message>it &lt;is&gt; gone &unknown; &</Message></Error>";
        assert_eq!(parse_error(xml), Some(("NoSuchKey".into(), "it <is> gone &unknown; &".into())));
        assert_eq!(parse_error("<Error><Code>X</Code></Error>"), Some(("X".into(), String::new())));
    }
}
