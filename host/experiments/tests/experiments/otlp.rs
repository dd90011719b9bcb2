//! Spans arrive at a receiver that is as strict as the protocol.

use std::collections::BTreeMap;

use bytes::Bytes;
use experiments::{Span, export_otlp};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message;

use crate::receiver::{receiver, serve};

fn spans(number: u64) -> Vec<Span> {
    (1..=number)
        .map(|number| Span {
            trace_id: format!("{number:032x}"),
            span_id: format!("{number:016x}"),
            parent_span_id: None,
            name: "call function1".to_owned(),
            service: "faasbench".to_owned(),
            start_unix_ns: 1_790_000_000_000_000_000 + number,
            duration_ns: 1_000,
            is_error: false,
            attributes: BTreeMap::new(),
        })
        .collect()
}

#[tokio::test]
async fn all_spans_arrive_in_batches_and_a_receiver_that_is_busy_is_asked_again() {
    let (server, received) = receiver(2).await;
    assert_eq!(export_otlp(&server.address, &spans(1_300)).await.unwrap(), 1_300);
    let received = received.lock().unwrap();
    assert_eq!(received.refused, Vec::<String>::new());
    // 512, 512 and 276, and two that came to nothing.
    assert_eq!((received.spans.len(), received.requests), (1_300, 5));
}

#[tokio::test]
async fn what_a_receiver_does_not_take_is_told() {
    let refusing = serve(|_, _| (400, Bytes::from_static(b"no such tenant"))).await;
    let error = export_otlp(&refusing.address, &spans(3)).await.unwrap_err().to_string();
    assert!(error.contains("status 400") && error.contains("no such tenant"), "{error}");
    let partly = serve(|_, _| {
        let partial_success =
            Some(ExportTracePartialSuccess { rejected_spans: 2, error_message: "too old".to_owned() });
        (200, ExportTraceServiceResponse { partial_success }.encode_to_vec().into())
    })
    .await;
    let error = export_otlp(&partly.address, &spans(3)).await.unwrap_err().to_string();
    assert!(error.contains("rejected 2 spans: too old") && error.contains("1 were taken"), "{error}");
    let gone = serve(|_, _| (200, Bytes::new())).await.address.clone();
    assert!(export_otlp(&gone, &spans(1)).await.is_err());
}

/// `FAASBENCH_TEST_OTLP=http://127.0.0.1:4318` names a real receiver, which then must take them.
#[tokio::test]
async fn a_real_receiver_takes_them() {
    let Ok(address) = std::env::var("FAASBENCH_TEST_OTLP") else {
        eprintln!("skipped: FAASBENCH_TEST_OTLP names no receiver");
        return;
    };
    assert_eq!(export_otlp(&address, &spans(7)).await.unwrap(), 7);
}
