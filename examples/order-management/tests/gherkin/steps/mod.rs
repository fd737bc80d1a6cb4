//! Steps by what they are about.

mod agent_pages;
mod agents;
mod cancellations;
mod conflicts;
mod customers;
mod orders;
mod shop;
mod stock;
