//! The part of `Cargo.lock` that one crate is made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

#[derive(Deserialize)]
struct Lockfile {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    /// Everything about it, on one line.
    fn line(&self) -> String {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let dependencies = self.dependencies.join(",");
        format!("{} {} {} {} {dependencies}", self.name, self.version, optional(&self.source), optional(&self.checksum))
    }
}

/// The packages that these need, and they themselves, a line each. Other packages may come and go without a change to it.
pub(crate) fn packages_below(lockfile: &str, roots: &BTreeSet<String>) -> Result<String, toml::de::Error> {
    let lockfile: Lockfile = toml::from_str(lockfile)?;
    let mut by_name: BTreeMap<&str, Vec<&Package>> = BTreeMap::new();
    for package in &lockfile.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    let mut lines = BTreeSet::new();
    let mut open: Vec<&str> = roots.iter().map(String::as_str).collect();
    while let Some(wanted) = open.pop() {
        // `name`, or `name version`, or `name version (source)` where one would not be enough.
        let mut parts = wanted.splitn(3, ' ');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next());
        for package in by_name.get(name).into_iter().flatten() {
            if version.is_none_or(|version| version == package.version) && lines.insert(package.line()) {
                open.extend(package.dependencies.iter().map(String::as_str));
            }
        }
    }
    Ok(lines.into_iter().collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_the_crate_does_not_need_does_not_matter() {
        let lockfile = |unused: &str, deep: &str| {
            format!(
                "version = 4\n\
                 [[package]]\nname = \"image\"\nversion = \"0.1.0\"\ndependencies = [\"used\", \"twice 2.0.0\"]\n\
                 [[package]]\nname = \"used\"\nversion = \"1.0.0\"\ndependencies = [\"deep\"]\n\
                 [[package]]\nname = \"deep\"\nversion = \"1.0.0\"\nchecksum = \"{deep}\"\n\
                 [[package]]\nname = \"twice\"\nversion = \"1.0.0\"\nchecksum = \"{unused}\"\n\
                 [[package]]\nname = \"twice\"\nversion = \"2.0.0\"\n\
                 [[package]]\nname = \"unused\"\nversion = \"1.0.0\"\nchecksum = \"{unused}\"\n"
            )
        };
        let of = |unused, deep| packages_below(&lockfile(unused, deep), &["image".to_owned()].into()).unwrap();
        assert_eq!(of("a", "b"), of("c", "b"));
        assert_ne!(of("a", "b"), of("a", "c"));
        assert_eq!(of("a", "b").lines().count(), 4);
    }
}
