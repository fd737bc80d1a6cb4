//! The test kit: plays a workflow on a skipping clock with mocked activities, replays recorded
//! histories, and crashes the engine at every point of a run.
//!
//! What plays here is the engine itself over a store in memory, with its real recovery; only time
//! is made. A month of waiting takes as long as its steps, and the same scenario gives the same
//! run ids, times and random numbers each time.
//!
//! ```
//! use std::time::Duration;
//!
//! use everstep_engine::testing::{Scenario, explore_crashes};
//! use everstep_engine::{
//!     Activity, Either, Signal, Worker, Workflow, WorkflowContext, WorkflowError, race,
//! };
//!
//! const REMIND: Workflow<String, u32> = Workflow::new("remind");
//! const MAIL: Activity<String, ()> = Activity::new("mail");
//! const DONE: Signal<()> = Signal::new("done");
//! const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
//!
//! async fn remind(ctx: &WorkflowContext, whom: String) -> Result<u32, WorkflowError> {
//!     let mut mails = 0;
//!     while let Either::Second(()) = race(ctx.signal(DONE), ctx.sleep(WEEK)).await {
//!         ctx.activity(MAIL, whom.clone()).await?;
//!         mails += 1;
//!     }
//!     Ok(mails)
//! }
//!
//! let scenario = || {
//!     Scenario::new(Worker::new().workflow(REMIND, remind), REMIND, &"ada".to_owned())
//!         .answers(MAIL, ())
//!         .signal_after(WEEK * 4 + Duration::from_secs(1), DONE, &())
//! };
//! let played = scenario().play()?;
//! assert_eq!(played.output()?, 4);
//! assert_eq!(played.inputs(MAIL)?, ["ada"; 4]);
//! assert_eq!(played.timers(), [WEEK; 5]);
//!
//! let report = explore_crashes(scenario)?;
//! assert!(report.crashes > 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod commands;
mod crash_store;
mod explore;
mod explore_story;
mod play;
mod played;
mod replay;
mod scenario;
mod story;
mod tell;

pub use explore::{CrashDivergence, CrashReport, explore_crashes};
pub use explore_story::{StoryDivergence, StoryReport, explore_story};
pub use played::Played;
pub use replay::{ReplayError, replay};
pub use scenario::{Scenario, TestError};
pub use story::{Story, Told};
