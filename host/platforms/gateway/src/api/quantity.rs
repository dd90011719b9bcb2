//! Amounts as Kubernetes, and so OpenFaaS, writes them.

/// Bytes: `134217728`, `128Mi`, `128M`.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, factor) = split(text)?;
    let factor = match factor {
        "" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * factor;
    // Beyond this a float does not hold every whole number.
    (1.0..9e15).contains(&bytes).then_some(bytes as u64)
}

/// Processors: `0.5`, `500m`.
pub(crate) fn processors(text: &str) -> Option<f64> {
    let (number, unit) = split(text)?;
    let processors = match unit {
        "" => number,
        "m" => number / 1000.0,
        _ => return None,
    };
    (processors > 0.0 && processors <= 1024.0).then_some(processors)
}

fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_kubernetes_does() {
        assert_eq!(bytes("128Mi"), Some(128 << 20));
        assert_eq!(bytes("128M"), Some(128_000_000));
        assert_eq!(bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(bytes("4096"), Some(4096));
        assert_eq!(processors("100m"), Some(0.1));
        assert_eq!(processors("2"), Some(2.0));
        for bad in ["", "Mi", "-1", "0", "1Xi", "1e3", "128 Mi"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
        for bad in ["", "0", "1k", "-1"] {
            assert_eq!(processors(bad), None, "{bad}");
        }
    }
}
