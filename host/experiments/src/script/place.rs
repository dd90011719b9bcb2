//! Where something stands in a file.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The way to a key: `step[2].repeat.steps[0].invoke.deployment`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(usize),
}

impl Place {
    /// With a key more.
    pub(super) fn key(&self, key: &str) -> Place {
        let mut longer = self.clone();
        longer.0.push(Part::Key(key.to_owned()));
        longer
    }

    /// With a number in a list more, from 0.
    pub(super) fn index(&self, index: usize) -> Place {
        let mut longer = self.clone();
        longer.0.push(Part::Index(index));
        longer
    }

    /// The line in a file, from 1, where it stands; where it does not, that of what would hold it.
    pub(super) fn line(&self, text: &str) -> usize {
        let Ok(table) = DeTable::parse(text) else { return 1 };
        let mut at = 0;
        let mut inside: Option<&DeValue<'_>> = None;
        for part in &self.0 {
            let next = match (part, inside) {
                (Part::Key(key), None) => find(table.get_ref(), key),
                (Part::Key(key), Some(value)) => table_of(value).and_then(|table| find(table, key)),
                (Part::Index(index), Some(DeValue::Array(values))) => {
                    values.get(*index).map(|value| (value.span().start, value.get_ref()))
                }
                (Part::Index(_), _) => None,
            };
            let Some((start, value)) = next else { break };
            (at, inside) = (start, Some(value));
        }
        line(text, at)
    }

    /// What stands at these bytes of a file.
    pub(super) fn at(text: &str, span: &Range<usize>) -> Place {
        let Ok(table) = DeTable::parse(text) else { return Place::default() };
        let mut place = Place::default();
        // Nothing at all is the file as a whole.
        if !span.is_empty() {
            in_table(table.get_ref(), span, &mut place);
        }
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.iter().enumerate() {
            match part {
                Part::Key(key) if number > 0 => write!(f, ".{key}")?,
                Part::Key(key) => f.write_str(key)?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The line of a byte, from 1.
pub(super) fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn table_of<'v, 'i>(value: &'v DeValue<'i>) -> Option<&'v DeTable<'i>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn find<'v, 'i>(table: &'v DeTable<'i>, key: &str) -> Option<(usize, &'v DeValue<'i>)> {
    let found = table.iter().find(|(name, _)| name.get_ref() == key);
    found.map(|(name, value)| (name.span().start, value.get_ref()))
}

fn holds(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Adds the way to the innermost key or value that holds the span.
fn in_table(table: &DeTable<'_>, span: &Range<usize>, place: &mut Place) -> bool {
    for (name, value) in table {
        let deeper = place.key(name.get_ref());
        if holds(&name.span(), span) {
            *place = deeper;
            return true;
        }
        if in_value(value, span, deeper, place) {
            return true;
        }
    }
    false
}

/// Tables that stand under several headings have no one span that holds all of them, so their parts are asked first.
fn in_value(value: &Spanned<DeValue<'_>>, span: &Range<usize>, this: Place, place: &mut Place) -> bool {
    let mut deeper = this.clone();
    let found = match value.get_ref() {
        DeValue::Table(table) => in_table(table, span, &mut deeper),
        DeValue::Array(values) => (0..values.len()).any(|index| {
            let one = this.index(index);
            values.get(index).is_some_and(|value| in_value(value, span, one, &mut deeper))
        }),
        _ => false,
    };
    if found {
        *place = deeper;
        return true;
    }
    if holds(&value.span(), span) {
        *place = this;
        return true;
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n\n[[step]]\nwait = { seconds = 1 }\n\n[[step]]\n[step.repeat]\ntimes = 2\nsteps = [\n  { wait = { seconds = 2 } },\n]\n";

    #[test]
    fn a_place_has_its_line_and_its_words() {
        let place =
            Place::default().key("step").index(1).key("repeat").key("steps").index(0).key("wait").key("seconds");
        assert_eq!(place.line(TEXT), 10);
        assert_eq!(place.to_string(), "step[1].repeat.steps[0].wait.seconds");
        // What is not there has the line of what would hold it.
        assert_eq!(Place::default().key("step").index(1).key("repeat").key("vary").line(TEXT), 7);
        assert_eq!(Place::default().key("nothing").line(TEXT), 1);
    }

    #[test]
    fn bytes_have_their_place() {
        let at = TEXT.find("seconds = 2").unwrap();
        assert_eq!(Place::at(TEXT, &(at..at + 7)).to_string(), "step[1].repeat.steps[0].wait.seconds");
        let value = at + "seconds = ".len();
        assert_eq!(Place::at(TEXT, &(value..value + 1)).to_string(), "step[1].repeat.steps[0].wait.seconds");
        let name = TEXT.find("\"x\"").unwrap();
        assert_eq!(Place::at(TEXT, &(name..name + 3)).to_string(), "name");
    }
}
