//! What is sold, and to whom.

/// Id, name, price in cents, and how many lie on the shelf at first.
pub(crate) const PRODUCTS: [(&str, &str, u64, u32); 7] = [
    ("punched-cards", "Punched cards", 990, 400),
    ("slide-rule", "Slide rule", 4_900, 200),
    ("teletype-ribbon", "Teletype ribbon", 1_250, 300),
    ("abacus", "Abacus", 12_900, 150),
    ("drum-memory", "Drum memory", 59_900, 60),
    ("difference-engine", "Difference engine", 249_000, 12),
    (SOLD_OUT, "Perpetual motion machine", 1_900, 0),
];

/// On the price list, never on the shelf.
pub(crate) const SOLD_OUT: &str = "perpetual-motion-machine";

/// Id and name. Their addresses are at `example.com`.
pub(crate) const CUSTOMERS: [(&str, &str); 8] = [
    ("ada", "Ada King"),
    ("alan", "Alan Turing"),
    ("barbara", "Barbara Liskov"),
    ("edsger", "Edsger Dijkstra"),
    ("frances", "Frances Allen"),
    ("grace", "Grace Hopper"),
    ("ken", "Ken Thompson"),
    ("leslie", "Leslie Lamport"),
];

pub(crate) const CITIES: [&str; 7] =
    ["Amsterdam", "Berlin", "Kyiv", "Lisbon", "London", "Oslo", "Zürich"];
