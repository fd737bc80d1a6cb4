//! Waiting for all of several.
//!
//! Invariant: a child is polled once at first and then only when something woke it, so a join of n
//! costs O(n) in all and not O(n²), and children are polled in the order in which they were woken,
//! which is the order of the history.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Waits for both futures.
pub async fn join<A: Future, B: Future>(first: A, second: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let (mut first_output, mut second_output) = (None, None);
    poll_fn(|cx| {
        if first_output.is_none()
            && let Poll::Ready(output) = first.as_mut().poll(cx)
        {
            first_output = Some(output);
        }
        if second_output.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(cx)
        {
            second_output = Some(output);
        }
        match (first_output.take(), second_output.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (first, second) => {
                (first_output, second_output) = (first, second);
                Poll::Pending
            }
        }
    })
    .await
}

/// Waits for every future; the outputs come in the order of the futures.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let woken = Arc::new(Woken::default());
    let mut children: Vec<Child<F>> = futures
        .into_iter()
        .enumerate()
        .map(|(index, future)| {
            let waker = Waker::from(Arc::new(ChildWaker { index, woken: Arc::clone(&woken) }));
            Child { future: Some(Box::pin(future)), waker, output: None }
        })
        .collect();
    let mut open = children.len();
    woken.lock().ready.extend(0..open);
    poll_fn(|cx| {
        woken.lock().parent = Some(cx.waker().clone());
        while let Some(index) = woken.pop() {
            let Child { future: slot, waker, output } = &mut children[index];
            let Some(future) = slot else { continue };
            if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                *output = Some(ready);
                *slot = None;
                open -= 1;
            }
        }
        if open == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    children.into_iter().filter_map(|child| child.output).collect()
}

struct Child<F: Future> {
    future: Option<Pin<Box<F>>>,
    waker: Waker,
    output: Option<F::Output>,
}

#[derive(Default)]
struct Woken {
    // Only ever locked by the one thread that polls the workflow; the lock satisfies `Wake`.
    state: Mutex<WokenState>,
}

#[derive(Default)]
struct WokenState {
    ready: VecDeque<usize>,
    parent: Option<Waker>,
}

impl Woken {
    fn lock(&self) -> std::sync::MutexGuard<'_, WokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<usize> {
        self.lock().ready.pop_front()
    }
}

struct ChildWaker {
    index: usize,
    woken: Arc<Woken>,
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let parent = {
            let mut state = self.woken.lock();
            state.ready.push_back(self.index);
            state.parent.clone()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}
