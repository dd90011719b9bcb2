//! The content types that an invoker takes and gives.

/// What a response can be labelled as, best first: it is JSON, which is text, which is bytes.
const OFFERED: [&str; 3] = ["application/json", "text/plain", "application/octet-stream"];

/// Whether an event may come under this content type. A missing one means bytes.
pub(crate) fn is_supported(content_type: &str) -> bool {
    let kind = essence(content_type);
    kind.is_empty() || OFFERED.contains(&kind.as_str()) || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The best type for a response under the `Accept` of its caller, in the form of HTTP's header; `None` when there is none.
/// A missing one accepts everything.
pub(crate) fn negotiate(accept: &str) -> Option<&'static str> {
    if accept.trim().is_empty() {
        return Some(OFFERED[0]);
    }
    let weights = OFFERED.map(|offered| weight(accept, offered));
    let best = weights.iter().copied().max().filter(|best| *best > 0)?;
    OFFERED.into_iter().zip(weights).find(|(_, weight)| *weight == best).map(|(offered, _)| offered)
}

/// The weight of a type in thousandths, by the most exact range that names it.
fn weight(accept: &str, offered: &str) -> u32 {
    let group = offered.split_once('/').map_or(offered, |(group, _)| group);
    let ranges = accept.split(',').filter_map(|range| {
        let kind = essence(range);
        let exactness = if kind == offered {
            3
        } else if kind.strip_suffix("/*") == Some(group) {
            2
        } else if kind == "*/*" {
            1
        } else {
            return None;
        };
        Some((exactness, quality(range)))
    });
    ranges.max_by_key(|(exactness, _)| *exactness).map_or(0, |(_, quality)| quality)
}

/// The `q` of a range in thousandths; 1 when there is none, 0 when it can't be read.
fn quality(range: &str) -> u32 {
    let parameter = range.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(value) = parameter else { return 1000 };
    let quality = value.parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality));
    quality.map_or(0, |quality| (quality * 1000.0) as u32)
}

/// `type/subtype` in lower case, without parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_come_as_json_text_or_bytes() {
        for supported in
            ["", "application/json", "Text/Plain; charset=utf-8", "application/octet-stream", "application/x+json"]
        {
            assert!(is_supported(supported), "{supported}");
        }
        for other in ["image/png", "application/xml", "application", "x"] {
            assert!(!is_supported(other), "{other}");
        }
    }

    #[test]
    fn the_best_accepted_type_is_chosen() {
        for (accept, chosen) in [
            ("", Some("application/json")),
            ("*/*", Some("application/json")),
            ("text/plain", Some("text/plain")),
            ("text/*;q=0.5, application/octet-stream;q=0.4", Some("text/plain")),
            ("application/json;q=0.1, text/plain", Some("text/plain")),
            ("application/json;q=0, */*", Some("text/plain")),
            ("image/png, */*;q=0.1", Some("application/json")),
            ("image/png", None),
            ("application/json;q=0", None),
            ("application/json;q=x", None),
        ] {
            assert_eq!(negotiate(accept), chosen, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it(accept in "\\PC{0,60}") {
            let _ = (negotiate(&accept), is_supported(&accept));
        }
    }
}
