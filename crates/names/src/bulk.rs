//! The same question for many names, a bounded number at a time.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

/// The answers of a run over many names, in the order in which they come. Dropping this ends the run: what is under way
/// is given up, its sockets are closed, and no further name is taken.
///
/// The work is done by tasks of their own, so that whoever writes each answer to a slow place keeps no socket open.
#[derive(Debug)]
pub struct Answers<T> {
    receiver: mpsc::Receiver<T>,
    driver: Option<JoinHandle<()>>,
}

impl<T> Answers<T> {
    /// The next answer; `None` when each item has had its one.
    ///
    /// # Panics
    /// When answering an item panicked: an answer is never left out in silence.
    pub async fn next(&mut self) -> Option<T> {
        if let Some(answer) = self.receiver.recv().await {
            return Some(answer);
        }
        if let Some(driver) = self.driver.take()
            && let Err(error) = driver.await
            && let Ok(panic) = error.try_into_panic()
        {
            resume_unwind(panic);
        }
        None
    }
}

impl<T> Drop for Answers<T> {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// Answers each of `items`, at most `parallel` at a time; the iterator is only asked for the next item when there is
/// room. `parallel` of zero counts as one.
///
/// Must be called within a Tokio run time.
pub fn each<I, F, A>(items: I, parallel: usize, answer: F) -> Answers<A::Output>
where
    I: IntoIterator + Send + 'static,
    I::IntoIter: Send,
    I::Item: Send,
    F: Fn(I::Item) -> A + Send + 'static,
    A: Future + Send + 'static,
    A::Output: Send + 'static,
{
    let parallel = parallel.max(1);
    let (sender, receiver) = mpsc::channel(parallel);
    let driver = tokio::spawn(async move {
        // Dropped with this task, which ends them all.
        let mut running = JoinSet::new();
        for item in items {
            if running.len() >= parallel && !hand_on(&mut running, &sender).await {
                return;
            }
            running.spawn(answer(item));
        }
        while !running.is_empty() && hand_on(&mut running, &sender).await {}
    });
    Answers { receiver, driver: Some(driver) }
}

/// Whether somebody still wants answers.
async fn hand_on<T: 'static>(running: &mut JoinSet<T>, sender: &mpsc::Sender<T>) -> bool {
    match running.join_next().await {
        Some(Ok(answer)) => sender.send(answer).await.is_ok(),
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => false,
        },
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_item_has_one_answer_and_few_are_worked_on_at_a_time() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now, peak) = (running.clone(), most.clone());
        let mut answers = each(0..100, 7, move |item| {
            let (now, peak) = (now.clone(), peak.clone());
            async move {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                item
            }
        });
        let mut seen = Vec::new();
        while let Some(item) = answers.next().await {
            seen.push(item);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 7);
        assert!(answers.next().await.is_none(), "and asking again is no mistake");
    }

    #[tokio::test]
    #[should_panic(expected = "item 3")]
    async fn a_panic_is_no_answer_that_is_left_out() {
        let mut answers = each(0..10, 2, |item| async move { assert!(item != 3, "item {item}") });
        while answers.next().await.is_some() {}
    }

    #[tokio::test]
    async fn none_at_a_time_counts_as_one() {
        let mut answers = each(["a"], 0, |item| async move { item });
        assert_eq!(answers.next().await, Some("a"));
    }
}
