//! A crash at every point of a story: around each commit in turn the process is gone with everything
//! in it, the next one goes on from what was durable, and it must come to the same.
//!
//! Each commit is met twice: by a process that dies with it, unheard, and by one that lives on until
//! the next: then what followed from it has begun, and is lost.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ReplayError;
use super::crash_store::Death;
use super::story::Story;
use super::tell::Teller;
use crate::ExportedRun;

/// More crash points than any test should have.
const MOST_POINTS: u64 = 10_000;

/// What an exploration of a story went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryReport {
    /// How many times it was crashed, twice at each commit: unheard, and heard.
    pub crashes: u64,
    /// How often it came to what, the time without a crash included.
    pub outcomes: BTreeMap<String, u64>,
}

/// A story that comes to something else when it is crashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoryDivergence {
    /// It cannot even be told without a crash.
    #[error("without a crash: {0}")]
    Baseline(String),
    /// It does not come to an end.
    #[error("after a crash at commit {commit}: {error}")]
    Stuck {
        /// Commits that were durable at the crash.
        commit: u64,
        /// Why.
        error: String,
    },
    /// It comes to something that is not allowed.
    #[error("after a crash at commit {commit} it comes to: {found}; without: {expected}")]
    EndsOtherwise {
        /// Commits that were durable at the crash.
        commit: u64,
        /// What it comes to without a crash.
        expected: String,
        /// What it came to.
        found: String,
    },
    /// The history of one of its runs does not replay.
    #[error("after a crash at commit {commit}: {error}")]
    Replay {
        /// Commits that were durable at the crash.
        commit: u64,
        /// Why not.
        error: ReplayError,
    },
    /// There are too many points.
    #[error("more than {MOST_POINTS} points at which to crash; tell a shorter story")]
    TooMany,
}

/// Crashes a process around each of its commits in turn: right after it, before anybody has heard of
/// it, and before the next one, when what follows has begun. `story` makes everything anew each time, also
/// the world that the process acts on. The outcome must be the one without a crash, or one that the
/// story [allows](Story::allows), and the history of every run must replay.
///
/// ```
/// use everstep_engine::testing::{Story, explore_story};
/// use everstep_engine::{DEFAULT_NAMESPACE, Table, Worker};
///
/// const SOLD: Table<u64> = Table::new("shop", "sold");
///
/// let report = explore_story(|| {
///     Story::new(Worker::new)
///         .act(|engine| async move {
///             Ok(engine.transact(DEFAULT_NAMESPACE, |tx| tx.put(SOLD, "abacus", &3)).await?)
///         })
///         .outcome(|engine| async move {
///             let sold = engine.rows(DEFAULT_NAMESPACE)?.get(SOLD, "abacus")?;
///             Ok(format!("{sold:?} sold"))
///         })
/// })?;
/// assert_eq!(report.crashes, 2);
/// assert_eq!(report.outcomes.keys().collect::<Vec<_>>(), ["Some(3) sold"]);
/// # Ok::<(), everstep_engine::testing::StoryDivergence>(())
/// ```
///
/// # Errors
/// The first crash that changes something.
pub fn explore_story<S: 'static>(
    story: impl Fn() -> Story<S>,
) -> Result<StoryReport, StoryDivergence> {
    let baseline = tell(story(), Death::Never).map_err(StoryDivergence::Baseline)?;
    let expected = baseline.outcome;
    let mut outcomes = BTreeMap::from([(expected.clone(), 1)]);
    let mut crashes = 0;
    for commits in 0..MOST_POINTS {
        for death in [Death::Before(commits), Death::Unheard(commits)] {
            let commit = death.commits();
            let told =
                tell(story(), death).map_err(|error| StoryDivergence::Stuck { commit, error })?;
            if !told.crashed {
                return Ok(StoryReport { crashes, outcomes });
            }
            crashes += 1;
            let found = told.outcome;
            if found != expected && !told.story.allowed.contains(&found) {
                return Err(StoryDivergence::EndsOtherwise { commit, expected, found });
            }
            let worker = (told.story.worker)();
            for run in &told.runs {
                super::replay(&worker, run)
                    .map_err(|error| StoryDivergence::Replay { commit, error })?;
            }
            *outcomes.entry(found).or_default() += 1;
        }
    }
    Err(StoryDivergence::TooMany)
}

struct Ended<S> {
    story: Rc<Story<S>>,
    outcome: String,
    runs: Vec<ExportedRun>,
    crashed: bool,
}

fn tell<S: 'static>(story: Story<S>, death: Death) -> Result<Ended<S>, String> {
    let story = Rc::new(story);
    let mut told = Teller::begin(Rc::clone(&story), death)?;
    let ended = told.tell();
    let crashed = told.crashed;
    told.clear();
    let (outcome, runs) = ended?;
    Ok(Ended { story, outcome, runs, crashed })
}
