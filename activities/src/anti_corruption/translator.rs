//! A translator for one kind of message of another system, in both directions.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everstep_engine::{ActivityContext, ActivityError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TranslationError;
use crate::language::{Fault, LanguageError, Schema};

type Inbound<E, D> = dyn Fn(E) -> Result<D, TranslationError> + Send + Sync;
type Outbound<E, D> = dyn Fn(&D) -> Result<E, TranslationError> + Send + Sync;

/// Between `E`, as the other system has it, and `D`, as the domain has it. Both directions are
/// checked against one schema.
pub struct Translator<E, D> {
    system: &'static str,
    schema: Schema,
    inbound: Arc<Inbound<E, D>>,
    outbound: Arc<Outbound<E, D>>,
}

impl<E, D> Clone for Translator<E, D> {
    fn clone(&self) -> Self {
        let (inbound, outbound) = (Arc::clone(&self.inbound), Arc::clone(&self.outbound));
        Self { system: self.system, schema: self.schema.clone(), inbound, outbound }
    }
}

impl<E, D> Translator<E, D>
where
    E: Serialize + DeserializeOwned + 'static,
    D: 'static,
{
    /// A translator for what `system` sends and takes, in the shape of `schema`.
    ///
    /// # Errors
    /// [`LanguageError::InvalidSchema`].
    pub fn new(
        system: &'static str,
        schema: Value,
        inbound: impl Fn(E) -> Result<D, TranslationError> + Send + Sync + 'static,
        outbound: impl Fn(&D) -> Result<E, TranslationError> + Send + Sync + 'static,
    ) -> Result<Self, LanguageError> {
        let (inbound, outbound) = (Arc::new(inbound), Arc::new(outbound));
        Ok(Self { system, schema: Schema::parse(schema)?, inbound, outbound })
    }

    /// The other system.
    pub const fn system(&self) -> &'static str {
        self.system
    }

    /// What came from outside, in the domain's words.
    ///
    /// # Errors
    /// [`TranslationError::InvalidExternalResponse`] names the field that is missing or has another
    /// shape, [`TranslationError::UnmappedValue`] the one whose value means nothing here.
    pub fn inbound(&self, theirs: &Value) -> Result<D, TranslationError> {
        let system = || self.system.to_owned();
        let invalid =
            |field, why| TranslationError::InvalidExternalResponse { system: system(), field, why };
        self.schema.check(theirs).map_err(|Fault { field, why }| invalid(field, why))?;
        let read = E::deserialize(theirs);
        let theirs = read.map_err(|error| invalid(String::new(), error.to_string()))?;
        (self.inbound)(theirs).map_err(|error| match error {
            TranslationError::InvalidExternalResponse { system, field, why }
                if system.is_empty() =>
            {
                invalid(field, why)
            }
            other => other,
        })
    }

    /// What goes outside, in the other system's words.
    ///
    /// # Errors
    /// [`TranslationError::InvalidExternalRequest`], [`TranslationError::UnmappedValue`].
    pub fn outbound(&self, ours: &D) -> Result<Value, TranslationError> {
        let invalid = |field, why| TranslationError::InvalidExternalRequest {
            system: self.system.to_owned(),
            field,
            why,
        };
        let theirs = serde_json::to_value((self.outbound)(ours)?)
            .map_err(|error| invalid(String::new(), error.to_string()))?;
        self.schema.check(&theirs).map_err(|Fault { field, why }| invalid(field, why))?;
        Ok(theirs)
    }

    /// Puts the translator behind an activity that brings what the other system answered: the
    /// workflow sees only what could be translated, and anything else as a final failure that names
    /// the field.
    ///
    /// ```
    /// # use everstep_activities::{HttpCall, Translator};
    /// # use everstep_engine::{Activity, Worker};
    /// # use serde_json::{Value, json};
    /// const BALANCE: Activity<u64, i64> = Activity::new("balance");
    /// # let schema = json!({ "type": "object", "properties": { "cents": { "type": "integer" } } });
    /// # #[derive(serde::Serialize, serde::Deserialize)] struct Theirs { cents: i64 }
    /// # let bank = Translator::new("bank", schema, |it: Theirs| Ok(it.cents), |cents| Ok(Theirs { cents: *cents }))?;
    /// let call = HttpCall::<u64, Value>::post("http://127.0.0.1:9000/balance")?;
    /// let worker = Worker::new().activity(BALANCE, bank.behind(call.into_activity()));
    /// # drop(worker);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn behind<I, F, R>(
        self,
        call: F,
    ) -> impl Fn(
        ActivityContext,
        I,
    ) -> Pin<Box<dyn Future<Output = Result<D, ActivityError>> + Send>>
    + Send
    + Sync
    + 'static
    where
        I: Send + 'static,
        F: Fn(ActivityContext, I) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, ActivityError>> + Send + 'static,
        E: 'static,
        D: Send,
    {
        move |ctx, input| {
            let (answer, translator) = (call(ctx, input), self.clone());
            Box::pin(async move {
                let theirs = answer.await?;
                translator.inbound(&theirs).map_err(TranslationError::into_failure)
            })
        }
    }
}
