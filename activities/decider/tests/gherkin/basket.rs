//! A domain to decide about: a basket that is filled, checked out and paid.

use everstep_decider::fsm::{Machine, State};
use everstep_decider::{Decider, Failed, Moment, Output, Rejection};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Open,
    CheckedOut,
    Paid,
}

impl State for Status {
    const ALL: &'static [Self] = &[Self::Open, Self::CheckedOut, Self::Paid];

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CheckedOut => "checked_out",
            Self::Paid => "paid",
        }
    }
}

const STATUS: Machine<Status> = Machine::new(
    "basket",
    Status::Open,
    &[(Status::Open, &[Status::CheckedOut]), (Status::CheckedOut, &[Status::Paid, Status::Open])],
);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Basket {
    pub(crate) status: Status,
    pub(crate) cents: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Add { product: String, quantity: u64 },
    CheckOut,
    Pay,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// What a line cost when it was added stands in the event.
    Added {
        line: String,
        cents: u64,
        at_ms: i64,
    },
    CheckedOut,
    Paid,
    PriceMissing {
        product: String,
    },
    /// Of a newer version than this code.
    Unknown,
}

pub(crate) struct Shopping;

/// Today's formula.
fn price(product: &str) -> Option<u64> {
    (product != "unpriced").then_some(100)
}

impl Decider for Shopping {
    type State = Basket;
    type Command = Wish;
    type Event = Fact;

    fn decide(basket: &Basket, wish: &Wish, moment: &mut Moment) -> Output<Self> {
        let (to, fact) = match wish {
            Wish::Add { quantity: 0, .. } => {
                let what = "a line needs at least one piece";
                return Rejection::new("INVALID_QUANTITY", what).with("quantity", 0_u64).into();
            }
            Wish::Add { product, quantity } => {
                let Some(each) = price(product) else {
                    let event = Fact::PriceMissing { product: product.clone() };
                    let failed = Failed::new("the product has no price");
                    return Output::failed(failed.with("product", product.as_str()).event(event));
                };
                let (line, at_ms) = (moment.id(), moment.now_ms());
                let fact = Fact::Added { line, cents: each * quantity, at_ms };
                return Output::success(basket, vec![fact]);
            }
            Wish::CheckOut => (Status::CheckedOut, Fact::CheckedOut),
            Wish::Pay => (Status::Paid, Fact::Paid),
        };
        match STATUS.check(basket.status, to) {
            Ok(()) => Output::success(basket, vec![fact]),
            Err(refused) => Rejection::transition("INVALID_STATUS", &refused).into(),
        }
    }

    fn evolve(basket: Basket, fact: &Fact) -> Basket {
        match fact {
            Fact::Added { cents, .. } => Basket { cents: basket.cents + cents, ..basket },
            Fact::CheckedOut => Basket { status: Status::CheckedOut, ..basket },
            Fact::Paid => Basket { status: Status::Paid, ..basket },
            Fact::PriceMissing { .. } | Fact::Unknown => basket,
        }
    }
}
