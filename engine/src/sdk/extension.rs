//! What domain modules keep with a worker: one value a type, built up while the worker is put
//! together and shared, unchanged, by the engine, its transactions and whoever serves it.
//!
//! Invariant: an extension is changed only while the worker is put together. It holds code and
//! declarations; what it says about data stands in the store, and what it remembers of that it
//! forgets when it is told to.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

use super::Worker;

/// A domain module's part of a worker: contexts, commands, schemas.
pub trait Extension: Any + Default + Send + Sync {
    /// Called once, when the engine is opened: what the program got wrong when it put the worker
    /// together, if anything.
    ///
    /// # Errors
    /// The mistake, in words for the program's author.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// What was remembered of a namespace's rows, or of those of all where none is named, may not
    /// be so any more: the namespace is gone, or transactions never happened.
    fn forget(&self, namespace: Option<&str>) {
        let _nothing_is_remembered = namespace;
    }
}

/// A stored extension, whose type is known by its key only.
trait Kept: Send + Sync {
    fn check(&self) -> Result<(), String>;
    fn forget(&self, namespace: Option<&str>);
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<E: Extension> Kept for E {
    fn check(&self) -> Result<(), String> {
        Extension::check(self)
    }
    fn forget(&self, namespace: Option<&str>) {
        Extension::forget(self, namespace);
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// All of a worker's extensions.
#[derive(Default)]
pub(crate) struct Extensions(HashMap<TypeId, Box<dyn Kept>, foldhash::fast::RandomState>);

impl Extensions {
    pub(crate) fn get<E: Extension>(&self) -> Option<&E> {
        self.0.get(&TypeId::of::<E>())?.as_any().downcast_ref()
    }

    fn get_mut<E: Extension>(&mut self) -> Option<&mut E> {
        let kept = self.0.entry(TypeId::of::<E>()).or_insert_with(|| Box::new(E::default()));
        kept.as_any_mut().downcast_mut()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.values().try_for_each(|kept| kept.check())
    }

    pub(crate) fn forget(&self, namespace: Option<&str>) {
        self.0.values().for_each(|kept| kept.forget(namespace));
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extensions").field("kept", &self.0.len()).finish()
    }
}

impl Worker {
    /// Changes the worker's extension of a type, which begins as its default. A domain module wraps
    /// this in a method of its own, so that a program reads `worker.language(…)`.
    ///
    /// ```
    /// use everstep_engine::{Extension, Worker};
    ///
    /// #[derive(Default)]
    /// struct Greetings(Vec<&'static str>);
    /// impl Extension for Greetings {}
    ///
    /// let worker = Worker::new()
    ///     .extend(|greetings: &mut Greetings| greetings.0.push("hello"))
    ///     .extend(|greetings: &mut Greetings| greetings.0.push("good day"));
    /// assert_eq!(worker.extension::<Greetings>().map_or(0, |all| all.0.len()), 2);
    /// ```
    #[must_use]
    pub fn extend<E: Extension>(mut self, change: impl FnOnce(&mut E)) -> Self {
        if let Some(extension) = self.registry_mut().extensions.get_mut() {
            change(extension);
        }
        self
    }

    /// The worker's extension of a type, if anything was ever said about it.
    pub fn extension<E: Extension>(&self) -> Option<&E> {
        self.registry().extensions.get()
    }
}
