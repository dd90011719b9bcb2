//! The trace of a tree.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::clocks::Corrected;
use crate::Span;
use crate::otlp::{CLOCK_OFFSET, KIND};
use crate::records::Hop;
use crate::timed_call::TimedCall;

/// Names one trace and its first span, as W3C's `traceparent` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceContext {
    pub(super) trace_id: String,
    pub(super) span_id: String,
}

impl TraceContext {
    pub(super) fn new() -> TraceContext {
        TraceContext { trace_id: Uuid::new_v4().simple().to_string(), span_id: span_id() }
    }

    /// The header's value: version 00, sampled.
    pub(super) fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }
}

/// 16 random hexadecimal digits, not all zero: the first of them hold a version that is not.
fn span_id() -> String {
    let mut text = Uuid::new_v4().simple().to_string();
    text.truncate(16);
    text
}

/// The spans of a tree: our call; for every hop the call that its caller made of it, and its execution. Times are those of
/// whoever did it; the offset from the clock here is an attribute.
pub(super) fn spans(
    context: &TraceContext,
    root: &str,
    call: &TimedCall,
    hops: &[Hop],
    corrected: &[Corrected],
) -> Vec<Span> {
    let attributes = |pairs: &[(&str, String)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    };
    let client = |more: &[(&str, String)]| {
        let mut all = attributes(more);
        all.insert(KIND.to_owned(), "client".to_owned());
        all
    };
    let mut spans = vec![Span {
        trace_id: context.trace_id.clone(),
        span_id: context.span_id.clone(),
        parent_span_id: None,
        name: format!("call {root}"),
        service: "faasbench".to_owned(),
        start_unix_ns: call.start_unix_ns,
        duration_ns: call.total_ns,
        is_error: !call.is_success(),
        attributes: client(&call.failure.iter().map(|kind| ("error.type", kind.clone())).collect::<Vec<_>>()),
    }];
    let mut executions: Vec<String> = Vec::with_capacity(hops.len());
    for (hop, corrected) in hops.iter().zip(corrected) {
        let own = span_id();
        let caller = hop.caller.and_then(|caller| Some((hops.get(caller)?, executions.get(caller)?)));
        let mut parent = context.span_id.clone();
        if let (Some((caller, callers_span)), Some(invoked)) = (caller, hop.invoked) {
            parent = span_id();
            let mut more = vec![
                (CLOCK_OFFSET, whole(corrected.callers.offset_ns)),
                ("clock.uncertainty_ns", whole(corrected.callers.uncertainty_ns)),
                ("faas.invoked_name", hop.function.clone()),
            ];
            more.extend(hop.error.iter().map(|error| ("error.message", error.clone())));
            spans.push(Span {
                trace_id: context.trace_id.clone(),
                span_id: parent.clone(),
                parent_span_id: Some(callers_span.clone()),
                name: format!("call {}", hop.function),
                service: caller.function.clone(),
                start_unix_ns: invoked.start_unix_ns,
                duration_ns: invoked.length_ns,
                is_error: hop.error.is_some(),
                attributes: client(&more),
            });
        }
        if let Some(executed) = hop.executed {
            let mut more = vec![
                (KIND, "server".to_owned()),
                (CLOCK_OFFSET, whole(corrected.own.offset_ns)),
                ("clock.uncertainty_ns", whole(corrected.own.uncertainty_ns)),
                ("faas.invocation_id", hop.identifier.clone()),
            ];
            more.extend(hop.instance.iter().map(|instance| ("faas.instance", instance.clone())));
            more.extend(hop.is_cold.iter().map(|is_cold| ("faas.coldstart", is_cold.to_string())));
            spans.push(Span {
                trace_id: context.trace_id.clone(),
                span_id: own.clone(),
                parent_span_id: Some(parent),
                name: hop.function.clone(),
                service: hop.function.clone(),
                start_unix_ns: executed.start_unix_ns,
                duration_ns: executed.length_ns,
                is_error: hop.error.is_some(),
                attributes: attributes(&more),
            });
        }
        executions.push(own);
    }
    spans
}

/// Whole ns; what is not known is no number.
fn whole(ns: f64) -> String {
    if ns.is_finite() { format!("{ns:.0}") } else { "unknown".to_owned() }
}
