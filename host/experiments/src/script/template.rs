//! The file that a new experiment begins with.

const TEXT: &str = include_str!("../../scripts/template.toml");

/// A commented script of this name, which can be carried out as it is. Characters that a name can't have become `-`.
pub fn template(name: &str) -> String {
    let mut name: String =
        name.chars().take(63).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    if name.is_empty() {
        name.push_str("mine");
    }
    TEXT.replace("NAME", &name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{SCRIPTS, Script, built_in};
    use super::*;
    use crate::Experiment;

    #[test]
    fn it_can_be_carried_out_whatever_its_name() {
        for (given, name) in [("tail-latency", "tail-latency"), ("my \"own\"\n", "my--own--"), ("", "mine")] {
            let script = Script::parse(&template(given), "mine.toml").unwrap();
            assert_eq!(script.name(), name);
        }
    }

    #[test]
    fn the_built_in_ones_can_be_read() {
        for (name, _) in SCRIPTS {
            assert_eq!(built_in(name).unwrap().unwrap().name(), format!("{name}-script"));
        }
        assert!(built_in("nothing").is_none());
    }
}
