//! Our spans as OpenTelemetry has them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as ProtoSpan, Status};

use super::export::OtlpError;
use crate::Span;

/// The attribute that holds by how much the span's clock is ahead of the clock here, ns. A receiver is given times by the clock
/// here, so that spans of several machines lie where they belong.
pub(crate) const CLOCK_OFFSET: &str = "clock.offset_ns";
/// The attribute that says whether the span is a `client`'s or a `server`'s; OpenTelemetry has a field for it.
pub(crate) const KIND: &str = "span.kind";

/// The request that holds the spans, by the services that made them.
pub(super) fn request(spans: &[Span]) -> Result<ExportTraceServiceRequest, OtlpError> {
    let mut services = BTreeMap::<&str, Vec<ProtoSpan>>::new();
    for span in spans {
        services.entry(&span.service).or_default().push(proto(span)?);
    }
    let resource_spans = services.into_iter().map(|(service, spans)| ResourceSpans {
        resource: Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "faasbench".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            }),
            spans,
            schema_url: String::new(),
        }],
        schema_url: String::new(),
    });
    Ok(ExportTraceServiceRequest { resource_spans: resource_spans.collect() })
}

fn proto(span: &Span) -> Result<ProtoSpan, OtlpError> {
    let offset_ns = span.attributes.get(CLOCK_OFFSET).and_then(|offset| offset.parse::<i64>().ok()).unwrap_or(0);
    let start_time_unix_nano = span.start_unix_ns.saturating_add_signed(offset_ns.saturating_neg());
    let kind = match span.attributes.get(KIND).map(String::as_str) {
        Some("client") => SpanKind::Client,
        Some("server") => SpanKind::Server,
        _ => SpanKind::Internal,
    };
    let attributes =
        span.attributes.iter().filter(|(name, _)| *name != KIND).map(|(name, value)| attribute(name, value));
    let parent_span_id = span.parent_span_id.as_ref().map(|id| identifier(id, 8)).transpose()?.unwrap_or_default();
    Ok(ProtoSpan {
        trace_id: identifier(&span.trace_id, 16)?,
        span_id: identifier(&span.span_id, 8)?,
        parent_span_id,
        // Sampled, as W3C's flags have it.
        flags: 1,
        name: span.name.clone(),
        kind: kind.into(),
        start_time_unix_nano,
        end_time_unix_nano: start_time_unix_nano.saturating_add(span.duration_ns),
        attributes: attributes.collect(),
        status: span.is_error.then(|| Status {
            message: span.attributes.get("error.message").cloned().unwrap_or_default(),
            code: StatusCode::Error.into(),
        }),
        ..ProtoSpan::default()
    })
}

/// A value that is a whole number or a truth is given as one.
fn attribute(name: &str, value: &str) -> KeyValue {
    let value = match (value.parse::<i64>(), value.parse::<bool>()) {
        (Ok(number), _) => Value::IntValue(number),
        (_, Ok(truth)) => Value::BoolValue(truth),
        _ => return text(name, value),
    };
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}

/// The bytes of an id, which has so many of them and is not zero.
fn identifier(text: &str, bytes: usize) -> Result<Vec<u8>, OtlpError> {
    let wrong = || OtlpError::Identifier { id: text.to_owned(), digits: 2 * bytes };
    if text.len() != 2 * bytes || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| wrong());
    let id: Vec<u8> = (0..bytes).map(byte).collect::<Result<_, _>>()?;
    if id.iter().all(|byte| *byte == 0) { Err(wrong()) } else { Ok(id) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn span() -> Span {
        Span {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            parent_span_id: None,
            name: "call function2".to_owned(),
            service: "function1".to_owned(),
            start_unix_ns: 1_000_000,
            duration_ns: 500,
            is_error: true,
            attributes: BTreeMap::from([
                (KIND.to_owned(), "client".to_owned()),
                (CLOCK_OFFSET.to_owned(), "-250".to_owned()),
                ("faas.coldstart".to_owned(), "true".to_owned()),
                ("error.message".to_owned(), "limit: 7".to_owned()),
            ]),
        }
    }

    #[test]
    fn a_span_keeps_its_ids_and_is_placed_by_the_clock_here() {
        let request = request(&[span()]).unwrap();
        let span = &request.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!(span.trace_id[..2], [0x4b, 0xf9]);
        assert_eq!((span.span_id.len(), span.parent_span_id.len()), (8, 0));
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_250, 1_000_750));
        assert_eq!((span.kind(), span.status.as_ref().unwrap().code()), (SpanKind::Client, StatusCode::Error));
        assert!(
            span.attributes.iter().any(|pair| pair.key == "faas.coldstart"
                && pair.value.as_ref().unwrap().value == Some(Value::BoolValue(true)))
        );
        assert!(span.attributes.iter().all(|pair| pair.key != KIND));
    }

    #[test]
    fn an_id_that_is_none_is_refused() {
        for id in ["", "00f067aa0ba902b", "0000000000000000", "00f067aa0ba902bg", "+0f067aa0ba902b7", "ä0f067aa0ba902b"]
        {
            let wrong = Span { span_id: id.to_owned(), ..span() };
            assert!(request(&[wrong]).is_err(), "{id}");
        }
    }
}
