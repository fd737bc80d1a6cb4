//! A context whose first build keeps visits by number, and whose second keeps them by city.

use everstep::contexts::{Context, ContextCommand, Contract, WorkerContexts};
use everstep::language::SchemaVersion;
use everstep::{ActivityError, BoundedContext, ContextTable, Keys, Worker};

const V1: SchemaVersion = SchemaVersion::new(1, 0, 0);
const V2: SchemaVersion = SchemaVersion::new(2, 0, 0);
/// The city of a visit, by its number.
const VISITS: ContextTable<Travel, String> = ContextTable::new("visits");
/// How many visits a city has.
const BY_CITY: ContextTable<Travel, u32> = ContextTable::new("visitsByCity");
/// What is on the map.
const CITIES: ContextTable<Travel, bool> = ContextTable::new("cities");
/// Numbers, and the city of all of them.
const KEEP: ContextCommand<(u32, u32, String), ()> = ContextCommand::new("travel", "keep");
const DRAW: ContextCommand<String, ()> = ContextCommand::new("travel", "draw");
/// Visits that are left by number, and those by city.
const COUNT: ContextCommand<(), (usize, u32)> = ContextCommand::new("travel", "count");

struct Travel(());

impl BoundedContext for Travel {
    const NAME: &'static str = "travel";
}

fn contract(version: SchemaVersion) -> Contract {
    let contract = Contract::new("travel", version).functions(["keep", "draw", "count"]);
    contract.table("visits", V1).table("visitsByCity", V2).table("cities", V1)
}

fn context(version: SchemaVersion) -> Context<Travel> {
    Context::new(Travel(()), contract(version))
        .command(KEEP, |tx, _, (from, to, city)| {
            (from..to).try_for_each(|number| tx.put(VISITS, &format!("{number:04}"), &city))
        })
        .command(DRAW, |tx, _, city| tx.put(CITIES, &city, &true))
        .command(COUNT, |tx, _, ()| {
            let moved = tx.range(BY_CITY, &Keys::all())?;
            let moved = moved.into_iter().map(|(_, count)| count).sum();
            Ok((tx.range(VISITS, &Keys::all())?.len(), moved))
        })
}

/// The build that leaves visits by number.
pub(crate) fn first() -> Worker {
    Worker::new().context(context(V1))
}

/// The build that takes them along, by city; one that is not on the map is waited for, and nobody
/// waits for Atlantis.
pub(crate) fn second() -> Worker {
    let context = context(V2).migration("visits-by-city", VISITS, |tx, number, city| {
        if tx.get(CITIES, &city)?.is_none() {
            let error =
                ActivityError::new("no_such_city", format!("{number}: no {city} on the map"));
            return Err(match city.as_str() {
                "Atlantis" => error.non_retryable(),
                _ => error,
            });
        }
        let known = tx.get(BY_CITY, &city)?.unwrap_or(0);
        tx.put(BY_CITY, &city, &(known + 1))
    });
    Worker::new().context(context)
}
