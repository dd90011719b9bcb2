//! The W3C trace context of a request.

use hyper::HeaderMap;
use rand::RngCore;
use runtime::Trace;

use super::headers::{TRACE_PARENT, TRACE_STATE};

/// A request's `traceparent` and `tracestate`, passed on unchanged as no span is recorded here. Without a valid one a new
/// trace begins, as the recommendation says: with random ids and not sampled, so that nested calls share its id, and the log
/// lines of one call can be found by it.
pub(crate) fn context(headers: &HeaderMap) -> (String, Option<String>) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let trace = Trace::new(text(TRACE_PARENT), text(TRACE_STATE));
    match trace.parent() {
        Some(parent) => (parent.to_owned(), trace.state().map(str::to_owned)),
        None => (new_parent(), None),
    }
}

/// A new trace. Its flags are those of level 2 of the recommendation: not sampled (bit 0), random id (bit 1).
fn new_parent() -> String {
    let mut random = [0; 24];
    rand::rng().fill_bytes(&mut random);
    // Neither id may be zero.
    random[0] |= 1;
    random[16] |= 1;
    let mut parent = String::with_capacity(55);
    parent.push_str("00-");
    for (index, byte) in random.into_iter().enumerate() {
        if index == 16 {
            parent.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            parent.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    parent.push_str("-02");
    parent
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_valid_context_goes_on_and_any_other_is_replaced() {
        let given = |parent: &str| {
            context(&HeaderMap::from_iter([
                (TRACE_PARENT, parent.parse().unwrap()),
                (TRACE_STATE, "a=1".parse().unwrap()),
            ]))
        };
        assert_eq!(given(PARENT), (PARENT.to_owned(), Some("a=1".to_owned())));
        let (parent, state) = given("00-0-0-00");
        assert!(Trace::new(Some(&parent), None).parent().is_some(), "{parent}");
        assert_eq!(state, None);
        assert_ne!(new_parent(), new_parent());
    }
}
