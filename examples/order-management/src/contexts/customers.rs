//! Who orders.
//!
//! Invariant: an e-mail address stands in one event, sealed under its customer's key, and nowhere
//! else in plain text.

use everstep::commands::{Aggregate, Changed, Command, WorkerCommands};
use everstep::contexts::{Context, Contract, WorkerContexts};
use everstep::language::{EventSchema, LanguageError, SchemaVersion, WorkerLanguage};
use everstep::log::Category;
use everstep::{BoundedContext, Worker};
use order_domain::customer::{CustomerCommand, CustomerEvent, Customers};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Debug)]
pub(crate) struct CustomersContext(());

impl BoundedContext for CustomersContext {
    const NAME: &'static str = "customers";
}

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const STREAM: &str = "customers.Customer";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegisterCustomer {
    pub(crate) customer_id: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RenameCustomer {
    customer_id: String,
    name: String,
}

pub(crate) const REGISTER_CUSTOMER: Command<RegisterCustomer, Changed> =
    Command::new("RegisterCustomer")
        .check(|new: &RegisterCustomer| {
            given([("customerId", &new.customer_id), ("name", &new.name)])
        })
        .personal("customerId", &["email"]);
const RENAME_CUSTOMER: Command<RenameCustomer, Changed> =
    Command::new("RenameCustomer").check(|new| given([("name", &new.name)]));

/// Refuses empty texts.
pub(super) fn given<const N: usize>(fields: [(&str, &String); N]) -> Result<(), String> {
    match fields.into_iter().find(|(_, text)| text.is_empty()) {
        Some((field, _)) => Err(format!("field `{field}` is empty")),
        None => Ok(()),
    }
}

/// Where customers belong.
struct CustomerStreams;

impl Aggregate for CustomerStreams {
    type Decider = Customers;
    const CONTEXT: &'static str = CustomersContext::NAME;
    const STREAM_TYPE: &'static str = STREAM;
    const NOT_FOUND: &'static str = "CUSTOMER_NOT_FOUND";
    const ALREADY_EXISTS: &'static str = "CUSTOMER_ALREADY_EXISTS";

    fn tags(id: &str, _: &CustomerEvent) -> Vec<String> {
        vec![format!("customer:{id}")]
    }

    /// Orders are told: each event carries all that they need.
    fn category(_: &CustomerEvent) -> Category {
        Category::Fat
    }
}

fn registered() -> Result<EventSchema, LanguageError> {
    let schema = json!({
        "type": "object",
        "x-subject": "customerId",
        "properties": {
            "customerId": { "type": "string" },
            "name": { "type": "string" },
            "email": { "type": "string", "x-pii": true },
        },
        "required": ["customerId", "name", "email"],
    });
    EventSchema::new("CustomerRegistered", V1, schema)
}

fn renamed() -> Result<EventSchema, LanguageError> {
    let schema = json!({
        "type": "object",
        "properties": { "customerId": { "type": "string" }, "name": { "type": "string" } },
        "required": ["customerId", "name"],
    });
    EventSchema::new("CustomerRenamed", V1, schema)
}

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(CustomersContext::NAME, V1)
        .description("who orders")
        .commands([REGISTER_CUSTOMER.name(), RENAME_CUSTOMER.name()])
        .events(["CustomerRegistered", "CustomerRenamed"])
        .table(STREAM, V1)
        .errors(["CUSTOMER_NOT_FOUND", "CUSTOMER_ALREADY_EXISTS", "INVALID_EMAIL"]);
    worker
        .context(Context::new(CustomersContext(()), contract).by_deciders())
        .event_schema(registered())
        .event_schema(renamed())
        .commands(|commands| {
            commands
                .create::<CustomerStreams, _>(
                    REGISTER_CUSTOMER,
                    |new| new.customer_id.clone(),
                    |RegisterCustomer { customer_id, name, email }| CustomerCommand::Register {
                        customer_id,
                        name,
                        email,
                    },
                )
                .modify::<CustomerStreams, _>(
                    RENAME_CUSTOMER,
                    |new| new.customer_id.clone(),
                    |RenameCustomer { customer_id, name }| CustomerCommand::Rename {
                        customer_id,
                        name,
                    },
                );
        })
}
