//! Steps by what they are about.

mod customers;
mod orders;
mod shop;
mod stock;
