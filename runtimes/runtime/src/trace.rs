//! The W3C trace context of an invocation, which its nested calls carry on.

/// Longest `tracestate` that is passed on, bytes: what the W3C recommendation asks everybody to pass at least.
const LONGEST_STATE_BYTES: usize = 512;

/// A trace context as W3C's `traceparent` and `tracestate` headers hold it. It is passed on unchanged: this process records
/// no span of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    parent: Option<String>,
    state: Option<String>,
}

impl Trace {
    /// From the headers' values. A `traceparent` that is not valid is dropped together with its `tracestate`, as the
    /// recommendation asks.
    pub fn new(parent: Option<&str>, state: Option<&str>) -> Trace {
        let Some(parent) = parent.map(str::trim).filter(|parent| is_parent(parent)) else { return Trace::default() };
        let state = state.map(str::trim).filter(|state| is_state(state));
        Trace { parent: Some(parent.to_owned()), state: state.map(str::to_owned) }
    }

    /// From AWS X-Ray's header, `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`, which holds the same three things.
    pub fn from_x_ray(header: &str) -> Trace {
        let field = |name: &str| {
            header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let trace_id: String = field("Root").strip_prefix("1-").unwrap_or_default().split('-').collect();
        let flags = if field("Sampled") == "1" { "01" } else { "00" };
        Trace::new(Some(&format!("00-{trace_id}-{}-{flags}", field("Parent"))), None)
    }

    /// The value of `traceparent`.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The value of `tracestate`.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// `version-trace_id-parent_id-flags`, lower-case hexadecimal; neither id is all zero and the version is not `ff`. Later
/// versions may have more fields.
fn is_parent(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut hex = |digits: usize| {
        fields.next().filter(|field| {
            field.len() == digits && field.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    };
    let (Some(version), Some(trace), Some(parent), Some(_)) = (hex(2), hex(32), hex(16), hex(2)) else { return false };
    let zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    version != "ff"
        && !zero(trace)
        && !zero(parent)
        && (version != "00" || text.len() == 55)
        && text.len() <= 512
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_state(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_STATE_BYTES && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_context_is_passed_on_unchanged() {
        let trace = Trace::new(Some(PARENT), Some("a=1,b=2"));
        assert_eq!((trace.parent(), trace.state()), (Some(PARENT), Some("a=1,b=2")));
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like";
        assert_eq!(Trace::new(Some(later), None).parent(), Some(later));
    }

    #[test]
    fn what_is_not_valid_is_dropped_with_its_state() {
        for parent in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-\r\nHost: x",
        ] {
            assert_eq!(Trace::new(Some(parent), Some("a=1")), Trace::default(), "{parent}");
        }
    }

    #[test]
    fn a_state_that_could_break_a_header_is_dropped_alone() {
        let trace = Trace::new(Some(PARENT), Some("a=1\r\nx: y"));
        assert_eq!((trace.parent(), trace.state()), (Some(PARENT), None));
    }

    #[test]
    fn x_rays_header_holds_the_same() {
        let trace = Trace::from_x_ray("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        assert_eq!(trace.parent(), Some("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"));
        assert_eq!(Trace::from_x_ray("Root=1-5759e988-bd862e3fe1be46a994272793"), Trace::default());
        assert_eq!(Trace::from_x_ray(""), Trace::default());
    }

    proptest! {
        #[test]
        fn nothing_that_passes_could_break_a_header(parent in "\\PC{0,80}", state in "[\\x00-\\x7f]{0,40}") {
            let trace = Trace::new(Some(&parent), Some(&state));
            for value in [trace.parent(), trace.state()].into_iter().flatten() {
                prop_assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            }
        }
    }
}
