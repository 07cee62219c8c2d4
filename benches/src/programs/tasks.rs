//! Asynchronous tasks, each a heap block of its own, that talk over channels (tokio).

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::plan::{Outcome, Plan, hash};
use crate::workload::Workload;

/// A server that starts a task for each request.
pub const ALL: &[Workload] =
    &[Workload::program("tasks", "start 100,000 tasks that ask a service and answer", run)];

struct Request {
    text: String,
    reply: oneshot::Sender<String>,
}

fn run(plan: &Plan) -> Outcome {
    let runtime = Builder::new_multi_thread()
        .worker_threads(plan.threads)
        .build()
        .expect("threads can be started");
    runtime.block_on(async {
        let services: Vec<mpsc::Sender<Request>> = (0..plan.threads).map(|_| service()).collect();
        let mut outcome = Outcome::default();
        // A hundred clients at a time, as a server under load would have.
        for wave in 0..plan.scaled(1_000) {
            let clients: Vec<_> = (0..100)
                .map(|client| {
                    let number = plan.rng(wave * 100 + client).u64(..);
                    tokio::spawn(ask(services[client % plan.threads].clone(), number))
                })
                .collect();
            for client in clients {
                outcome.count(client.await.expect("a client panicked"));
            }
        }
        outcome
    })
}

/// Starts a task that answers requests until the last sender is gone.
fn service() -> mpsc::Sender<Request> {
    let (sender, mut requests) = mpsc::channel::<Request>(64);
    tokio::spawn(async move {
        while let Some(Request { text, reply }) = requests.recv().await {
            // A client that is gone wants no answer.
            let _ = reply.send(format!("{text} answered"));
        }
    });
    sender
}

async fn ask(service: mpsc::Sender<Request>, number: u64) -> u64 {
    let (reply, answer) = oneshot::channel();
    let sent = service.send(Request { text: format!("question {number}"), reply }).await;
    sent.expect("services outlive their clients");
    hash(answer.await.expect("services answer").as_bytes())
}
