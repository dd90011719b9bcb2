//! Prometheus's text format, as platforms show what they measure.

/// One series of a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name.
    pub name: String,
    /// Its labels, in their order.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }
}

/// All samples of a text. A line that is none is left out.
pub fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    let end = line.find(|letter: char| letter == '{' || letter.is_whitespace())?;
    let name = line.get(..end).filter(|name| !name.is_empty())?.to_owned();
    let (labels, rest) = match line[end..].strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), &line[end..]),
    };
    // A time may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// The labels up to `}`, and what is after it.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = quoted(rest.trim_start())?;
        labels.push((name.trim().to_owned(), value));
        text = rest;
    }
}

/// A quoted text, and what is after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = rest.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &rest[index + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_their_name_labels_and_value() {
        let text = "# HELP a what\n# TYPE a counter\na 1\nb{x=\"1, }\\\"\\\\\\n\",y=\"2\"} 2.5e3 1795909675659\n\nbroken{x=\"1\nc{} NaN\n";
        let all = samples(text);
        let names: Vec<_> = all.iter().map(|sample| sample.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!((all[0].value, all[1].value), (1.0, 2500.0));
        assert_eq!((all[1].label("x"), all[1].label("y"), all[1].label("z")), (Some("1, }\"\\\n"), Some("2"), None));
        assert!(all[2].value.is_nan());
    }
}
