//! A service whose requests have a heap each, with an executor of two threads that knows nothing of that.
//!
//! `cargo run --release -p stratalloc --example requests`. Four requests are served at a time, each in up to a mebibyte: one
//! wants more, is refused it, and hurts nobody. A request is polled on whichever thread is free, and its containers find
//! its heap there by themselves.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use allocator_api2_02::vec::Vec as VecIn;
use stratalloc::{
    HeapPool,
    scope::{self, Scoped},
};

/// So many heaps for as many requests at a time, of so many bytes each.
static HEAPS: HeapPool = HeapPool::new(4).limit(1 << 20);

/// The request that wants too much.
const GREEDY: usize = 13;

/// What a request found, and the bytes in use in its heap then; none if it was refused memory.
pub(crate) type Answer = Option<(usize, usize)>;

pub(crate) fn main() {
    let answers = serve(40);
    let (found, most) = answers
        .iter()
        .flatten()
        .fold((0, 0), |(sum, most), &(count, bytes)| (sum + count, most.max(bytes)));
    println!("{} requests found {found} primes, and had up to {most} bytes each", answers.len());
    println!("request {GREEDY} was refused memory: {}", answers[GREEDY].is_none());
}

/// Answers so many requests, four at a time.
pub(crate) fn serve(requests: usize) -> Vec<Answer> {
    let mut answers = vec![None; requests];
    let (done, answered) = channel();
    let executor = Executor::start(2);
    for number in 0..requests {
        // A server would accept its next connection here.
        let heap = loop {
            match HEAPS.take() {
                Ok(heap) => break heap,
                Err(_) => note(&mut answers, answered.recv().expect("requests are under way")),
            }
        };
        let done = done.clone();
        executor.spawn(async move {
            let answer = scope::scope(heap, primes(number)).await;
            // By now its heap serves the next one.
            done.send((number, answer)).expect("the server waits");
        });
    }
    drop((done, executor));
    for answer in answered {
        note(&mut answers, answer);
    }
    answers
}

fn note(answers: &mut [Answer], (number, answer): (usize, Answer)) {
    answers[number] = answer;
}

/// Counts the primes below some thousands. It knows nothing of heaps but the allocator's name.
async fn primes(request: usize) -> Answer {
    let below = if request == GREEDY { 1 << 24 } else { 1000 * (request + 1) };
    let mut composite = VecIn::new_in(Scoped);
    composite.try_reserve(below).ok()?;
    composite.resize(below, false);
    let mut found = VecIn::new_in(Scoped);
    for number in 2..below {
        if number % 1000 == 0 {
            pause().await;
        }
        if !composite[number] {
            found.push(number);
            (number * number..below)
                .step_by(number)
                .for_each(|multiple| composite[multiple] = true);
        }
    }
    let in_use = scope::current(|heap| stratalloc::core::Stats::stats(heap).in_use)?;
    Some((found.len(), in_use))
}

/// Lets other requests have their turn.
async fn pause() {
    let mut paused = false;
    let resume = move |context: &mut Context<'_>| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }
    };
    poll_fn(resume).await;
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A future, and the queue in which it stands while there is something to do.
struct Task {
    work: Mutex<Option<Work>>,
    queue: Sender<Arc<Task>>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let queue = self.queue.clone();
        // The threads have ended only if nobody waits for this.
        let _ = queue.send(self);
    }
}

/// Threads that poll what is in the queue, until all is done.
struct Executor {
    queue: Sender<Arc<Task>>,
}

impl Executor {
    fn start(threads: usize) -> Self {
        let (queue, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads {
            let tasks = Arc::clone(&tasks);
            thread::spawn(move || work(&tasks));
        }
        Self { queue }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work = Mutex::new(Some(Box::pin(work) as Work));
        Arc::new(Task { work, queue: self.queue.clone() }).wake();
    }
}

fn work(tasks: &Mutex<Receiver<Arc<Task>>>) {
    loop {
        let next = tasks.lock().expect("no thread panics").recv();
        // Each task has an end of the queue: it is closed once all of them are done.
        let Ok(task) = next else { return };
        let waker = Waker::from(Arc::clone(&task));
        let mut work = task.work.lock().expect("no thread panics");
        let polled = work.as_mut().map(|work| work.as_mut().poll(&mut Context::from_waker(&waker)));
        if polled.is_some_and(|polled| polled.is_ready()) {
            *work = None;
        }
    }
}
