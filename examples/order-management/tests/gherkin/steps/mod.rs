//! Steps by what they are about.

mod cancellations;
mod conflicts;
mod customers;
mod orders;
mod shop;
mod stock;
