//! Which scenarios the arguments ask for: all of them without any.

use cucumber::gherkin::{Feature, Rule, Scenario};

/// Texts of which a scenario must meet one: a tag with its `@`, a feature's file, words of a name.
pub(crate) struct Choice(Vec<String>);

impl Choice {
    /// Options are the test runner's own and mean nothing here.
    pub(crate) fn of(arguments: impl Iterator<Item = String>) -> Self {
        Self(arguments.filter(|argument| !argument.starts_with('-')).collect())
    }

    pub(crate) fn takes(&self, feature: &Feature, rule: Option<&Rule>, own: &Scenario) -> bool {
        let tags = || {
            let of_rule = rule.map(|rule| &rule.tags).into_iter().flatten();
            feature.tags.iter().chain(of_rule).chain(&own.tags)
        };
        let file = feature.path.as_ref().and_then(|path| path.file_name()?.to_str());
        self.0.is_empty()
            || self.0.iter().any(|wanted| match wanted.strip_prefix('@') {
                Some(tag) => tags().any(|own| own == tag),
                None => own.name.contains(wanted) || file.is_some_and(|file| file == wanted),
            })
    }
}
