//! A pipeline of threads that pass owned messages on (crossbeam-channel).

use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// Readers, workers and a sink: most messages are freed where they were not allocated.
pub const ALL: &[Workload] = &[Workload::program(
    "channels",
    "pass 200,000 messages through readers, workers and a sink",
    run,
)];

struct Message {
    name: String,
    body: Vec<u32>,
}

fn run(plan: &Plan) -> Outcome {
    let sides = (plan.threads / 2).max(1);
    thread::scope(|scope| {
        let (requests, inbox) = bounded(256);
        let (answers, sink) = bounded(256);
        for index in 0..sides {
            let requests = requests.clone();
            scope.spawn(move || read(plan.rng(index), plan.scaled(200_000) / sides, &requests));
            let (inbox, answers) = (inbox.clone(), answers.clone());
            scope.spawn(move || work(&inbox, &answers));
        }
        // The channels end when their last thread drops its sender.
        drop((requests, answers));
        sink.iter().map(|answer| Outcome::one(hash(answer.as_bytes()))).sum()
    })
}

fn read(mut rng: fastrand::Rng, messages: usize, requests: &Sender<Message>) {
    for _ in 0..messages {
        let body = (0..rng.usize(1..40)).map(|_| rng.u32(..)).collect();
        let message = Message { name: format!("message {:x}", rng.u32(..)), body };
        requests.send(message).expect("workers live as long as readers");
    }
}

fn work(inbox: &Receiver<Message>, answers: &Sender<String>) {
    for message in inbox {
        let sum = message.body.iter().fold(0_u32, |sum, value| sum.wrapping_add(*value));
        answers
            .send(format!("{}: {sum}", message.name))
            .expect("the sink lives as long as workers");
    }
}
