//! The arenas: threads that come and go, forks, limits and arena heaps.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use stratalloc::Stratalloc;
use stratalloc_arena::{ArenaHeap, global, limit};
use stratalloc_testkit::{Block, Extensions, Watched};

use crate::program::{Answer, Request, requests, step};

const MIB: usize = 1 << 20;
/// Threads besides the one that runs the program.
const THREADS: usize = 3;
/// Bytes of the longest blocks, as a multiple of a request's number.
const STRETCH: usize = 60;
/// What may stay in use after a program: stocks of free blocks, of all threads that ever were at once.
const LEFT: usize = 4 * MIB;

/// The limit and the figures are the process's: one program at a time.
static TURN: Mutex<()> = Mutex::new(());

type Job = Box<dyn FnOnce() + Send>;

/// A thread that does what it is given to do, until this ends. That is done when the call returns.
struct Thread {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<()>,
    handle: thread::JoinHandle<()>,
}

impl Thread {
    fn start() -> Self {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let (finished, done) = mpsc::channel();
        let handle = thread::spawn(move || {
            for job in waiting {
                job();
                finished.send(()).expect("somebody waits");
            }
        });
        Self { jobs, done, handle }
    }

    fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).unwrap();
        self.done.recv().expect("nothing is wrong");
    }

    fn end(self) {
        drop(self.jobs);
        self.handle.join().unwrap();
    }
}

/// The blocks of the process's own arenas, whichever thread they were allocated in.
type Blocks = Mutex<Watched<'static, Stratalloc>>;

struct Process {
    _turn: MutexGuard<'static, ()>,
    blocks: Arc<Blocks>,
    threads: [Option<Thread>; THREADS],
    /// Whose turn it is; the program's own thread's if it is none of them.
    current: usize,
}

/// A program. Between its requests, which go to the thread whose turn it is, are others: see [`Process::manage`].
pub(crate) fn run(data: &[u8]) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let extensions = Extensions::default().usable_size().free_unsized();
    let blocks = Arc::new(Mutex::new(Watched::with_extensions(&Stratalloc, extensions)));
    let mut process =
        Process { _turn: turn, blocks, threads: [const { None }; THREADS], current: THREADS };
    let mut program = requests(data);
    while let Some(request) = program.next() {
        match request {
            [(252..), ..] => process.use_heap(&mut program),
            [(240..), ..] => process.manage(request),
            _ => process.request(request),
        }
    }
    process.end();
}

impl Process {
    fn request(&mut self, request: Request) {
        let blocks = Arc::clone(&self.blocks);
        let act = move || {
            let answer = step(&mut blocks.lock().unwrap(), request, STRETCH);
            assert!(answer == Answer::Served || limit::get().is_some(), "{request:?} is refused");
        };
        match self.threads.get(self.current) {
            Some(thread) => thread.as_ref().unwrap().run(act),
            None => act(),
        }
    }

    /// What isn't a request to the allocator.
    fn manage(&mut self, [kind, number, ..]: Request) {
        let number = usize::from(number);
        match kind {
            240..=243 => {
                self.current = number % (THREADS + 1);
                if let Some(thread) = self.threads.get_mut(self.current) {
                    thread.get_or_insert_with(Thread::start);
                }
            }
            244..=245 => self.end_thread(number % THREADS),
            246 => self.fork(),
            247..=248 => limit::set(Some(limit::held() + number * MIB / 4)).unwrap(),
            249 => limit::set(None).unwrap(),
            250 => _ = global::trim(),
            _ => {
                let stats = global::stats();
                assert!(stats.touched >= stats.vacant && stats.areas > 0, "{stats:?}");
            }
        }
    }

    fn end_thread(&mut self, number: usize) {
        if self.current == number {
            self.current = THREADS;
        }
        if let Some(thread) = self.threads[number].take() {
            thread.end();
        }
    }

    /// A child of the program's own thread: it has all blocks as they were, frees them, and goes on.
    fn fork(&self) {
        // SAFETY: the child uses what it has, and ends here.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "no process to be had");
        if child == 0 {
            // SAFETY: no preconditions. The signal ends the child, whatever it does in its parent.
            unsafe {
                libc::signal(libc::SIGALRM, libc::SIG_DFL);
                libc::alarm(60);
            }
            limit::set(None).unwrap();
            let mut blocks = self.blocks.lock().unwrap();
            let are_whole = blocks.verify().is_ok() && blocks.clear().is_ok();
            let go_on = thread::spawn(|| !global::allocate(1000, 8).is_null()).join();
            // SAFETY: as above.
            unsafe { libc::_exit(i32::from(!(are_whole && go_on.unwrap_or(false)))) };
        }
        let mut status = -1;
        // SAFETY: the status is written to.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0, "a child");
    }

    /// An arena heap that serves the next requests: until one ends it, and it goes with the blocks in it. Some of
    /// its blocks are freed by another thread, which doesn't know whose they are.
    fn use_heap(&mut self, program: &mut impl Iterator<Item = Request>) {
        let Ok(mut heap) = ArenaHeap::new() else {
            assert!(limit::get().is_some(), "a heap is refused");
            return;
        };
        let mut goes_on = true;
        while goes_on {
            let extensions = Extensions::default().owns().usable_size().free_unsized();
            let mut watched = Watched::with_extensions(&heap, extensions.resize_in_place());
            goes_on = false;
            for request in program.by_ref() {
                match request {
                    [(254..), ..] => break,
                    [253, ..] => {
                        goes_on = true;
                        break;
                    }
                    [252, index, ..] if !watched.live().is_empty() => {
                        let index = usize::from(index) % watched.live().len();
                        self.free_elsewhere(watched.release(index).unwrap());
                    }
                    [(240..), ..] => self.manage(request),
                    _ => _ = step(&mut watched, request, STRETCH),
                }
            }
            watched.verify().unwrap();
            drop(watched);
            heap.reset();
        }
    }

    fn free_elsewhere(&mut self, block: Block) {
        if block.layout().size() == 0 {
            return;
        }
        let thread = self.threads[0].get_or_insert_with(Thread::start);
        // SAFETY: live until now, and its arena heap is there.
        thread.run(move || unsafe { global::deallocate(block.start().as_ptr()) });
    }

    /// Frees everything, and ends the threads: no memory is left in use.
    fn end(mut self) {
        limit::set(None).unwrap();
        let mut blocks = self.blocks.lock().unwrap();
        blocks.verify().unwrap();
        blocks.clear().unwrap();
        drop(blocks);
        (0..THREADS).for_each(|number| self.end_thread(number));
        global::trim();
        let stats = global::stats();
        assert!(stats.in_use < LEFT && stats.huge == 0, "{stats:?}");
    }
}
