//! A trace's context in the form of X-Ray.

/// A W3C `traceparent`, `00-TRACE-PARENT-FLAGS`, as the header `X-Amzn-Trace-Id`; `None` for what is none.
pub fn x_ray(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if version != "00" || !hexadecimal(trace, 32) || !hexadecimal(parent, 16) || !hexadecimal(flags, 2) {
        return None;
    }
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    Some(format!("Root=1-{}-{};Parent={parent};Sampled={sampled}", &trace[..8], &trace[8..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_trace_goes_on_in_x_rays_header() {
        let header = x_ray("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let expected = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
        assert_eq!(header.as_deref(), Some(expected));
        for wrong in ["", "00-4bf9-00f0-01", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] {
            assert_eq!(x_ray(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_a_panic(text in "\\PC{0,80}") {
            let _ = x_ray(&text);
        }
    }
}
