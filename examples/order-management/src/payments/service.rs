//! The service's two routes, and how they fail: some requests are refused before anything
//! happened, some are done and then not answered, some cards are declined for good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;

use super::Ledger;
use super::ledger::{Entry, Kind};
use crate::order::{Charge, Charged, Refund};

/// Of a hundred requests, so many are answered 503 before anything is done.
const BUSY_PERCENT: u32 = 10;
/// So many are done, and then answered 503.
const LOST_ANSWER_PERCENT: u32 = 5;
/// So many are done, and answered too late.
const LATE_ANSWER_PERCENT: u32 = 5;
/// Longer than any caller waits.
const TOO_LATE: Duration = Duration::from_secs(3);
/// Of a hundred orders, so many are paid with a card that is declined.
const DECLINED_PERCENT: u64 = 6;

type Books = Arc<Mutex<Ledger>>;

/// Serves on a thread and a runtime of its own until the process ends.
pub(crate) fn start(listener: std::net::TcpListener, ledger: Ledger) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let serving = move || {
        if let Err(error) = runtime.block_on(serve(listener, ledger)) {
            tracing::error!(%error, "the payment service has ended");
        }
    };
    std::thread::Builder::new().name("payments".to_owned()).spawn(serving)?;
    Ok(())
}

async fn serve(listener: std::net::TcpListener, ledger: Ledger) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let books: Books = Arc::new(Mutex::new(ledger));
    let routes = Router::new()
        .route("/charges", post(charge))
        .route("/refunds", post(refund))
        .with_state(books);
    axum::serve(listener, routes).await
}

async fn charge(
    State(books): State<Books>,
    headers: HeaderMap,
    Json(charge): Json<Charge>,
) -> Response {
    let trouble = Trouble::pick();
    if trouble == Trouble::Busy {
        return busy();
    }
    if is_declined(&charge.order_id) {
        let detail = format!("the card of {} is declined", charge.customer);
        return problem(StatusCode::PAYMENT_REQUIRED, "card_declined", &detail);
    }
    let charge_id = key(&headers, "charge", &charge.order_id);
    let entry = Entry {
        key: charge_id.clone(),
        kind: Kind::Charge,
        order_id: charge.order_id,
        amount_cents: charge.amount_cents,
    };
    if let Err(response) = enter(books, move |_| Some(entry)).await {
        return response;
    }
    trouble.answer(Json(Charged { charge_id }).into_response()).await
}

async fn refund(
    State(books): State<Books>,
    headers: HeaderMap,
    Json(refund): Json<Refund>,
) -> Response {
    let trouble = Trouble::pick();
    if trouble == Trouble::Busy {
        return busy();
    }
    let key = key(&headers, "refund", &refund.order_id);
    let entered = enter(books, move |ledger| {
        let amount_cents = ledger.balance_cents(&refund.order_id);
        let entry = Entry { key, kind: Kind::Refund, order_id: refund.order_id, amount_cents };
        (amount_cents > 0).then_some(entry)
    });
    if let Err(response) = entered.await {
        return response;
    }
    trouble.answer(StatusCode::NO_CONTENT.into_response()).await
}

/// Writes on a thread that may block, since every entry waits for the disk.
async fn enter(
    books: Books,
    entry: impl FnOnce(&Ledger) -> Option<Entry> + Send + 'static,
) -> Result<(), Response> {
    let written = tokio::task::spawn_blocking(move || {
        let mut ledger = books.lock().unwrap_or_else(PoisonError::into_inner);
        match entry(&ledger) {
            Some(entry) => ledger.enter(entry),
            None => Ok(()),
        }
    });
    match written.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(broken(&error)),
        Err(error) => Err(broken(&error)),
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Busy,
    LostAnswer,
    LateAnswer,
}

impl Trouble {
    fn pick() -> Self {
        let dice = rand::random_range(0..100);
        match dice {
            _ if dice < BUSY_PERCENT => Self::Busy,
            _ if dice < BUSY_PERCENT + LOST_ANSWER_PERCENT => Self::LostAnswer,
            _ if dice < BUSY_PERCENT + LOST_ANSWER_PERCENT + LATE_ANSWER_PERCENT => {
                Self::LateAnswer
            }
            _ => Self::None,
        }
    }

    async fn answer(self, response: Response) -> Response {
        match self {
            Self::LostAnswer => busy(),
            Self::LateAnswer => {
                tokio::time::sleep(TOO_LATE).await;
                response
            }
            Self::None | Self::Busy => response,
        }
    }
}

/// Whether the order's card is declined: always or never. FNV-1a, so that it is the same in every
/// build.
fn is_declined(order_id: &str) -> bool {
    let hash = order_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 34) % 100 < DECLINED_PERCENT
}

/// The caller's idempotency key; without one, one request an order is all there can be.
fn key(headers: &HeaderMap, kind: &str, order_id: &str) -> String {
    let given = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    given.map_or_else(|| format!("{kind}-{order_id}"), str::to_owned)
}

fn busy() -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, "service_busy", "the payment service is busy")
}

fn broken(error: &dyn std::error::Error) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "ledger_failed", &error.to_string())
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let body = json!({ "status": status.as_u16(), "code": code, "detail": detail });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}
