//! `/api/v1/admin/contracts`: whether consumers can read what producers write.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use everstep_activities::contexts::{Contexts, check_contracts};
use everstep_activities::language::{self, ContractViolation};
use everstep_engine::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::api::json::{Answer, json};
use crate::api::target::{InNamespace, namespace};
use crate::api::{Api, Parameters, Problem, blocking};

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckReport {
    /// How many sides of contracts were checked.
    checked: usize,
    /// Those that do not hold.
    #[schema(value_type = Vec<Value>)]
    violations: Vec<ContractViolation>,
}

/// Contracts that did not hold when they were checked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Violations {
    /// The newest first: `eventType`, `producerVersion`, `consumerExpectedVersion`, `consumer`,
    /// `timestamp`, `code`, `details`.
    violations: Vec<Value>,
    /// How many there are since the time asked for.
    count: usize,
}

/// Check contracts
///
/// Plays samples of every registered schema through its migrations, and samples of what is written
/// through what each context expects. What does not hold is recorded.
#[utoipa::path(
    post,
    path = "/api/v1/admin/contracts/check",
    security(("token" = ["operator"])),
    tag = "contexts",
    params(
        InNamespace,
    ),
    responses(
        (status = 200, description = "what was checked, and what does not hold", body = CheckReport),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn check(State(api): State<Api>, uri: Uri) -> Answer {
    let namespace = namespace(&uri)?;
    let (language, now) =
        api.engine().transact(&namespace, |tx| Ok((language::language(tx)?, tx.now()))).await?;
    let (checked, violations) = blocking::read(&api, move |engine| {
        Ok(check_contracts(&language, engine.extension::<Contexts>(), now))
    })
    .await?;
    let found = violations.clone();
    api.engine().transact(&namespace, move |tx| language::record_violations(tx, &found)).await?;
    api.metrics().contracts_violated(violations.len());
    json(StatusCode::OK, &CheckReport { checked, violations })
}

/// List contract violations
#[utoipa::path(
    get,
    path = "/api/v1/admin/contract-violations",
    security(("token" = ["operator"])),
    tag = "contexts",
    params(
        ("since" = Option<String>, Query, description = "only those found at this time or later, RFC 3339"),
        InNamespace,
    ),
    responses(
        (status = 200, description = "the newest first", body = Violations),
        (status = 404, description = "no such namespace"),
    ),
)]
pub(super) async fn violations(State(api): State<Api>, uri: Uri) -> Answer {
    let since = Parameters::of(&uri).text("since")?;
    let since = since.map(|text| {
        text.parse::<Timestamp>().map_err(|error| {
            Problem::invalid(format!("parameter `since` is no RFC 3339 time (`{text}`): {error}"))
        })
    });
    let since = since.transpose()?;
    let found =
        api.engine().transact(&namespace(&uri)?, move |tx| language::violations(tx, since)).await?;
    let violations: Vec<Value> = found.iter().map(|one| json!(one)).collect();
    json(StatusCode::OK, &Violations { count: violations.len(), violations })
}
