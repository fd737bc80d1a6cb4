//! Callers: each tells one story after the other until the line is closed.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::line::Line;
use crate::stories::{self, Done};

/// The running callers.
pub(crate) struct Callers {
    tasks: JoinSet<Vec<Done>>,
}

pub(crate) fn spawn(line: &Arc<Line>, callers: usize, seed: u64) -> Callers {
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let line = Arc::clone(line);
        let rng = StdRng::seed_from_u64(seed ^ (caller as u64 + 1));
        tasks.spawn(async move { tell_stories(&line, caller, rng).await });
    }
    Callers { tasks }
}

async fn tell_stories(line: &Line, caller: usize, mut rng: StdRng) -> Vec<Done> {
    let mut done = Vec::new();
    for number in 0.. {
        if line.is_closed() {
            break;
        }
        let id = format!("{caller}-{number}");
        done.push(match rng.random_range(0..8) {
            0 => stories::witness(line, &id, &mut rng).await,
            1 => stories::chain(line, &id, &mut rng).await,
            2 => stories::approval(line, &id, &mut rng).await,
            3 => stories::register(line, &id, &mut rng).await,
            4 => stories::tally(line, &id, &mut rng).await,
            5 => stories::parent(line, &id, &mut rng).await,
            6 => stories::ticker(line, &id, &mut rng).await,
            _ => stories::accumulate(line, &id, &mut rng).await,
        });
    }
    done
}

impl Callers {
    /// What all of them were told, once they have come to the end of their last story.
    pub(crate) async fn join(mut self) -> Vec<Done> {
        let mut done = Vec::new();
        while let Some(stories) = self.tasks.join_next().await {
            done.extend(stories.unwrap());
        }
        done
    }
}
