//! Random runs, filters, orders and pages against the oracle, with losses of power in between.

use std::collections::BTreeMap;
use std::time::Duration;

use everstep_engine::{
    AttributeRange, GroupBy, ListFilter, ListOrder, NamespaceSettings, RunId, RunStatus,
    RunSummary, Selector, SortBy, StartRequest,
};
use everstep_storage::testing::{FaultDisk, Honesty, Random};

use crate::oracle;
use crate::support::{Fixture, json};
use crate::workflows::{TYPES, WAYS, open, worker};

const NAMESPACES: [&str; 2] = ["default", "other"];
const TIERS: [&str; 4] = ["gold", "silver", "go", "7"];
const SETTLE: Duration = Duration::from_secs(20);

struct World {
    fixture: Fixture,
    disk: FaultDisk,
    random: Random,
    /// What was started, by namespace.
    started: BTreeMap<&'static str, Vec<Selector>>,
}

fn pick<'a, T>(random: &mut Random, from: &'a [T]) -> &'a T {
    &from[usize::try_from(random.below(from.len() as u64)).unwrap()]
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = FaultDisk::new(Honesty::Honest);
        let mut fixture = Fixture::over(open(&disk), 1 << 30);
        fixture.restart_with(worker("b0"));
        let settings = NamespaceSettings::default();
        fixture.wait(fixture.engine().create_namespace("other", settings)).unwrap();
        Self { fixture, disk, random: Random::new(seed), started: BTreeMap::new() }
    }

    fn lose_power(&mut self) {
        self.disk = self.disk.after_power_loss(&mut self.random);
        self.fixture = Fixture::over(open(&self.disk), 1 << 30);
        let build = format!("b{}", self.random.below(3));
        self.fixture.restart_with(worker(&build));
    }

    fn start(&mut self) {
        let random = &mut self.random;
        let namespace = *pick(random, &NAMESPACES);
        let mut request = StartRequest {
            namespace: namespace.into(),
            ..StartRequest::new(
                *pick(random, &TYPES),
                json(&format!("\"{}\"", pick(random, &WAYS))),
            )
        };
        if random.below(3) > 0 {
            let prefix =
                ["order-", "order-1", "01", "x"][usize::try_from(random.below(4)).unwrap()];
            request.workflow_id = Some(format!("{prefix}{}", random.next_u64()));
        }
        let mut attribute = |name: &str, value: String| {
            request.search_attributes.insert(name.into(), json(&value));
        };
        if random.below(2) == 0 {
            attribute("tier", format!("\"{}\"", pick(random, &TIERS)));
        } else if random.below(3) == 0 {
            attribute("tier", (*pick(random, &["7", "7.0", "true", "false"])).into());
        }
        if random.below(2) == 0 {
            attribute("cents", format!("{}", random.below(40).cast_signed() - 20));
        }
        if random.below(4) == 0 {
            attribute("score", format!("{}.5", random.below(5)));
        }
        let engine = self.fixture.engine();
        let started = self.fixture.wait(engine.start(request)).unwrap();
        let run_id = Some(started.run_id);
        let selector =
            Selector { namespace: namespace.into(), workflow_id: started.workflow_id, run_id };
        self.started.entry(namespace).or_default().push(selector);
    }

    /// Something happens to some run; most of it is refused.
    fn act(&mut self) {
        let namespace = *pick(&mut self.random, &NAMESPACES);
        let Some(known) = self.started.get(namespace).filter(|known| !known.is_empty()) else {
            return;
        };
        let selector = pick(&mut self.random, known).clone();
        let engine = self.fixture.engine().clone();
        let what = self.random.below(8);
        self.fixture.wait(async {
            match what {
                0 => engine.terminate(&selector, "enough".into()).await.is_ok(),
                1 => engine.cancel(&selector).await.is_ok(),
                2 => engine.pause(&selector, "later".into()).await.is_ok(),
                3 => engine.resume(&selector).await.is_ok(),
                4 => engine.delete(&selector).await.is_ok(),
                _ => {
                    let signal =
                        everstep_engine::SignalInput { name: "go".into(), payload: json("null") };
                    engine.signal(&selector, signal, None).await.is_ok()
                }
            }
        });
    }

    /// Every run of a namespace, once nothing changes by itself any more.
    fn all(&self, namespace: &str) -> Vec<RunSummary> {
        let order = ListOrder::default();
        self.pages(&ListFilter::of(namespace), &order, 1_000)
    }

    fn pages(&self, filter: &ListFilter, order: &ListOrder, size: usize) -> Vec<RunSummary> {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let engine = self.fixture.engine();
            let page = engine.list_in_order(filter, order, size, token.as_deref()).unwrap();
            assert!(page.workflows.len() <= size);
            found.extend(page.workflows);
            token = page.next_page_token;
            if token.is_none() {
                return found;
            }
        }
    }

    fn filter(&mut self, namespace: &str, all: &[RunSummary]) -> ListFilter {
        let random = &mut self.random;
        let mut filter = ListFilter::of(namespace);
        let some = (!all.is_empty()).then(|| pick(random, all).clone());
        for _ in 0..=random.below(3) {
            match (random.below(15), &some) {
                (0 | 1, _) => filter.status = Some(*pick(random, &RunStatus::ALL)),
                (2, _) => filter.workflow_type = Some((*pick(random, &TYPES)).into()),
                (3, _) => {
                    let prefixes = ["order-", "order-1", "01", "x", "", "0"];
                    filter.id_prefix = Some((*pick(random, &prefixes)).into());
                }
                (4, Some(run)) => filter.started_after = Some(run.started_at),
                (5, Some(run)) => filter.started_before = Some(run.started_at),
                (6, Some(run)) => filter.closed_after = run.closed_at,
                (7, Some(run)) => filter.closed_before = run.closed_at,
                (8, Some(run)) => filter.parent = run.parent.clone(),
                (9, _) => filter.build = Some(format!("b{}", random.below(3))),
                (10, _) => filter.queue = Some("mail".into()),
                (11, _) => filter.stuck = Some(random.below(3) > 0),
                (12, Some(run)) => filter.fingerprint = run.fingerprint.clone(),
                (13, _) => {
                    let text = *pick(random, &["gold", "7", "7.0", "true", "none"]);
                    filter.attributes.insert("tier".into(), text.into());
                }
                _ => {
                    let low = random.below(40).cast_signed() - 20;
                    let (min, max) = (Some(low.to_string()), Some((low + 10).to_string()));
                    let range = match random.below(4) {
                        0 => AttributeRange { min, ..Default::default() },
                        1 => AttributeRange { max, ..Default::default() },
                        2 => AttributeRange { min, max, prefix: None },
                        _ => {
                            let prefix = Some((*pick(random, &["go", "gold", ""])).into());
                            filter.ranges.insert(
                                "tier".into(),
                                AttributeRange { prefix, ..Default::default() },
                            );
                            continue;
                        }
                    };
                    filter.ranges.insert("cents".into(), range);
                }
            }
        }
        filter
    }

    fn compare(&mut self, times: usize) {
        for namespace in NAMESPACES {
            let all = self.all(namespace);
            for _ in 0..times {
                let filter = self.filter(namespace, &all);
                let attribute = |name: &str| SortBy::Attribute(name.into());
                let by = match self.random.below(6) {
                    0..=2 => SortBy::Started,
                    3 => SortBy::Closed,
                    4 => attribute("tier"),
                    _ => attribute("cents"),
                };
                let order = ListOrder { by, descending: self.random.below(2) == 0 };
                let size = 1 + usize::try_from(self.random.below(12)).unwrap();
                let found: Vec<RunId> =
                    self.pages(&filter, &order, size).iter().map(|run| run.run_id).collect();
                let expected = oracle::list(&all, &filter, &order);
                assert_eq!(found, expected, "{filter:?} by {order}, {size} a page");

                let groups = [
                    GroupBy::Status,
                    GroupBy::Type,
                    GroupBy::Build,
                    GroupBy::Queue,
                    GroupBy::Fingerprint,
                    GroupBy::Attribute("cents".into()),
                ];
                let group_by = pick(&mut self.random, &groups).clone();
                let counted = self.fixture.engine().count(&filter, Some(&group_by)).unwrap();
                let groups = counted.groups.unwrap().into_iter();
                let groups = groups.map(|group| (group.value, group.count)).collect();
                let expected = oracle::count(&all, &filter, &group_by);
                assert_eq!((counted.count, groups), expected, "{filter:?} by {group_by:?}");
                let counted = self.fixture.engine().count(&filter, None).unwrap();
                assert_eq!(counted.count, expected.0, "{filter:?}");
            }
        }
    }

    /// Moves the clock until retries have failed often enough, and nothing is under way.
    fn settle(&self) {
        self.fixture.advance(SETTLE);
        self.fixture.until_counted(|stats| stats.running_attempts == 0);
    }
}

#[test]
fn every_filter_order_and_count_is_as_a_scan_would_have_it() {
    for seed in 0..6 {
        let mut world = World::new(seed);
        for round in 0..4 {
            for _ in 0..40 {
                match world.random.below(3) {
                    0 | 1 => world.start(),
                    _ => world.act(),
                }
                if world.random.below(3) == 0 {
                    world.fixture.advance(Duration::from_millis(1 + world.random.below(1_000)));
                }
            }
            world.settle();
            world.compare(40);
            if round % 2 == 1 {
                world.lose_power();
                world.settle();
                world.compare(40);
            }
        }
    }
}
