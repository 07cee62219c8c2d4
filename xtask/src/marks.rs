//! Tables in the docs that commands write: each lies between two marks.

use anyhow::{Context, Result};

/// `page` with `text` between the marks `<!-- NAME: begin -->` and `<!-- NAME: end -->`.
pub(crate) fn insert(page: &str, name: &str, text: &str) -> Result<String> {
    let [begin, end] = ["begin", "end"].map(|which| format!("<!-- {name}: {which} -->\n"));
    let lost = || format!("the page has no marks for the {name}");
    let (before, rest) = page.split_once(&begin).with_context(lost)?;
    let (_, after) = rest.split_once(&end).with_context(lost)?;
    Ok([before, &begin, text, &end, after].concat())
}

#[cfg(test)]
mod tests {
    use super::insert;

    #[test]
    fn what_stands_between_the_marks_is_replaced() {
        let page =
            |text| format!("# Title\n<!-- a table: begin -->\n{text}<!-- a table: end -->\nrest");
        assert_eq!(insert(&page("old\n"), "a table", "new\n").unwrap(), page("new\n"));
        assert!(insert(&page(""), "another table", "new").is_err());
        assert!(insert("<!-- a table: begin -->\n", "a table", "new").is_err());
    }
}
