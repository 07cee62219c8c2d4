//! The ladder inside a crate: a room, a module at the crate's top, uses only rooms that the architecture
//! page names above it.

use super::modules::Modules;

/// A crate's table of rooms on the page, lowest first.
pub(super) struct Rooms {
    /// The crate's folder, as `crates/arena`.
    pub(super) folder: String,
    rooms: Vec<String>,
}

/// What a heading says before the crate's folder.
const HEADING: &str = "### Rooms of `";

impl Rooms {
    /// Reads every table under a heading for rooms.
    pub(super) fn parse(page: &str) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        let mut inside = false;
        for line in page.lines() {
            if line.starts_with('#') {
                let folder = line.strip_prefix(HEADING).and_then(|rest| rest.strip_suffix('`'));
                inside = folder.is_some();
                tables.extend(
                    folder.map(|folder| Self { folder: folder.to_owned(), rooms: Vec::new() }),
                );
            } else if inside
                && let Some(table) = tables.last_mut()
                && let Some(room) = line.strip_prefix("| `").and_then(|row| row.split('`').next())
            {
                table.rooms.push(room.to_owned());
            }
        }
        tables
    }

    /// Holds a crate's modules against its table.
    pub(super) fn check(&self, modules: &Modules) -> Vec<String> {
        let position = |room: &str| self.rooms.iter().position(|known| known == room);
        let present = modules.rooms();
        let unnamed = present.iter().filter(|room| position(room).is_none());
        let mut findings: Vec<_> =
            unnamed.map(|room| format!("{}: no row for the room {room}", self.folder)).collect();
        let gone = self.rooms.iter().filter(|room| !present.contains(room.as_str()));
        findings.extend(gone.map(|room| format!("{}: there is no room {room}", self.folder)));
        let upward = modules.arrows_between_rooms().filter(|&(from, to, _)| {
            position(from).zip(position(to)).is_some_and(|(from, to)| to > from)
        });
        findings.extend(
            upward.map(|(from, to, file)| format!("{}: {from} may not use {to}", file.display())),
        );
        findings
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PAGE: &str = "
### Rooms of `p`

| room | owns |
|---|---|
| `low` | words |
| `high` | all |

## Else

| `other` | nothing |
";

    fn findings(low: &str) -> Vec<String> {
        let files =
            [("p/src/lib.rs", ""), ("p/src/low.rs", low), ("p/src/high.rs", "use crate::low::L;")];
        let sources: Vec<_> = files
            .iter()
            .map(|&(file, text)| (Path::new(file).to_owned(), text.to_owned()))
            .collect();
        let modules = Modules::read(Path::new("p/src"), &sources).expect("Rust");
        let [rooms] = &Rooms::parse(PAGE)[..] else { panic!("one table") };
        rooms.check(&modules)
    }

    #[test]
    fn a_room_that_uses_lower_ones_is_tidy() {
        assert_eq!(findings("pub struct L;"), Vec::<String>::new());
    }

    #[test]
    fn an_upward_arrow_is_found() {
        assert_eq!(findings("fn f() { crate::high::g() }"), ["p/src/low.rs: low may not use high"]);
    }

    #[test]
    fn rooms_and_rows_belong_together() {
        let sources = [(Path::new("p/src/new.rs").to_owned(), String::new())];
        let modules = Modules::read(Path::new("p/src"), &sources).expect("Rust");
        let findings = Rooms::parse(PAGE)[0].check(&modules);
        assert_eq!(
            findings,
            ["p: no row for the room new", "p: there is no room low", "p: there is no room high"]
        );
    }
}
