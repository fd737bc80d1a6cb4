//! Who keeps the projections: one task a projection and namespace.
//!
//! Invariants: a projection that fails holds up nobody else and tries again for ever, with a pause
//! of up to a minute; everything ends when the last handle is dropped, when it is told to, or when
//! the engine stops.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use everstep_engine::Engine;
use tokio::sync::watch;

use super::batch::{Stepped, step};
use super::service::{Inner, Live};
use super::telling::tell;
use super::{Delivery, ProjectionCode, Projections, inline};

/// How often it is looked whether there are other namespaces than before.
const NAMESPACES_EVERY: Duration = Duration::from_millis(250);
/// How long a projection without events waits before it looks by itself.
const LONGEST_REST: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Gives each projection of each namespace its task, and takes it away with the namespace.
pub(super) async fn supervise(inner: Weak<Inner>, stop: watch::Receiver<bool>) {
    let mut keeping: HashMap<String, Vec<tokio::task::AbortHandle>> = HashMap::new();
    loop {
        {
            let Some(inner) = inner.upgrade() else { break };
            if *stop.borrow() {
                break;
            }
            let names: Vec<String> =
                inner.engine.namespaces().into_iter().map(|namespace| namespace.name).collect();
            keeping.retain(|name, tasks| {
                let there = names.contains(name);
                if !there {
                    tasks.iter().for_each(tokio::task::AbortHandle::abort);
                    inner.lock().retain(|(namespace, _), _| namespace != name);
                }
                there
            });
            for name in names {
                if keeping.contains_key(&name) {
                    continue;
                }
                let all = inner.engine.extension::<Projections>();
                let tasks = all.into_iter().flat_map(Projections::all).map(|code| {
                    let keeper = Keeper {
                        engine: inner.engine.clone(),
                        namespace: name.clone(),
                        code: Arc::clone(code),
                        live: inner.live(&name, code.name),
                    };
                    tokio::spawn(keeper.run(stop.clone())).abort_handle()
                });
                let tasks = tasks.collect();
                keeping.insert(name, tasks);
            }
        }
        let mut stop = stop.clone();
        tokio::select! {
            () = tokio::time::sleep(NAMESPACES_EVERY) => {}
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
}

/// Keeps one projection of one namespace.
struct Keeper {
    engine: Engine,
    namespace: String,
    code: Arc<ProjectionCode>,
    live: Arc<Live>,
}

/// What a keeper waits for next.
enum Rest {
    Nothing,
    Events,
    Word,
    Time,
    End,
}

impl Keeper {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let Ok(mut events) = self.engine.follow_log(&self.namespace) else { return };
        let mut pause = FIRST_PAUSE;
        loop {
            events.borrow_and_update();
            let rest = match self.code.delivery {
                Delivery::Async => self.step().await,
                Delivery::Inline => self.catch_up().await,
            };
            let rest_for = match rest {
                Rest::Nothing => {
                    pause = FIRST_PAUSE;
                    if *stop.borrow() {
                        return;
                    }
                    continue;
                }
                Rest::End => return,
                Rest::Events | Rest::Word => LONGEST_REST,
                Rest::Time => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    pause
                }
            };
            tokio::select! {
                moved = events.changed(), if matches!(rest, Rest::Events) => {
                    if moved.is_err() { return }
                }
                () = self.live.wake.notified() => {}
                () = tokio::time::sleep(rest_for) => {}
                _ = self.engine.stopped() => return,
                changed = stop.changed() => if changed.is_err() || *stop.borrow() { return },
            }
        }
    }

    async fn step(&self) -> Rest {
        let seen = self.live.seen.load(Ordering::Relaxed);
        let stepped = step(&self.engine, &self.namespace, &self.code, seen).await;
        let told = match stepped {
            Ok(Stepped::Paused) | Err(_) => Ok(false),
            Ok(_) => tell(&self.engine, &self.namespace, &self.code).await,
        };
        let stepped = match told {
            // There may be more to tell.
            Ok(true) if matches!(stepped, Ok(Stepped::Idle(_))) => return Rest::Nothing,
            Ok(_) => stepped,
            Err(error) => Err(error),
        };
        match stepped {
            Ok(Stepped::Moved(checkpoint)) => {
                self.live.fail(None);
                self.live.seen.store(checkpoint.position, Ordering::Relaxed);
                self.live.durable.send_replace(checkpoint.position);
                Rest::Nothing
            }
            Ok(Stepped::Idle(position)) => {
                self.live.fail(None);
                self.live.seen.store(position, Ordering::Relaxed);
                Rest::Events
            }
            Ok(Stepped::Paused) => Rest::Word,
            Ok(Stepped::Quarantined) => {
                self.live.fail(None);
                Rest::Nothing
            }
            Err(error) => {
                let (projection, namespace) = (self.code.name, &self.namespace);
                tracing::warn!(projection, namespace, %error, "failed to keep a projection");
                self.live.fail(Some(error.to_string()));
                Rest::Time
            }
        }
    }

    async fn catch_up(&self) -> Rest {
        match inline::catch_up(&self.code, &self.engine, &self.namespace).await {
            Ok(true) => {
                self.live.fail(None);
                Rest::End
            }
            Ok(false) => Rest::Nothing,
            Err(error) => {
                let projection = self.code.name;
                tracing::warn!(projection, %error, "failed to bring a projection up to date");
                self.live.fail(Some(error.to_string()));
                Rest::Time
            }
        }
    }
}
