//! Tasks done by several threads, their results taken in the order of the tasks.

use std::sync::mpsc::sync_channel;

use crate::error::{Error, Result};

/// Results of one thread that wait to be taken.
const WAITING: usize = 1;
/// Results in memory at once for each thread: one in the making, those that wait, one being taken.
pub(super) const AT_ONCE: usize = WAITING + 2;

/// Does tasks 0..`tasks` on `threads` threads, each with a state of its own, and hands the results to `take` in order,
/// on the calling thread. An error of `take` ends the work.
pub(super) fn in_order<S, T: Send>(
    tasks: usize,
    threads: usize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let threads = threads.clamp(1, tasks.max(1));
    if threads == 1 {
        let mut state = start();
        return (0..tasks).try_for_each(|task| take(task, work(&mut state, task)));
    }
    std::thread::scope(|scope| {
        let (start, work) = (&start, &work);
        // Task t belongs to thread t modulo `threads`, so that taking turns among the threads is the order.
        let results: Vec<_> = (0..threads)
            .map(|thread| {
                let (send, receive) = sync_channel(WAITING);
                scope.spawn(move || {
                    let mut state = start();
                    for task in (thread..tasks).step_by(threads) {
                        if send.send(work(&mut state, task)).is_err() {
                            break; // nobody listens any more
                        }
                    }
                });
                receive
            })
            .collect();
        for task in 0..tasks {
            let done = results[task % threads].recv();
            take(task, done.map_err(|_| Error::data("a counting thread died"))?)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_until_one_is_refused() {
        for threads in [1, 2, 3, 8] {
            let mut taken = Vec::new();
            in_order(
                100,
                threads,
                || 0,
                |_, task| task * task,
                |task, square| {
                    taken.push((task, square));
                    Ok(())
                },
            )
            .unwrap();
            assert_eq!(taken, (0..100).map(|task| (task, task * task)).collect::<Vec<_>>());
            let refused = in_order(
                1000,
                threads,
                || (),
                |(), task| task,
                |task, _| {
                    if task == 7 { Err(Error::data("seven")) } else { Ok(()) }
                },
            );
            assert_eq!(refused.unwrap_err().message(), "seven");
            in_order(0, threads, || (), |(), task| task, |_, _| Ok(())).unwrap();
        }
    }
}
