//! The tables.

use std::fmt::Write as _;

use crate::arguments::{Arguments, Mode, SHORT_BLOCKS};
use crate::line::{Line, median};
use crate::{Measured, Missing};

/// A column of figures.
struct Column {
    heading: &'static str,
    field: &'static str,
    unit: Unit,
    /// Whether it says how many times treering's figure it is.
    has_ratio: bool,
}

enum Unit {
    /// Thousands and millions, as `352k` and `1.17M`.
    Rate,
    /// As it is, without or with one decimal.
    Plain,
    /// Bytes, shown in MiB.
    Mib,
}

const fn column(heading: &'static str, field: &'static str, unit: Unit, has_ratio: bool) -> Column {
    Column { heading, field, unit, has_ratio }
}

const COLUMNS: [Column; 13] = [
    column("load op/s", "load_ops_s", Unit::Rate, false),
    column("**block op/s**", "blk_ops_s", Unit::Rate, true),
    column("p50 ms", "blk_ms_p50", Unit::Plain, false),
    column("p99 ms", "blk_ms_p99", Unit::Plain, false),
    column("CPU us/op", "blk_cpu_us_op", Unit::Plain, false),
    column("written B/op", "blk_wbytes_op", Unit::Plain, false),
    column("gets/s", "gets_s", Unit::Rate, true),
    column("proofs/s", "proofs_s", Unit::Rate, true),
    column("verify/s", "verifies_s", Unit::Rate, true),
    column("scan/s", "scan_items_s", Unit::Rate, true),
    column("open ms", "reopen_ms", Unit::Plain, false),
    column("peak MiB", "vmhwm_mib", Unit::Plain, false),
    column("disk MiB", "disk_bytes", Unit::Mib, false),
];

const SUSTAINED_COLUMNS: [Column; 6] = [
    column("p50 ms", "blk_ms_p50", Unit::Plain, false),
    column("p99 ms", "blk_ms_p99", Unit::Plain, false),
    column("CPU us/op", "blk_cpu_us_op", Unit::Plain, false),
    column("written B/op", "blk_wbytes_op", Unit::Plain, false),
    column("peak MiB", "vmhwm_mib", Unit::Plain, false),
    column("disk MiB", "disk_bytes", Unit::Mib, false),
];

/// Everything about a run: machine, sizes, figures, facts, and what is missing.
pub(crate) fn section(arguments: &Arguments, measured: &[Measured], machine: &str) -> String {
    let mut text = format!("{machine}\n\n{}\n\n", sizes(arguments));
    let present: Vec<&Measured> = measured.iter().filter(|store| !store.lines.is_empty()).collect();
    load_averages(&mut text, &present);
    match arguments.mode {
        Mode::Sustained => sustained(&mut text, &present, arguments.blocks),
        Mode::Standard | Mode::Budget | Mode::Quick => figures(&mut text, &present),
    }
    facts(&mut text, &present);
    missing(&mut text, measured);
    if !arguments.only.is_empty() {
        let _ = writeln!(text, "Only {} were to be run.", arguments.only.join(", "));
    }
    text
}

fn sizes(arguments: &Arguments) -> String {
    let Arguments { rounds, n, batch, blocks, gets, proofs, .. } = arguments;
    let cache = arguments.cache_mib.map_or(String::new(), |mib| format!(" Caches of {mib} MiB."));
    format!(
        "{} keys of 32 bytes, values of 100; {blocks} blocks of {} operations; {} gets, {} proofs. Rounds: {rounds}, the stores in \
         turn; medians.{cache} In brackets: how many times treering's figure.",
        grouped(*n),
        grouped(*batch),
        grouped(*gets),
        grouped(*proofs)
    )
}

/// Whoever else was at work then is in the figures.
fn load_averages(text: &mut String, present: &[&Measured]) {
    let mut averages: Vec<f64> = present.iter().flat_map(|store| &store.lines).filter_map(Line::load_average).collect();
    averages.sort_unstable_by(f64::total_cmp);
    if let [least, .., most] = averages.as_slice() {
        let _ = writeln!(text, "Load average of the machine when runs began, the one before included: {least:.1} to {most:.1}.\n");
    }
}

fn row(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn head(text: &mut String, cells: &[&str]) {
    row(text, &cells.iter().map(ToString::to_string).collect::<Vec<_>>());
    let _ = writeln!(text, "|{}", "---|".repeat(cells.len()));
}

fn figures(text: &mut String, present: &[&Measured]) {
    let headings: Vec<&str> = ["store"].into_iter().chain(COLUMNS.iter().map(|column| column.heading)).collect();
    head(text, &headings);
    let own = present.iter().find(|store| store.facts.id == "treering").map(|store| store.lines.as_slice());
    for store in present {
        let cells = COLUMNS.iter().map(|column| column.cell(&store.lines, own));
        row(text, &[store.facts.name.to_owned()].into_iter().chain(cells).collect::<Vec<_>>());
    }
    text.push('\n');
}

fn sustained(text: &mut String, present: &[&Measured], blocks: u64) {
    let (first, all) = (format!("block op/s, {SHORT_BLOCKS} blocks"), format!("**block op/s, {blocks} blocks**"));
    let headings: Vec<&str> =
        ["store", &first, &all, "is"].into_iter().chain(SUSTAINED_COLUMNS.iter().map(|column| column.heading)).collect();
    head(text, &headings);
    let own = present.iter().find(|store| store.facts.id == "treering");
    let rate = column("", "blk_ops_s", Unit::Rate, true);
    for store in present {
        let share = median(&store.lines, rate.field).zip(median(&store.short_lines, rate.field)).map(|(all, first)| all / first * 100.0);
        let mut cells = vec![store.facts.name.to_owned()];
        cells.push(rate.cell(&store.short_lines, own.map(|own| own.short_lines.as_slice())));
        cells.push(rate.cell(&store.lines, own.map(|own| own.lines.as_slice())));
        cells.push(share.map_or("?".to_owned(), |share| format!("{share:.0} %")));
        cells.extend(SUSTAINED_COLUMNS.iter().map(|column| column.cell(&store.lines, None)));
        row(text, &cells);
    }
    text.push('\n');
}

fn facts(text: &mut String, present: &[&Measured]) {
    head(text, &["store", "hash", "root over", "durable", "history", "ICS-23", "range proofs"]);
    for store in present {
        let facts = store.facts;
        let cells = [facts.name, facts.hash, facts.root_over, facts.durability, facts.history, facts.ics23, facts.ranges];
        row(text, &cells.map(str::to_owned));
    }
    text.push('\n');
}

fn missing(text: &mut String, measured: &[Measured]) {
    for store in measured {
        let _ = match &store.missing {
            None => continue,
            Some(Missing::Skipped(reason)) => writeln!(text, "- {}: skipped, {reason}", store.facts.name),
            Some(Missing::Failed(reason)) => writeln!(text, "- {}: **failed**, {reason}", store.facts.name),
        };
    }
}

impl Column {
    fn cell(&self, lines: &[Line], own: Option<&[Line]>) -> String {
        let Some(figure) = median(lines, self.field) else { return "none".to_owned() };
        let shown = match self.unit {
            Unit::Rate => short(figure),
            Unit::Plain if figure >= 100.0 => grouped(figure.round() as u64),
            Unit::Plain => format!("{figure:.1}"),
            Unit::Mib => grouped((figure / f64::from(1 << 20)).round() as u64),
        };
        let ratio = own.filter(|_| self.has_ratio).and_then(|own| median(own, self.field)).map(|own| figure / own);
        ratio.map_or(shown.clone(), |ratio| format!("{shown} ({ratio:.2})"))
    }
}

fn short(rate: f64) -> String {
    match rate {
        1e6.. => format!("{:.2}M", rate / 1e6),
        1e5.. => format!("{:.0}k", rate / 1e3),
        1e3.. => format!("{:.1}k", rate / 1e3),
        _ => format!("{rate:.0}"),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::STORES;

    fn store(place: usize, rates: &[u64]) -> Measured {
        let line = |rate: &u64| Line::parse(&format!("{{\"blk_ops_s\":{rate},\"disk_bytes\":10485760}}")).unwrap();
        Measured { facts: &STORES[place], lines: rates.iter().map(line).collect(), short_lines: Vec::new(), missing: None }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([short(352_400.0), short(1_170_000.0), short(59_040.0), short(12.0)], ["352k", "1.17M", "59.0k", "12"]);
        assert_eq!([grouped(5), grouped(1_000), grouped(12_345_678)], ["5", "1,000", "12,345,678"]);
    }

    #[test]
    fn a_row_has_medians_and_ratios_to_treering() {
        let arguments = Arguments::parse(std::iter::empty()).unwrap().unwrap();
        let mut skipped = store(4, &[]);
        skipped.missing = Some(Missing::Skipped("no such machine".to_owned()));
        let text = section(&arguments, &[store(0, &[100_000, 100, 120_000]), store(2, &[50_000]), skipped], "a machine");
        assert!(text.contains("| **treering** | none | 100k (1.00) |"), "{text}");
        assert!(text.contains("| commonware qmdb, unordered | none | 50.0k (0.50) |"), "{text}");
        assert!(text.contains("| 10.0 |") || text.contains("| 10 |"), "{text}");
        assert!(text.contains("- nomt: skipped, no such machine"), "{text}");
    }
}
