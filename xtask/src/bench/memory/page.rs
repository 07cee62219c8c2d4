//! The part of the report that is about memory over time.

use std::fmt::Write;

use super::{
    chart::curves,
    goals,
    phases::{Phase, phases},
    table::held_over_live,
};
use crate::bench::{
    chart::{Look, escape},
    record::{Memory, Record},
};

/// Goals, and for each workload its curves and its phases; nothing when no memory was looked at.
pub(crate) fn section(page: &mut String, record: &Record, looks: &[Look]) {
    let phases = phases(record);
    if phases.is_empty() {
        return;
    }
    page.push_str("<h2>Memory over time</h2><p>Resident memory beyond what the process held before its work, ");
    page.push_str("over what the program has in use; in MiB where it has next to nothing. ");
    page.push_str("The last column sets ours against the leanest of jemalloc, mimalloc 3 and the system's.</p>");
    goals_table(page, &phases);
    for phases in phases.chunk_by(|a, b| a.workload == b.workload) {
        workload(page, record, phases, looks);
    }
}

fn goals_table(page: &mut String, phases: &[Phase]) {
    let judged = goals::judge(phases);
    let met = judged.iter().filter(|goal| goal.met).count();
    let _ =
        write!(page, "<h3>Goals: {met} of {} are met</h3><div class='wide'><table>", judged.len());
    page.push_str("<tr><th>workload</th><th>phase</th><th>goal</th><th>ours</th><th></th></tr>");
    for goal in judged {
        let class = if goal.met { "" } else { " class='failed'" };
        let verdict = if goal.met { "met" } else { "missed" };
        let [workload, phase, words] =
            [&goal.workload, &goal.phase, &goal.goal].map(|text| escape(text));
        let ours = &goal.ours;
        let _ = write!(
            page,
            "<tr><td>{workload}</td><td>{phase}</td><td>{words}</td><td>{ours}</td><td{class}>{verdict}</td></tr>"
        );
    }
    page.push_str("</table></div>");
}

/// One workload: its curves, and a table of its phases.
fn workload(page: &mut String, record: &Record, phases: &[Phase], looks: &[Look]) {
    let name = &phases[0].workload;
    let about = record.workloads().find(|entry| entry.workload == *name);
    let about = about.map_or(String::new(), |entry| escape(&entry.about));
    let _ = write!(page, "<h3>{}</h3><p>{about}</p>", escape(name));
    let runs: Vec<&Memory> =
        record.memory().filter(|memory| memory.run.workload == *name).collect();
    if runs.iter().any(|memory| !memory.curve.is_empty()) {
        match curves(&runs, looks) {
            Ok(svg) => {
                let _ = write!(page, "<div class='plot'>{svg}</div>");
            }
            Err(error) => {
                let _ = write!(page, "<p>{}</p>", escape(&error.to_string()));
            }
        }
    }
    let shown = || {
        looks.iter().filter(|look| phases.iter().any(|phase| phase.cells.contains_key(look.name)))
    };
    page.push_str("<div class='wide'><table><tr><th>phase</th><th>live, MiB</th>");
    for look in shown() {
        let _ = write!(page, "<th>{}</th>", escape(look.name));
    }
    page.push_str("<th>ours over the best</th></tr>");
    for phase in phases {
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{:.1}</td>",
            escape(&phase.name),
            phase.live() / 1024.0
        );
        shown().for_each(|look| cell(page, phase, look.name));
        let over = phase
            .over_best()
            .map_or("–".to_owned(), |(ratio, name)| format!("{ratio:.2} ({name})"));
        let _ = write!(page, "<td>{}</td></tr>", escape(&over));
    }
    page.push_str("</table></div>");
}

/// What one allocator held; page tables and the rest show when one points at it.
fn cell(page: &mut String, phase: &Phase, allocator: &str) {
    let Some(held) = phase.cells.get(allocator) else {
        page.push_str("<td>–</td>");
        return;
    };
    let calls = held.madvise.map_or("?".to_owned(), |calls| format!("{calls:.0}"));
    let about = format!(
        "{:.1} MiB, {:.1} of them huge; page tables {:.1} MiB, {:.0} mappings; so far {:.0} page faults, {calls} calls \
         of madvise",
        held.resident / 1024.0,
        held.huge / 1024.0,
        held.page_tables / 1024.0,
        held.mappings,
        held.faults
    );
    let _ = write!(page, "<td title='{about}'>{}</td>", held_over_live(held));
}

#[cfg(test)]
mod tests {
    use super::{super::phases::tests::fixture, section};
    use crate::bench::chart::looks;

    #[test]
    fn the_section_has_curves_and_figures() {
        let (record, mut page) = (fixture(), String::new());
        section(&mut page, &record, &looks(&record.header.allocators));
        for part in ["<svg", "<h3>table</h3>", "1.25 (system)", "14.6 MiB", "of 0 are met"] {
            assert!(page.contains(part), "{part} is missing in\n{page}");
        }
    }
}
