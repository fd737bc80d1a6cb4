//! Customers: registered once, renamed at will.

use everstep_decider::{Decider, Moment, Output, Rejection};
use serde::{Deserialize, Serialize};

use crate::personal::if_readable;

/// What is known of a customer, beside what is personal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The name as of now.
    pub name: String,
}

/// What may be wished for.
#[derive(Clone, Debug)]
pub enum CustomerCommand {
    /// Somebody new.
    Register {
        /// Who.
        customer_id: String,
        /// Their name.
        name: String,
        /// Where to reach them.
        email: String,
    },
    /// The same one under another name.
    Rename {
        /// Who.
        customer_id: String,
        /// The new name.
        name: String,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum CustomerEvent {
    /// Somebody new is known.
    CustomerRegistered {
        /// Who.
        customer_id: String,
        /// Their name.
        name: String,
        /// Where to reach them; personal.
        #[serde(default, deserialize_with = "if_readable")]
        email: Option<String>,
    },
    /// They go by another name.
    CustomerRenamed {
        /// Who.
        customer_id: String,
        /// The name from here on.
        name: String,
    },
}

/// Decides about customers.
#[derive(Debug)]
pub struct Customers;

impl Decider for Customers {
    type State = Customer;
    type Command = CustomerCommand;
    type Event = CustomerEvent;

    fn decide(customer: &Customer, command: &CustomerCommand, _: &mut Moment) -> Output<Self> {
        match command.clone() {
            CustomerCommand::Register { email, .. } if !email.contains('@') => {
                Rejection::new("INVALID_EMAIL", "an e-mail address has an @").into()
            }
            CustomerCommand::Register { customer_id, name, email } => {
                let email = Some(email);
                let event = CustomerEvent::CustomerRegistered { customer_id, name, email };
                Output::success(customer, vec![event])
            }
            CustomerCommand::Rename { name, .. } if name == customer.name => {
                Output::success(customer, Vec::new())
            }
            CustomerCommand::Rename { customer_id, name } => Output::success(
                customer,
                vec![CustomerEvent::CustomerRenamed { customer_id, name }],
            ),
        }
    }

    fn evolve(_: Customer, event: &CustomerEvent) -> Customer {
        let (CustomerEvent::CustomerRegistered { name, .. }
        | CustomerEvent::CustomerRenamed { name, .. }) = event;
        Customer { name: name.clone() }
    }
}
