//! The example of a service answers each request from a heap of its own.

#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "what it prints isn't looked at")]
#[path = "../examples/requests.rs"]
mod example;

#[test]
fn all_requests_but_the_greedy_one_are_answered() {
    let answers = example::serve(40);
    for (number, answer) in answers.into_iter().enumerate() {
        let below = 1000 * (number + 1);
        let prime = |number: &usize| !(2..=number.isqrt()).any(|by| number % by == 0);
        match answer {
            Some((found, in_use)) => {
                assert_eq!(found, (2..below).filter(prime).count(), "below {below}");
                // Its tables alone: little more than these hold.
                assert!(
                    (below + 8 * found..2 * (below + 16 * found) + 1000).contains(&in_use),
                    "{in_use}"
                );
            }
            None => assert_eq!(number, 13),
        }
    }
}
