//! A table of situations: probed, compared, and written to `docs/ambient-linkerd.md`.

use std::fs;
use std::path::Path;

use tokio::sync::Mutex;

use crate::world::{COMERS, Names, Seen, WORLD, spoken};

/// What is timed wants the machine to itself.
pub(crate) static ALONE: Mutex<()> = Mutex::const_new(());

/// Where to, and what everybody gets there.
pub(crate) struct Situation {
    pub(crate) what: String,
    /// The keys of the target in a suite, but for its name and identity.
    pub(crate) target: String,
    /// In the order of [`COMERS`].
    pub(crate) want: [&'static str; 8],
    pub(crate) mode: &'static str,
}

/// Situations of one mesh.
pub(crate) struct Table {
    title: &'static str,
    names: Names,
    situations: Vec<Situation>,
}

impl Table {
    pub(crate) fn new(title: &'static str, names: Names) -> Self {
        Self {
            title,
            names,
            situations: vec![],
        }
    }

    pub(crate) fn add(&mut self, situation: Situation) {
        self.situations.push(situation);
    }

    /// Probes everything in one run, and looks for the table in the document.
    pub(crate) async fn check(&self) {
        let line = |(nth, one): (usize, &Situation)| {
            let target = &one.target;
            format!("  t{nth}: {{ id: sa/web, {target} }}\n")
        };
        let targets: String = self.situations.iter().enumerate().map(line).collect();
        let seen = WORLD.probe(self.names, &targets).await;
        let mut wrong = vec![];
        for (nth, one) in self.situations.iter().enumerate() {
            let name = format!("t{nth}");
            for (comer, want) in COMERS.into_iter().zip(one.want) {
                let cell = seen.cell(comer, &name);
                if spoken(cell) != want {
                    let (what, got) = (&one.what, spoken(cell));
                    let evidence = cell.evidence.join("; ");
                    wrong.push(format!(
                        "{what}, {comer}:\n    got:  {got}\n    want: {want}\n    {evidence}"
                    ));
                }
            }
            if seen.mode(&name) != one.mode {
                let (what, mode, want) = (&one.what, seen.mode(&name), one.mode);
                wrong.push(format!("{what}: mode {mode}, want {want}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.document(&seen);
    }

    /// The section of the document that is this table.
    fn document(&self, seen: &Seen) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ambient-linkerd.md");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let begin = format!("<!-- {}: written by tests/mesh_peers -->\n", self.title);
        let end = format!("<!-- end of {} -->\n", self.title);
        let got = format!("{begin}\n{}\n{end}", self.written(seen));
        if text.contains(&got) {
            return;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let (before, rest) = text.split_once(&begin).unwrap();
            let (_, after) = rest.split_once(&end).unwrap();
            fs::write(&path, format!("{before}{got}{after}")).unwrap();
            return;
        }
        panic!(
            "{} differs; run UPDATE_GOLDEN=1 cargo test and look at the difference",
            path.display()
        );
    }

    fn written(&self, seen: &Seen) -> String {
        let mut text = format!(
            "| what stands there; what is asked | {} | mode |\n",
            COMERS.join(" | ")
        );
        text += &format!("|{}\n", " --- |".repeat(COMERS.len() + 2));
        for (nth, one) in self.situations.iter().enumerate() {
            let name = format!("t{nth}");
            let cells = COMERS.map(|comer| brief(&spoken(seen.cell(comer, &name))));
            let mode = seen.mode(&name);
            text += &format!("| {} | {} | {mode} |\n", one.what, cells.join(" | "));
        }
        text
    }
}

/// `UNKNOWN_CA` where it is certain, `UNKNOWN_CA?` where it is likely, and all that it may be in brackets.
fn brief(spoken: &str) -> String {
    let (head, also) = spoken.split_once(": ").unwrap_or((spoken, ""));
    let (code, sure) = head.split_once(", ").unwrap();
    let code = match code.split_once(" by ") {
        Some((code, "probe")) => format!("`{code}` by probe"),
        Some((code, _)) => format!("`{code}`"),
        None => format!("`{code}`"),
    };
    match (sure, also) {
        ("likely", _) => format!("{code}?"),
        (_, "") if sure == "ambiguous" => format!("({code})"),
        (_, "") => code,
        (_, also) => format!("({code}: {also})"),
    }
}
