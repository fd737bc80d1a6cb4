//! Random programs of consumers that ack, refuse, park, forget and die, against a plain model, with
//! the rows as the only thing that outlives a crash.

use super::*;
use crate::subscriptions::rows::{StoredOpen, StoredParked};
use crate::subscriptions::settings::OnPark;

/// The store's owner.
const EPOCH: u64 = 1;

/// A small generator (xorshift), so that a failure names its seed and nothing else is needed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn one_in(&mut self, most: u64) -> bool {
        self.below(most) == 0
    }
}

/// The rows as a store would hold them.
#[derive(Default)]
struct Rows {
    state: StoredState,
    open: BTreeMap<u64, StoredOpen>,
    parked: BTreeMap<u64, StoredParked>,
}

impl Rows {
    fn write(&mut self, changes: Changes) {
        assert_eq!(changes.before, self.state.revision);
        for (position, row) in changes.open {
            match row {
                Some(row) => drop(self.open.insert(position, row)),
                None => drop(self.open.remove(&position)),
            }
        }
        for (position, row) in changes.parked {
            match row {
                Some(row) => drop(self.parked.insert(position, row)),
                None => drop(self.parked.remove(&position)),
            }
        }
        self.state = changes.state;
    }

    fn load(&self, settings: &SubscriptionSettings) -> Window {
        let open = self.open.iter().map(|(position, row)| (*position, row.clone()));
        let parked = self.parked.iter().map(|(position, row)| (*position, row.clone()));
        Window::load(settings.clone(), self.state.clone(), open.collect(), parked.collect(), EPOCH)
    }
}

/// What every event is, as far as anybody was told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Parked,
    Settled,
}

struct World {
    dice: Dice,
    settings: SubscriptionSettings,
    rows: Rows,
    window: Window,
    keys: Vec<String>,
    fates: Vec<Fate>,
    /// What consumers hold: position, attempt, until when.
    held: Vec<Handed>,
    was_handed: Vec<bool>,
    was_discarded: Vec<bool>,
    now_ms: i64,
}

impl World {
    fn new(seed: u64, on_park: OnPark) -> Self {
        let settings = SubscriptionSettings {
            on_park,
            max_attempts: 3,
            max_in_flight: 6,
            max_parked: 12,
            lease_ms: 100,
            backoff_ms: 10,
            max_backoff_ms: 200,
            ..SubscriptionSettings::default()
        };
        let rows = Rows::default();
        let window = rows.load(&settings);
        let (keys, fates, held) = (Vec::new(), Vec::new(), Vec::new());
        let (was_handed, was_discarded) = (Vec::new(), Vec::new());
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self {
            dice,
            settings,
            rows,
            window,
            keys,
            fates,
            held,
            was_handed,
            was_discarded,
            now_ms: 1,
        }
    }

    fn append(&mut self) {
        let key = format!("k{}", self.dice.below(5));
        self.keys.push(key);
        self.fates.push(Fate::Open);
        self.was_handed.push(false);
        self.was_discarded.push(false);
    }

    fn read(&mut self) {
        let from = usize::try_from(self.window.read_to()).unwrap();
        let page = 1 + usize::try_from(self.dice.below(8)).unwrap();
        let to = self.keys.len().min(from + page);
        let events = (from..to).map(|at| (at as u64 + 1, self.keys[at].clone()));
        self.window.read(events.collect::<Vec<_>>(), to as u64, self.now_ms);
    }

    /// Makes it durable, or dies before: then nobody was told, and nothing happened.
    fn commit(&mut self) -> bool {
        if self.dice.one_in(15) {
            self.window = self.rows.load(&self.settings);
            while self.window.read_to() < self.window.rows_to() {
                self.read();
            }
            return false;
        }
        self.rows.write(self.window.take_changes());
        true
    }

    fn fate(&mut self, position: u64) -> &mut Fate {
        &mut self.fates[usize::try_from(position).unwrap() - 1]
    }

    /// What the rows say of parked events is what is told of them.
    fn look_at_parked(&mut self) {
        for at in 0..self.fates.len() {
            let is_parked = self.rows.parked.contains_key(&(at as u64 + 1));
            match (self.fates[at], is_parked) {
                (Fate::Settled, true) => panic!("event {} is settled and parked", at + 1),
                (Fate::Settled, false) => {}
                (_, true) => self.fates[at] = Fate::Parked,
                (_, false) => self.fates[at] = Fate::Open,
            }
        }
    }

    fn hand_out(&mut self) {
        self.window.advance(self.now_ms);
        let most = 1 + usize::try_from(self.dice.below(4)).unwrap();
        let handed = self.window.hand_out(&"c".into(), most, None, self.now_ms);
        if !self.commit() {
            return;
        }
        self.look_at_parked();
        for one in handed {
            let at = usize::try_from(one.position).unwrap() - 1;
            assert_eq!(self.fates[at], Fate::Open, "{one:?}");
            assert_eq!(*one.key, *self.keys[at]);
            for before in (0..at).filter(|before| self.keys[*before] == self.keys[at]) {
                let fate = self.fates[before];
                let may = fate == Fate::Settled
                    || fate == Fate::Parked && self.settings.on_park == OnPark::Continue;
                assert!(may, "{one:?} was handed out before event {}: {fate:?}", before + 1);
            }
            self.was_handed[at] = true;
            self.held.retain(|held| held.until_ms > self.now_ms || held.position != one.position);
            let with_others = self.held.iter().any(|held| {
                held.key == one.key && held.until_ms > self.now_ms && held.position != one.position
            });
            assert!(!with_others, "two of one lane are handed out: {one:?} {:?}", self.held);
            self.held.push(one);
        }
        let live = self.held.iter().filter(|held| held.until_ms > self.now_ms).count();
        assert!(live <= self.settings.max_in_flight);
        assert!(self.rows.parked.len() <= self.settings.max_parked);
    }

    fn judge(&mut self, verdict: &Verdict) {
        if self.held.is_empty() {
            return;
        }
        let at = usize::try_from(self.dice.below(self.held.len() as u64)).unwrap();
        let one = self.held.swap_remove(at);
        self.window.advance(self.now_ms);
        let taken = self.window.judge(one.position, one.attempt, verdict, self.now_ms);
        if !self.commit() {
            self.held.push(one);
            return;
        }
        match (taken, verdict) {
            (Taken::Done, Verdict::Ack) => *self.fate(one.position) = Fate::Settled,
            (Taken::Already, _) => assert_eq!(*self.fate(one.position), Fate::Settled),
            _ => {}
        }
        self.look_at_parked();
    }

    fn discard(&mut self) {
        let Some(position) = self.rows.parked.keys().next().copied() else { return };
        let before = self.fates.clone();
        self.window.discard(Some(&[position]), self.now_ms);
        if self.commit() {
            *self.fate(position) = Fate::Settled;
            self.was_discarded[usize::try_from(position).unwrap() - 1] = true;
        } else {
            self.fates = before;
        }
        self.look_at_parked();
    }

    fn replay(&mut self, all: bool) {
        let first = self.rows.parked.keys().next().copied();
        let positions = if all { None } else { first.map(|first| vec![first]) };
        self.window.replay(positions.as_deref(), self.now_ms);
        self.commit();
        self.look_at_parked();
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..4 => self.append(),
            4..7 => self.read(),
            7..12 => self.hand_out(),
            12..15 => self.judge(&Verdict::Ack),
            15 => self.judge(&Verdict::Retry { after_ms: None, reason: "no".into() }),
            16 => {
                if self.dice.one_in(4) {
                    self.judge(&Verdict::Park { reason: "never".into() });
                }
            }
            17 => {
                let all = self.dice.one_in(2);
                self.replay(all);
            }
            18 => {
                if self.dice.one_in(3) {
                    self.discard();
                }
            }
            _ => self.now_ms += i64::try_from(self.dice.below(60)).unwrap(),
        }
    }

    /// Everybody behaves: all that is left is settled within a bound.
    fn drain(&mut self) {
        for _ in 0..5 * (self.keys.len() + 10) {
            self.now_ms += 50;
            self.read();
            self.replay(true);
            self.hand_out();
            while !self.held.is_empty() {
                self.judge(&Verdict::Ack);
            }
        }
        for (at, fate) in self.fates.iter().enumerate() {
            assert_eq!(*fate, Fate::Settled, "event {} of {}", at + 1, self.keys.len());
            assert!(self.was_handed[at] || self.was_discarded[at], "event {} was skipped", at + 1);
        }
        assert_eq!(self.rows.state.checkpoint, self.keys.len() as u64);
        assert!(self.rows.open.is_empty(), "{:?}", self.rows.open);
        assert!(self.rows.parked.is_empty());
    }
}

#[test]
fn nothing_is_skipped_or_overtaken_whatever_consumers_do() {
    for seed in 1..120 {
        for on_park in [OnPark::Hold, OnPark::Continue] {
            let mut world = World::new(seed, on_park);
            for _ in 0..300 {
                world.step();
            }
            world.drain();
        }
    }
}

fn window(change: impl FnOnce(&mut SubscriptionSettings), keys: &[&str]) -> Window {
    let mut settings = SubscriptionSettings::default();
    change(&mut settings);
    let mut window = Window::load(settings, StoredState::default(), Vec::new(), Vec::new(), EPOCH);
    let events = keys.iter().enumerate().map(|(at, key)| (at as u64 + 1, (*key).to_owned()));
    window.read(events, keys.len() as u64, 0);
    window
}

fn positions(handed: &[Handed]) -> Vec<u64> {
    handed.iter().map(|one| one.position).collect()
}

#[test]
fn one_of_each_lane_is_handed_out_at_a_time() {
    let mut window = window(|_| {}, &["a", "b", "a", "c"]);
    let handed = window.hand_out(&"x".into(), 10, None, 0);
    assert_eq!(positions(&handed), [1, 2, 4]);
    assert!(window.hand_out(&"y".into(), 10, None, 0).is_empty());
    assert_eq!(window.judge(1, 1, &Verdict::Ack, 0), Taken::Done);
    assert_eq!(positions(&window.hand_out(&"y".into(), 10, None, 0)), [3]);
}

#[test]
fn a_parked_event_holds_its_lane_and_no_other() {
    let mut window = window(|_| {}, &["a", "a", "b", "a"]);
    window.hand_out(&"x".into(), 10, None, 0);
    let park = Verdict::Park { reason: "poison".into() };
    assert_eq!(window.judge(1, 1, &park, 0), Taken::Done);
    assert_eq!(window.judge(3, 1, &Verdict::Ack, 0), Taken::Done);
    assert!(window.hand_out(&"x".into(), 10, None, 0).is_empty());
    let changes = window.take_changes();
    assert_eq!((changes.state.parked, changes.state.behind, changes.state.held_lanes), (1, 2, 1));
    // What waits behind it does not keep the checkpoint.
    assert_eq!(changes.state.checkpoint, 4);
    assert_eq!(window.replay(Some(&[1]), 0), 1);
    assert_eq!(positions(&window.hand_out(&"x".into(), 10, None, 0)), [1]);
    assert_eq!(window.judge(1, 2, &Verdict::Ack, 0), Taken::Done);
    assert_eq!(positions(&window.hand_out(&"x".into(), 10, None, 0)), [2]);
}

#[test]
fn who_is_late_is_told_so() {
    let mut window = window(|of| of.lease_ms = 10, &["a"]);
    window.hand_out(&"x".into(), 1, None, 0);
    window.advance(10);
    let again = window.hand_out(&"y".into(), 1, None, 10);
    assert_eq!(again[0].attempt, 2);
    assert_eq!(window.judge(1, 1, &Verdict::Ack, 11), Taken::Late);
    assert_eq!(window.judge(1, 2, &Verdict::Ack, 11), Taken::Done);
    assert_eq!(window.judge(1, 2, &Verdict::Ack, 12), Taken::Already);
}

#[test]
fn a_full_parked_list_parks_no_more_and_skips_nothing() {
    let mut window = window(|of| of.max_parked = 1, &["a", "b"]);
    window.hand_out(&"x".into(), 2, None, 0);
    let park = Verdict::Park { reason: "no".into() };
    assert_eq!(window.judge(1, 1, &park, 0), Taken::Done);
    assert_eq!(window.judge(2, 1, &park, 0), Taken::Done);
    let state = window.take_changes().state;
    assert_eq!((state.parked, state.resting), (1, 1));
    window.advance(60_000);
    assert_eq!(positions(&window.hand_out(&"x".into(), 2, None, 60_000)), [2]);
}
