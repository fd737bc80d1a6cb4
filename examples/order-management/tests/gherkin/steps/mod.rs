//! Steps by what they are about.

mod cancellations;
mod customers;
mod orders;
mod shop;
mod stock;
