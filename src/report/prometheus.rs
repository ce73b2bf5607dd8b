//! The text format of Prometheus, for a textfile collector or a Pushgateway. Labels are names of the
//! suites and words of ours; there is a bound to how many series there are, and a metric that says how
//! many it cost. `docs/operation/metrics.md` describes them all.

mod series;

use std::collections::HashMap;
use std::io::{self, Write};

use jiff::Timestamp;

use self::series::{Book, Family, Rank};
use super::text::{FIELD, shown};
use crate::code::Code;
use crate::expectation::Met;
use crate::findings::renewal::{Renewal, dates};
use crate::matrix::{Cell, Certificate, Matrix, Severity, TimingMs, Totals};
use crate::suite::Mode;

/// The labels of all metrics, which a Pushgateway's grouping must not have.
pub const LABELS: &[&str] = &[
    "address",
    "by",
    "certificate",
    "code",
    "mode",
    "phase",
    "severity",
    "source",
    "standing",
    "target",
    "version",
];

pub(super) fn write(matrix: &Matrix, addresses: bool, out: &mut impl Write) -> io::Result<()> {
    let mut book = Book::default();
    run(matrix, &mut book);
    cells(matrix, addresses, &mut book);
    targets(matrix, &mut book);
    certificates(matrix, &mut book);
    phases(matrix, &mut book);
    book.write(MOST_SERIES, out)
}

fn run(matrix: &Matrix, book: &mut Book) {
    let run = &matrix.run;
    let version = shown(&run.version, FIELD, false);
    book.add(Rank::Run, BUILD, &[("version", &version)], 1.0);
    let at = |text: &str| text.parse::<Timestamp>().ok();
    let (start, end) = (at(&run.started_at), at(&run.finished_at));
    if let Some(end) = end {
        book.add(Rank::Run, RUN_AT, &[], seconds(end));
    }
    if let (Some(start), Some(end)) = (start, end) {
        let took = end.duration_since(start).as_secs_f64();
        book.add(Rank::Run, RUN_TOOK, &[], rounded(took));
    }
    let stopped = f64::from(u8::from(run.interrupted));
    book.add(Rank::Run, INTERRUPTED, &[], stopped);
    let totals = Totals::of(&matrix.cells);
    for (standing, count) in [
        ("met", totals.met),
        ("broken", totals.broken),
        ("inconclusive", totals.inconclusive),
        ("unjudged", totals.unjudged),
    ] {
        book.count(Rank::Run, CELLS, &[("standing", standing)], count);
    }
    for code in Code::ALL {
        for by in BY {
            let is_it = |cell: &&Cell| cell.code == *code && by_of(cell) == by;
            let count = matrix.cells.iter().filter(is_it).count();
            if count > 0 {
                let labels = [("code", code.as_str()), ("by", by)];
                book.count(Rank::Run, VERDICTS, &labels, count);
            }
        }
    }
    for finding in &matrix.findings {
        let code = shown(&finding.code, FIELD, false);
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let labels = [("code", code.as_str()), ("severity", severity)];
        book.raise(Rank::Run, FINDINGS, &labels, 1.0);
    }
}

/// Source and target together; with its address, where that is asked for.
fn cells(matrix: &Matrix, addresses: bool, book: &mut Book) {
    let mut places: HashMap<[String; 3], usize> = HashMap::new();
    let mut squares: Vec<([String; 3], Vec<&Cell>)> = vec![];
    for cell in &matrix.cells {
        let address = if addresses { cell.address.as_str() } else { "" };
        let name = [&cell.from, &cell.to, address].map(|text| shown(text, FIELD, false));
        let place = *places.entry(name.clone()).or_insert(squares.len());
        match squares.get_mut(place) {
            Some((_, cells)) => cells.push(cell),
            None => squares.push((name, vec![cell])),
        }
    }
    for ([source, target, address], cells) in &squares {
        let mut labels = vec![("source", source.as_str()), ("target", target.as_str())];
        if addresses {
            labels.push(("address", address));
        }
        let count = |standing: Met| {
            let it = cells.iter().filter(|cell| cell.standing() == standing);
            it.count()
        };
        let (broken, in_doubt) = (count(Met::Broken), count(Met::InDoubt));
        let rank = match (broken, in_doubt) {
            (0, 0) => Rank::Rest,
            (_, _) => Rank::Trouble,
        };
        if count(Met::Unjudged) < cells.len() {
            // What nobody could tell is not met.
            let met = broken == 0 && in_doubt == 0;
            book.count(rank, CELL_MET, &labels, usize::from(met));
            book.count(rank, CELL_BROKEN, &labels, broken);
            book.count(rank, CELL_IN_DOUBT, &labels, in_doubt);
        }
        for cell in cells {
            let mut labels = labels.clone();
            labels.extend([("code", cell.code.as_str()), ("by", by_of(cell))]);
            book.raise(rank, CELL_VERDICT, &labels, 1.0);
        }
    }
}

fn targets(matrix: &Matrix, book: &mut Book) {
    for target in &matrix.targets {
        let name = shown(&target.name, FIELD, false);
        let rank = match target.is_as_expected() {
            true => Rank::Target,
            false => Rank::Trouble,
        };
        let is_known = MODES.iter().any(|mode| mode.as_str() == target.mode);
        for mode in MODES {
            let is_it = target.mode == mode.as_str() || !is_known && *mode == Mode::Unknown;
            let labels = [("target", name.as_str()), ("mode", mode.as_str())];
            book.count(rank, MODE, &labels, usize::from(is_it));
        }
        let wanted = Mode::WANTED.iter().map(|mode| mode.as_str());
        for mode in wanted.filter(|mode| target.expected_mode.as_deref() == Some(*mode)) {
            let labels = [("target", name.as_str()), ("mode", mode)];
            book.add(rank, MODE_WANTED, &labels, 1.0);
            let met = usize::from(target.is_as_expected());
            book.count(rank, MODE_MET, &[("target", &name)], met);
        }
    }
}

/// The next to end of each kind, of every target and of every source.
fn certificates(matrix: &Matrix, book: &mut Book) {
    let mut ends = Ends::default();
    for cell in &matrix.cells {
        if let Some(server) = &cell.server {
            ends.see(&cell.to, &server.chain, server.root.as_ref());
        }
    }
    ends.tell("target", TARGET_ENDS, TARGET_BEGAN, Some(TARGET_LATE), book);
    let mut ends = Ends::default();
    for source in &matrix.sources {
        ends.see(&source.name, &source.chain, source.root.as_ref());
    }
    ends.tell("source", SOURCE_ENDS, SOURCE_BEGAN, None, book);
}

/// By name and kind: the certificate that ends first.
#[derive(Default)]
struct Ends<'a> {
    places: HashMap<(&'a str, &'static str), usize>,
    first: Vec<(&'a str, &'static str, &'a Certificate, Timestamp)>,
}

impl<'a> Ends<'a> {
    fn see(&mut self, name: &'a str, chain: &'a [Certificate], root: Option<&'a Certificate>) {
        let kinds = chain.iter().enumerate().map(|(nth, one)| match nth {
            0 => ("leaf", one),
            _ => ("issuer", one),
        });
        for (kind, certificate) in kinds.chain(root.map(|root| ("root", root))) {
            let Some((_, end)) = dates(certificate) else {
                continue;
            };
            let place = *self.places.entry((name, kind)).or_insert(self.first.len());
            match self.first.get_mut(place) {
                Some(known) if known.3 <= end => {}
                Some(known) => *known = (name, kind, certificate, end),
                None => self.first.push((name, kind, certificate, end)),
            }
        }
    }

    fn tell(
        &self,
        whose: &'static str,
        ends: Family,
        began: Family,
        late: Option<Family>,
        book: &mut Book,
    ) {
        for (name, kind, certificate, end) in &self.first {
            let name = shown(name, FIELD, false);
            let labels = [(whose, name.as_str()), ("certificate", *kind)];
            book.add(Rank::Target, ends, &labels, seconds(*end));
            if let Some((start, _)) = dates(certificate) {
                book.add(Rank::Target, began, &labels, seconds(start));
            }
            let renewal = Renewal::of(certificate).filter(|_| *kind == "leaf");
            let at = renewal.and_then(|renewal| renewal.overdue(certificate));
            if let (Some(late), Some(at)) = (late, at) {
                book.add(Rank::Target, late, &[(whose, &name)], seconds(at));
            }
        }
    }
}

/// The longest of each target.
fn phases(matrix: &Matrix, book: &mut Book) {
    for cell in &matrix.cells {
        let target = shown(&cell.to, FIELD, false);
        for (phase, of) in PHASES {
            if let Some(millis) = of(&cell.timing_ms) {
                let labels = [("target", target.as_str()), ("phase", *phase)];
                book.highest(Rank::Rest, PHASE, &labels, rounded(millis / 1000.0));
            }
        }
    }
}

type Phase = (&'static str, fn(&TimingMs) -> Option<f64>);

const PHASES: &[Phase] = &[
    ("dns", |timing| timing.dns),
    ("tcp", |timing| timing.tcp),
    ("tls", |timing| timing.tls),
    ("settle", |timing| timing.settle),
    ("request", |timing| timing.request),
];

const BY: [&str; 3] = ["nobody", "peer", "probe"];

fn by_of(cell: &Cell) -> &'static str {
    if cell.refused_by_peer() {
        "peer"
    } else if cell.refused_by_probe() {
        "probe"
    } else {
        "nobody"
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// To microseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

const MODES: &[Mode] = &[
    Mode::Strict,
    Mode::Permissive,
    Mode::TlsOnly,
    Mode::Plaintext,
    Mode::Mixed,
    Mode::Unknown,
];

macro_rules! families {
    ($($constant:ident = $name:literal, $help:literal;)+) => {
        $(const $constant: Family = Family { name: $name, help: $help };)+
        /// In the order in which they are written.
        const FAMILIES: &[Family] = &[$($constant,)+];
    };
}

families! {
    BUILD = "mtls_probe_build_info",
        "The version of the program that made the run; always 1.";
    RUN_AT = "mtls_probe_run_timestamp_seconds",
        "When the run ended, as a Unix time.";
    RUN_TOOK = "mtls_probe_run_duration_seconds",
        "How long the run took.";
    INTERRUPTED = "mtls_probe_run_interrupted",
        "1 where the run was stopped before its end: cells are missing.";
    CELLS = "mtls_probe_cells",
        "Cells by how they stand to what was expected of them; a cell is a source at an address of a target.";
    VERDICTS = "mtls_probe_verdicts",
        "Cells by code and by who refused: peer, probe, or nobody.";
    FINDINGS = "mtls_probe_findings",
        "Findings by code and severity.";
    LEFT_OUT = "mtls_probe_series_left_out",
        "Series that are left out because there are too many; what is in trouble is left out last.";
    CELL_MET = "mtls_probe_cell_met",
        "1 where every address is as expected, 0 where one is not or nobody could tell; absent where nothing is expected.";
    CELL_BROKEN = "mtls_probe_cell_broken",
        "At how many addresses the cell is not as expected.";
    CELL_IN_DOUBT = "mtls_probe_cell_inconclusive",
        "At how many addresses nobody could tell whether the cell is as expected.";
    CELL_VERDICT = "mtls_probe_cell_verdict",
        "At how many addresses the cell has this code, by who refused: peer, probe, or nobody.";
    MODE = "mtls_probe_target_mode",
        "1 for the mode that the target is in, 0 for the others.";
    MODE_WANTED = "mtls_probe_target_expected_mode",
        "1 for the mode that is expected of the target.";
    MODE_MET = "mtls_probe_target_mode_met",
        "1 where the target is in the mode that is expected of it, 0 where it is not or nobody could tell.";
    TARGET_ENDS = "mtls_probe_target_certificate_not_after_timestamp_seconds",
        "The notAfter of the certificate of the target that ends first: its leaf, an issuer it sends, or the root we trust.";
    TARGET_BEGAN = "mtls_probe_target_certificate_not_before_timestamp_seconds",
        "The notBefore of the same certificate.";
    TARGET_LATE = "mtls_probe_target_certificate_renewal_overdue_timestamp_seconds",
        "When the leaf of the target is overdue for its renewal, where it looks like one of Istio, Linkerd, SPIRE or csi-driver-spiffe.";
    SOURCE_ENDS = "mtls_probe_source_certificate_not_after_timestamp_seconds",
        "The notAfter of our certificate that ends first: the leaf of the source, an issuer it sends, or the root.";
    SOURCE_BEGAN = "mtls_probe_source_certificate_not_before_timestamp_seconds",
        "The notBefore of the same certificate.";
    PHASE = "mtls_probe_target_phase_duration_seconds",
        "How long each phase of a connection to the target took at the most: dns, tcp, tls, settle, request.";
}

/// As many as a scrape takes without a thought.
const MOST_SERIES: usize = 10_000;

#[cfg(test)]
mod tests;
