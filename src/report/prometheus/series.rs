//! Series by family: each once, bounded in number, in the text format of Prometheus.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use super::{FAMILIES, LEFT_OUT};

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

/// What stays longest where there are too many series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Run,
    Trouble,
    Target,
    Rest,
}

/// All series.
#[derive(Default)]
pub(super) struct Book {
    series: Vec<Series>,
    places: HashMap<(Family, String), usize>,
}

struct Series {
    rank: Rank,
    family: Family,
    labels: String,
    value: f64,
}

impl Book {
    /// Adds one; of several alike the first stays.
    pub(super) fn add(&mut self, rank: Rank, family: Family, labels: &[(&str, &str)], value: f64) {
        self.merge(rank, family, labels, value, |old, _| old);
    }

    pub(super) fn count(
        &mut self,
        rank: Rank,
        family: Family,
        labels: &[(&str, &str)],
        count: usize,
    ) {
        self.add(rank, family, labels, count as f64);
    }

    /// Adds so much to it.
    pub(super) fn raise(&mut self, rank: Rank, family: Family, labels: &[(&str, &str)], by: f64) {
        self.merge(rank, family, labels, by, |old, new| old + new);
    }

    /// Adds it where it is higher.
    pub(super) fn highest(
        &mut self,
        rank: Rank,
        family: Family,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        self.merge(rank, family, labels, value, f64::max);
    }

    fn merge(
        &mut self,
        rank: Rank,
        family: Family,
        labels: &[(&str, &str)],
        value: f64,
        merged: impl Fn(f64, f64) -> f64,
    ) {
        let labels = written(labels);
        let place = self.places.entry((family, labels.clone()));
        let place = *place.or_insert(self.series.len());
        match self.series.get_mut(place) {
            Some(known) => known.value = merged(known.value, value),
            None => self.series.push(Series {
                rank,
                family,
                labels,
                value,
            }),
        }
    }

    /// Writes so many of them at the most, and how many more there are.
    pub(super) fn write(mut self, most: usize, out: &mut impl Write) -> io::Result<()> {
        let left_out = self.series.len().saturating_sub(most);
        self.count(Rank::Run, LEFT_OUT, &[], left_out);
        // Stable: of one rank the first stay.
        let mut kept: Vec<(usize, &Series)> = self.series.iter().enumerate().collect();
        kept.sort_by_key(|(_, series)| series.rank);
        // What says how many are left out has a place of its own.
        kept.truncate(most.saturating_add(1));
        kept.sort_by_key(|(place, _)| *place);
        let mut families: HashMap<Family, Vec<&Series>> = HashMap::new();
        for (_, series) in kept {
            families.entry(series.family).or_default().push(series);
        }
        let mut out = BufWriter::new(out);
        for family in FAMILIES {
            let Some(all) = families.get(family) else {
                continue;
            };
            let Family { name, help } = family;
            writeln!(out, "# HELP {name} {help}")?;
            writeln!(out, "# TYPE {name} gauge")?;
            for Series { labels, value, .. } in all {
                writeln!(out, "{name}{labels} {value}")?;
            }
        }
        out.flush()
    }
}

/// `{source="sa/a",target="api"}`; nothing where there is none.
fn written(labels: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (nth, (name, value)) in labels.iter().enumerate() {
        out.push(if nth == 0 { '{' } else { ',' });
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                _ => out.push(c),
            }
        }
        out.push('"');
    }
    if !labels.is_empty() {
        out.push('}');
    }
    out
}
