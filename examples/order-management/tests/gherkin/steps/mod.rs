//! Steps by what they are about.

mod agent_limits;
mod agent_pages;
mod agent_tenants;
mod agents;
mod cancellations;
mod conflicts;
mod customers;
mod detail;
mod more_agents;
mod orders;
mod readme;
mod shipping;
mod shop;
mod stock;
