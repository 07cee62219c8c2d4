//! A shop as tokio tasks: clients send orders in JSON over channels, desks add them up and answer, each on whichever
//! thread is free, so that most blocks are freed by another thread than the one that made them.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use tokio::{
    runtime::Builder,
    sync::{mpsc, oneshot},
};

const CLIENTS: u64 = 64;
const ORDERS: u64 = 800;
const DESKS: u64 = 4;
const GOODS: u64 = 500;

/// An order on its way to a desk.
struct Order {
    client: u64,
    text: String,
    reply: oneshot::Sender<String>,
}

/// Serves all clients, and prints what they were told.
pub(crate) fn run() {
    let runtime = Builder::new_multi_thread().build().expect("threads can be started");
    let told = runtime.block_on(async {
        let desks: Vec<_> = (0..DESKS).map(|_| open()).collect();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| tokio::spawn(shop(number, desks[(number % DESKS) as usize].clone())))
            .collect();
        let mut told = Vec::new();
        for client in clients {
            told.push(client.await.expect("clients come back"));
        }
        told
    });
    for (number, last) in told.iter().enumerate().step_by(16) {
        println!("client {number}: {last}");
    }
    println!("{} orders, {} bytes of last answers", CLIENTS * ORDERS, told.concat().len());
}

/// Opens a desk, which answers orders until the last client is gone, and remembers each client's last order.
fn open() -> mpsc::Sender<Order> {
    let (sender, mut orders) = mpsc::channel::<Order>(64);
    tokio::spawn(async move {
        let mut last = HashMap::new();
        while let Some(Order { client, text, reply }) = orders.recv().await {
            let order: Value = serde_json::from_str(&text).expect("clients write JSON");
            reply.send(answer(&order)).expect("clients wait for answers");
            last.insert(client, order);
        }
    });
    sender
}

/// Adds up what an order is worth by its goods.
fn answer(order: &Value) -> String {
    let mut worth = BTreeMap::<&str, u64>::new();
    for line in order["lines"].as_array().expect("an order has lines") {
        let number = |key: &str| line[key].as_u64().expect("a number");
        let name = line["name"].as_str().expect("goods have names");
        *worth.entry(name).or_default() += number("price") * number("count");
    }
    let total: u64 = worth.values().sum();
    json!({ "order": order["order"], "goods": worth.len(), "total": total }).to_string()
}

/// Sends all of a client's orders, one after the other, and returns the last answer.
async fn shop(client: u64, desk: mpsc::Sender<Order>) -> String {
    let mut last = String::new();
    for number in 0..ORDERS {
        let (reply, answer) = oneshot::channel();
        let order = Order { client, text: write(client, number), reply };
        assert!(desk.send(order).await.is_ok(), "desks outlive their clients");
        last = answer.await.expect("desks answer");
    }
    last
}

/// Writes an order; the same for the same numbers.
fn write(client: u64, number: u64) -> String {
    let mut state = client * ORDERS + number + 1;
    let mut below = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let line = |good: u64, price: u64, count: u64| json!({ "name": format!("good number {good}"), "price": price, "count": count, "notes": ["wrapped", "by hand"] });
    let lines: Vec<_> =
        (0..4 + below(28)).map(|_| line(below(GOODS), 1 + below(900), 1 + below(9))).collect();
    json!({ "order": number, "client": { "number": client, "name": format!("client {client}") }, "lines": lines }).to_string()
}
