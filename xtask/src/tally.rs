//! How many tests passed, as their harness says.

/// The sum of the tests that cargo's output counts as passed.
pub(crate) fn passed(output: &str) -> usize {
    let counts = output.lines().filter_map(|line| {
        line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse::<usize>().ok()
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_all_binaries_are_counted() {
        let output = "test a ... ok\ntest result: ok. 7 passed; 0 failed\n\
                      test result: ok. 12 passed; 1 ignored\ntest result: FAILED. 3 passed";
        assert_eq!(passed(output), 19);
    }
}
