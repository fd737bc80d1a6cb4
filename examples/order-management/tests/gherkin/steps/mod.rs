//! Steps by what they are about.

mod agent_pages;
mod agents;
mod cancellations;
mod conflicts;
mod customers;
mod detail;
mod orders;
mod readme;
mod shop;
mod stock;
