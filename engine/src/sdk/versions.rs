//! Several versions of a workflow's code side by side, and which of them a run is replayed with.
//!
//! Invariant: a run stays with the version that its first event names, whatever else is
//! registered, unless an upgrade says otherwise. A version that nobody registers is named in the
//! run's task failure and never replaced by another.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::worker::{Registry, WorkflowEntry};
use super::{Worker, Workflow, WorkflowContext, WorkflowError};
use crate::batch::{BATCH_TYPE, is_built_in};
use crate::kernel::WorkflowStarted;

/// No code for a run: its type or its version is not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unregistered {
    #[error(
        "no worker of this server registers workflow type `{0}`; what happens to the run is kept, \
         and it goes on with a build that knows the type"
    )]
    Type(Arc<str>),
    #[error(
        "no worker of this server registers {} of workflow type `{workflow_type}`; registered: \
         {known}; what happens to the run is kept, and it goes on with a build that knows the \
         version or upgrades it",
        named(version)
    )]
    Version { workflow_type: Arc<str>, version: Arc<str>, known: String },
}

fn named(version: &str) -> String {
    match version {
        "" => "the code without a version".to_owned(),
        version => format!("version `{version}`"),
    }
}

impl Worker {
    /// Runs workflows of the type by `code`, as version `version` of it. Runs that are open stay
    /// with the version that they began with; new ones begin with the version that is registered
    /// last, or with [`Worker::default_version`]. What [`Worker::workflow`] registers is a version
    /// too, the one without a name.
    ///
    /// ```
    /// # use everstep_engine::{Worker, Workflow, WorkflowContext, WorkflowError};
    /// const PRICE: Workflow<u64, u64> = Workflow::new("price");
    ///
    /// async fn price(_: &WorkflowContext, net: u64) -> Result<u64, WorkflowError> {
    ///     Ok(net + net / 5)
    /// }
    /// async fn price_2(_: &WorkflowContext, net: u64) -> Result<u64, WorkflowError> {
    ///     Ok(net + net / 4)
    /// }
    ///
    /// let worker = Worker::new().workflow(PRICE, price).version(PRICE, "2", price_2);
    /// assert_eq!(worker.versions(PRICE), ["2", ""]);
    /// ```
    #[must_use]
    pub fn version<I, O, F>(
        mut self,
        workflow: Workflow<I, O>,
        version: &'static str,
        code: F,
    ) -> Self
    where
        I: DeserializeOwned + 'static,
        O: Serialize + 'static,
        F: AsyncFn(&WorkflowContext, I) -> Result<O, WorkflowError> + Send + Sync + 'static,
    {
        self.registry_mut().register(workflow.name(), WorkflowEntry::new(workflow, version, code));
        self
    }

    /// New runs begin with this version instead of the one that was registered last.
    #[must_use]
    pub fn default_version<I, O>(mut self, workflow: Workflow<I, O>, version: &str) -> Self {
        let registry = self.registry_mut();
        let beside = registry.beside.entry(workflow.name()).or_default();
        let place = beside.iter().position(|entry| *entry.version == *version);
        match (registry.workflows.get_mut(workflow.name()), place) {
            (Some(default), _) if *default.version == *version => {}
            (Some(default), Some(place)) => std::mem::swap(default, &mut beside[place]),
            _ => registry.mistakes.push(format!(
                "{} of workflow type `{}` is to be the default and is not registered before",
                named(version),
                workflow.name()
            )),
        }
        self
    }

    /// Runs that began with version `from` (empty for code without one) go on with the code of
    /// version `to`. That code must take the recorded way for them: guard what differs with
    /// [`WorkflowContext::patched`], and let `preflight` say whether it does.
    #[must_use]
    pub fn upgrade<I, O>(
        mut self,
        workflow: Workflow<I, O>,
        from: &'static str,
        to: &'static str,
    ) -> Self {
        self.registry_mut().upgrades.insert((workflow.name(), from), to);
        self
    }

    /// The registered versions of a workflow, the default first.
    pub fn versions<I, O>(&self, workflow: Workflow<I, O>) -> Vec<&str> {
        self.registry().versions(workflow.name())
    }
}

impl Registry {
    /// The newest registration is the default; earlier ones stay beside it.
    pub(super) fn register(&mut self, name: &'static str, entry: WorkflowEntry) {
        // The engine's own are registered first, once.
        if is_built_in(name) && (name != BATCH_TYPE || self.workflows.contains_key(name)) {
            self.mistakes.push(format!("workflow type `{name}`: `everstep.` begins our own names"));
        }
        self.register_any(name, entry);
    }

    /// The same for any name.
    pub(super) fn register_any(&mut self, name: &'static str, entry: WorkflowEntry) {
        let beside = self.beside.entry(name).or_default();
        beside.retain(|known| known.version != entry.version);
        if let Some(before) = self.workflows.insert(name, entry)
            && self.workflows.get(name).is_some_and(|now| now.version != before.version)
        {
            beside.push(before);
        }
    }

    /// Every version of a workflow, to declare something of them all.
    pub(super) fn all_versions(&mut self, name: &str) -> impl Iterator<Item = &mut WorkflowEntry> {
        let beside = self.beside.get_mut(name).into_iter().flatten();
        self.workflows.get_mut(name).into_iter().chain(beside)
    }

    /// The code that a run is replayed with.
    pub(crate) fn code_of(
        &self,
        started: &WorkflowStarted,
    ) -> Result<&WorkflowEntry, Unregistered> {
        let name = &*started.workflow_type;
        let default = self.workflows.get(name);
        let default = default.ok_or_else(|| Unregistered::Type(Arc::clone(&started.workflow_type)));
        let default = default?;
        let recorded = &*started.version;
        if *default.version == *recorded && self.upgrades.is_empty() {
            return Ok(default);
        }
        let wanted = self.upgraded(name, recorded);
        if *default.version == *wanted {
            return Ok(default);
        }
        let beside = self.beside.get(name).into_iter().flatten();
        beside.into_iter().find(|entry| *entry.version == *wanted).ok_or_else(|| {
            Unregistered::Version {
                workflow_type: Arc::clone(&started.workflow_type),
                version: wanted.into(),
                known: self.versions(name).into_iter().map(named).collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// Follows upgrades to their end; there are no more steps than upgrades.
    fn upgraded<'a>(&'a self, name: &str, recorded: &'a str) -> &'a str {
        let mut version = recorded;
        for _ in 0..self.upgrades.len() {
            match self.upgrades.get(&(name, version)) {
                Some(to) => version = to,
                None => break,
            }
        }
        version
    }

    fn versions(&self, name: &str) -> Vec<&str> {
        let beside = self.beside.get(name).into_iter().flatten().rev();
        self.workflows.get(name).into_iter().chain(beside).map(|entry| &*entry.version).collect()
    }

    /// What the program got wrong when it put its worker together.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Some(mistake) = self.mistakes.first() {
            return Err(mistake.clone());
        }
        self.extensions.check()?;
        for ((name, from), to) in &self.upgrades {
            if !self.versions(name).contains(to) {
                let (from, to) = (named(from), named(to));
                return Err(format!(
                    "{from} of workflow type `{name}` is upgraded to {to}, which is not registered"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payload, RunId};

    const W: Workflow<(), ()> = Workflow::new("w");

    async fn code(_: &WorkflowContext, (): ()) -> Result<(), WorkflowError> {
        Ok(())
    }

    fn started(version: &str) -> WorkflowStarted {
        WorkflowStarted {
            namespace: "default".into(),
            workflow_id: "w".into(),
            run_id: RunId::from_bytes([3; 16]),
            workflow_type: "w".into(),
            input: Payload::null(),
            start_delay_ms: None,
            execution_timeout_ms: None,
            memo: None,
            search_attributes: Default::default(),
            build_id: "b".into(),
            version: version.into(),
            parent: None,
            continued: None,
            run_timeout_ms: None,
            execution_deadline: None,
            reset: None,
            trace: None,
        }
    }

    fn version_of(worker: &Worker, recorded: &str) -> Result<String, Unregistered> {
        worker.registry().code_of(&started(recorded)).map(|entry| entry.version.to_string())
    }

    #[test]
    fn runs_stay_with_their_version_and_new_ones_begin_with_the_newest() {
        let worker = Worker::new().workflow(W, code).version(W, "2", code).version(W, "3", code);
        assert_eq!(worker.versions(W), ["3", "2", ""]);
        for version in ["", "2", "3"] {
            assert_eq!(version_of(&worker, version).unwrap(), version);
        }
        let refused = version_of(&worker, "4").unwrap_err().to_string();
        assert!(refused.contains("version `4` of workflow type `w`"), "{refused}");
        let worker = worker.default_version(W, "2");
        assert_eq!(worker.versions(W)[0], "2");
        assert_eq!(version_of(&worker, "3").unwrap(), "3");
    }

    #[test]
    fn upgrades_are_followed_to_their_end() {
        let worker = Worker::new().version(W, "3", code).upgrade(W, "", "2").upgrade(W, "2", "3");
        assert_eq!(version_of(&worker, "").unwrap(), "3");
        // A circle is a mistake, and no endless loop.
        let worker = Worker::new().version(W, "1", code).version(W, "2", code);
        let worker = worker.upgrade(W, "1", "2").upgrade(W, "2", "1");
        assert!(version_of(&worker, "1").is_ok());
    }

    #[test]
    fn mistakes_are_told_when_the_worker_is_used() {
        assert!(
            Worker::new().workflow(W, code).default_version(W, "2").registry().check().is_err()
        );
        let worker = Worker::new().workflow(W, code).upgrade(W, "", "2");
        assert!(worker.registry().check().unwrap_err().contains("version `2`"));
        let worker = Worker::new().on_end(W, "keep", |_, _| Ok(()));
        assert!(worker.registry().check().is_ok());
        let worker = worker.on_end(W, "keep", |_, _| Ok(()));
        assert!(worker.registry().check().unwrap_err().contains("two hooks `keep`"));
    }
}
