//! Metrics as text: what a server writes is what is read.

use proptest::prelude::*;
use remote_platform::{Sample, samples};

fn written(sample: &Sample) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> = sample.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    format!("{}{labels} {}\n", sample.name, sample.value)
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        all in prop::collection::vec(
            (
                "[a-z_:][a-z0-9_:]{0,20}",
                prop::collection::vec(("[a-z_][a-z0-9_]{0,9}", "\\PC{0,12}|[\"\\\\\n{}=, ]{0,6}"), 0..4),
                -1e12..1e12,
            ),
            0..8,
        )
    ) {
        let sample = |(name, labels, value)| Sample { name, labels, value };
        let all: Vec<Sample> = all.into_iter().map(sample).collect();
        let text = format!("# HELP a b\n{}\n", all.iter().map(written).collect::<String>());
        prop_assert_eq!(samples(&text), all);
    }

    #[test]
    fn any_text_is_read_without_an_end(text in "\\PC{0,200}") {
        samples(&text);
    }
}
