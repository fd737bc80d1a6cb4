//! Orders, from the first draft on.
//!
//! Invariant: `OrderSubmitted` says who ordered as of that moment; whatever becomes of the customer
//! later changes no event.

use everstep::commands::{Aggregate, Changed, Command, Commands, WorkerCommands};
use everstep::contexts::{Context, Contract, WorkerContexts};
use everstep::fat_events::open_fields_in;
use everstep::language::{EventSchema, LanguageError, SchemaVersion, WorkerLanguage};
use everstep::log::{Category as EventCategory, RecordedEvent};
use everstep::projections::{Category, Projection, ProjectionCode, ProjectionWorker};
use everstep::{ActivityError, BoundedContext, TransactionContext, Worker};
use order_domain::order::{CustomerSnapshot, OrderCommand, OrderEvent, OrderItem, Orders};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customers::given;

#[derive(Debug)]
pub(crate) struct OrdersContext(());

impl BoundedContext for OrdersContext {
    const NAME: &'static str = "orders";
}

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const V2: SchemaVersion = SchemaVersion::new(2, 0, 0);
pub(crate) const STREAM: &str = "orders.Order";
pub(crate) const SUBMITTED: &str = "OrderSubmitted";
/// The events of this context.
pub(crate) const EVENTS: [&str; 6] = [
    "OrderCreated",
    "OrderItemAdded",
    "OrderItemRemoved",
    SUBMITTED,
    "OrderConfirmed",
    "OrderCancelled",
];

/// What this context knows of customers, from their events. The e-mail is as it stands there:
/// sealed.
#[derive(Default, Serialize, Deserialize)]
struct KnownCustomer {
    name: String,
    email: Value,
}

const KNOWN_CUSTOMERS: Projection<KnownCustomer> =
    Projection::new("knownCustomers", Category::Logic);
const REGISTERED: &str = "CustomerRegistered";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateOrder {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) city: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddOrderItem {
    pub(crate) order_id: String,
    #[serde(flatten)]
    pub(crate) item: OrderItem,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemoveOrderItem {
    order_id: String,
    product_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfOrder {
    pub(crate) order_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelOrder {
    pub(crate) order_id: String,
    pub(crate) reason: String,
}

pub(crate) const CREATE_ORDER: Command<CreateOrder, Changed> =
    Command::new("CreateOrder").check(|new| {
        given([("orderId", &new.order_id), ("customerId", &new.customer_id), ("city", &new.city)])
    });
pub(crate) const ADD_ORDER_ITEM: Command<AddOrderItem, Changed> =
    Command::new("AddOrderItem").check(|added| given([("productId", &added.item.product_id)]));
const REMOVE_ORDER_ITEM: Command<RemoveOrderItem, Changed> = Command::new("RemoveOrderItem");
pub(crate) const SUBMIT_ORDER: Command<OfOrder, Changed> = Command::new("SubmitOrder");
pub(crate) const CONFIRM_ORDER: Command<OfOrder, Changed> = Command::new("ConfirmOrder");
pub(crate) const CANCEL_ORDER: Command<CancelOrder, Changed> =
    Command::new("CancelOrder").check(|order| given([("reason", &order.reason)]));

/// Where orders belong.
struct OrderStreams;

impl Aggregate for OrderStreams {
    type Decider = Orders;
    const CONTEXT: &'static str = OrdersContext::NAME;
    const STREAM_TYPE: &'static str = STREAM;
    const NOT_FOUND: &'static str = "ORDER_NOT_FOUND";
    const ALREADY_EXISTS: &'static str = "ORDER_ALREADY_EXISTS";

    fn tags(id: &str, event: &OrderEvent) -> Vec<String> {
        let mut tags = vec![format!("order:{id}")];
        if let OrderEvent::OrderCreated { customer_id, .. }
        | OrderEvent::OrderSubmitted { customer_id, .. }
        | OrderEvent::OrderConfirmed { customer_id, .. }
        | OrderEvent::OrderCancelled { customer_id, .. } = event
        {
            tags.push(format!("customer:{customer_id}"));
        }
        tags
    }

    /// Others are told what was submitted; all else stays within.
    fn category(event: &OrderEvent) -> EventCategory {
        match event {
            OrderEvent::OrderSubmitted { .. } => EventCategory::Fat,
            _ => EventCategory::Domain,
        }
    }
}

fn known_customers() -> ProjectionCode {
    let customer = |event: &RecordedEvent| {
        event.tags().find_map(|tag| tag.strip_prefix("customer:")).map(str::to_owned)
    };
    KNOWN_CUSTOMERS
        .row(customer, |known, event| {
            let data: Value = serde_json::from_slice(event.data()).map_err(|it| it.to_string())?;
            let mut known = known.unwrap_or_default();
            known.name = data["name"].as_str().ok_or("a customer has no name")?.to_owned();
            if event.event_type() == REGISTERED {
                known.email = data["email"].clone();
            }
            Ok(Some(known))
        })
        .events([REGISTERED, "CustomerRenamed"])
}

/// The customer as of now; none who is not known, or whose data was shredded.
fn snapshot(
    tx: &TransactionContext<'_>,
    customer_id: &str,
) -> Result<Option<CustomerSnapshot>, ActivityError> {
    let Some(mut known) = KNOWN_CUSTOMERS.get(tx, customer_id)? else { return Ok(None) };
    // Opened as the field of the event that it was sealed in.
    let mut fields = json!({ "email": known.email.take() });
    open_fields_in(tx, REGISTERED, &mut fields);
    let email = fields["email"].as_str().map(str::to_owned);
    Ok(email.map(|email| CustomerSnapshot { name: known.name, email }))
}

/// The first version said nothing of the customer but the id.
fn submitted_v1() -> Value {
    json!({
        "type": "object",
        "properties": {
            "orderId": { "type": "string" },
            "customerId": { "type": "string" },
            "city": { "type": "string" },
            "items": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "productId": { "type": "string" },
                    "quantity": { "type": "integer", "minimum": 1 },
                    "unitPriceCents": { "type": "integer", "minimum": 0 },
                },
                "required": ["productId", "quantity", "unitPriceCents"],
            } },
            "totalCents": { "type": "integer", "minimum": 0 },
            "submittedAt": { "type": "integer" },
        },
        "required": ["orderId", "customerId", "city", "items", "totalCents", "submittedAt"],
    })
}

fn submitted_v2() -> Result<EventSchema, LanguageError> {
    let mut schema = submitted_v1();
    schema["x-subject"] = json!("customerId");
    schema["properties"]["customerName"] = json!({ "type": "string" });
    schema["properties"]["customerEmail"] = json!({ "type": "string", "x-pii": true });
    if let Some(required) = schema["required"].as_array_mut() {
        required.extend([json!("customerName"), json!("customerEmail")]);
    }
    let second = EventSchema::new(SUBMITTED, V2, schema)?;
    Ok(second.upcast_from(V1, |mut old| {
        old["customerName"] = json!("");
        old["customerEmail"] = json!("");
        Ok(old)
    }))
}

pub(super) fn register(worker: Worker) -> Worker {
    let contract = Contract::new(OrdersContext::NAME, V2)
        .description("orders, from the first draft on")
        .commands([
            CREATE_ORDER.name(),
            ADD_ORDER_ITEM.name(),
            REMOVE_ORDER_ITEM.name(),
            SUBMIT_ORDER.name(),
            CONFIRM_ORDER.name(),
            CANCEL_ORDER.name(),
        ])
        .events(EVENTS)
        .table(STREAM, V1)
        .errors([
            "ORDER_NOT_FOUND",
            "ORDER_ALREADY_EXISTS",
            "ORDER_NOT_DRAFT",
            "ORDER_ITEM_NOT_FOUND",
            "ORDER_EMPTY",
            "ORDER_ALREADY_CANCELLED",
            "INVALID_QUANTITY",
            "INVALID_STATUS",
            "CUSTOMER_NOT_FOUND",
        ])
        .consumes("customers", REGISTERED, V1)
        .consumes("customers", "CustomerRenamed", V1);
    worker
        .context(Context::new(OrdersContext(()), contract).by_deciders())
        .event_schema(EventSchema::new(SUBMITTED, V1, submitted_v1()))
        .event_schema(submitted_v2())
        .projection(known_customers())
        .commands(declare)
}

fn declare(commands: &mut Commands) {
    commands
        .create::<OrderStreams, _>(
            CREATE_ORDER,
            |new| new.order_id.clone(),
            |CreateOrder { order_id, customer_id, city }| OrderCommand::Create {
                order_id,
                customer_id,
                city,
            },
        )
        .modify::<OrderStreams, _>(
            ADD_ORDER_ITEM,
            |added| added.order_id.clone(),
            |AddOrderItem { order_id, item }| OrderCommand::AddItem { order_id, item },
        )
        .modify::<OrderStreams, _>(
            REMOVE_ORDER_ITEM,
            |removed| removed.order_id.clone(),
            |RemoveOrderItem { order_id, product_id }| OrderCommand::RemoveItem {
                order_id,
                product_id,
            },
        )
        .modify_with::<OrderStreams, _>(
            SUBMIT_ORDER,
            |order| order.order_id.clone(),
            |tx, order, OfOrder { order_id }| {
                let customer = snapshot(tx, &order.customer_id)?;
                Ok(OrderCommand::Submit { order_id, customer })
            },
        )
        .modify::<OrderStreams, _>(
            CONFIRM_ORDER,
            |order| order.order_id.clone(),
            |OfOrder { order_id }| OrderCommand::Confirm { order_id },
        )
        .modify::<OrderStreams, _>(
            CANCEL_ORDER,
            |order| order.order_id.clone(),
            |CancelOrder { order_id, reason }| OrderCommand::Cancel { order_id, reason },
        );
}
