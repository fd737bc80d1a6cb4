//! `parent`: starts children of any type, and joins them.

use everstep::{ClosePolicy, Payload, Worker, Workflow, WorkflowContext, WorkflowError, join_all};
use serde::{Deserialize, Serialize};

const PARENT: Workflow<Parent, Results> = Workflow::new("parent");

#[derive(Deserialize)]
struct Parent {
    children: Vec<Child>,
    #[serde(default)]
    close_policy: ClosePolicy,
}

#[derive(Deserialize)]
struct Child {
    #[serde(rename = "type")]
    workflow_type: String,
    #[serde(default)]
    input: Payload,
    id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Results {
    /// In the order in which the children were named.
    results: Vec<Payload>,
}

async fn parent(ctx: &WorkflowContext, input: Parent) -> Result<Results, WorkflowError> {
    let children = input.children.into_iter().map(|child| {
        let started = ctx.child_of_type(&child.workflow_type, child.input);
        let started = started.close_policy(input.close_policy);
        match child.id {
            Some(id) => started.id(id),
            None => started,
        }
    });
    let results: Result<Vec<Payload>, _> = join_all(children).await.into_iter().collect();
    Ok(Results { results: results? })
}

pub(crate) fn register(worker: Worker) -> Worker {
    worker.workflow(PARENT, parent)
}
